// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/tensor_device.h"

#include <algorithm>
#include <new>
#include <optional>

#include "core/model/language_model.h"
#include "core/model/packed_forward.h"
#include "core/model/read_ahead.h"
#include "core/tensor/device.h"
#include "core/tensor/open_device.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

/// A chunk's output on its way from the device.
struct Returning {
    at::Tensor output, host;
    float* rows = nullptr;  // Where it goes.
};

}  // namespace

std::string TensorDevice::name() const { return m_device.is_cpu() ? "torch:cpu" : deviceName(m_device); }

bool TensorDevice::forwardBlock(const DecoderConfig& config, const BlockWeights& weights, const PackedSequences& sequences, Matrix& hidden,
                                const std::stop_token& stop) const {
    checkPackedRows(config, sequences, hidden.rows(), hidden.cols());
    const at::NoGradGuard guard;
    try {
        const TensorBlock block = tensorBlock(config, weights, m_device);
        const RowPlan plan = planRows(sequences, m_limits.chunkRows);
        PlanCaches caches(config, plan, m_device);
        std::vector<RopeTable> ropes = ropeTables(config);
        CopyStream copies(m_device);
        std::optional<Returning> returning;
        const auto collect = [&] {
            if (!returning) return;
            copies.wait();
            std::copy_n(returning->host.data_ptr<float>(), returning->host.numel(), returning->rows);
        };
        for (const RowChunk& chunk : plan.chunks) {
            if (stop.stop_requested()) {
                copies.wait();
                return false;
            }
            const CachedLayout layout = layOut(config, chunk.runs, caches.positions(chunk), ropes, m_device);
            const std::int64_t shape[] = {static_cast<std::int64_t>(chunk.rows), config.hiddenSize};
            at::Tensor input = hostTensor(shape, at::kFloat, m_device);
            std::copy_n(hidden.row(chunk.firstRow), input.numel(), input.data_ptr<float>());
            const at::Tensor output = caches.forward(config, block, chunk, layout, input.to(m_device, true));
            collect();  // The chunk before, while this one is computed.
            returning = Returning{output, hostTensor(shape, at::kFloat, m_device), hidden.row(chunk.firstRow)};
            copies.afterComputation([&] { returning->host.copy_(returning->output, true); });
        }
        collect();
        return true;
    } catch (const c10::OutOfMemoryError&) {
        throw std::bad_alloc();
    }
}

Expected<std::unique_ptr<LanguageModel>> TensorDevice::load(std::shared_ptr<const Checkpoint> checkpoint, const BlockSource& blocks,
                                                            const Progress& progress) const {
    const int count = checkpoint->config().blocks;
    try {
        progress(0, static_cast<std::uint64_t>(count));
        auto head = loadOutputHead(*checkpoint);
        if (!head) return fail(head.error());
        auto passes = std::make_unique<TensorPasses>(checkpoint, *head, m_device, m_limits);
        *head = OutputHead{};
        ReadAhead<Expected<BlockWeights>> ahead(blocks, count);
        for (int block = 0; block < count; ++block) {
            if (progress.stopRequested()) return fail(cancelledError());
            const auto weights = ahead(block);
            if (!weights) return fail(weights.error());
            passes->addBlock(*weights);
            progress(static_cast<std::uint64_t>(block) + 1, static_cast<std::uint64_t>(count));
        }
        return std::make_unique<PassLanguageModel>(checkpoint, std::move(passes));
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "Not enough memory for the model on " + name() + " and beside it; use a smaller model.", checkpoint->path());
    } catch (const c10::OutOfMemoryError&) {
        return fail(ErrorKind::OutOfMemory, "Not enough memory on " + name() + " for the head of the model.", checkpoint->path());
    }
}

Expected<std::shared_ptr<const ComputeDevice>> openDevice(const std::string& name) {
    if (name == "cpu") return processor();
    const auto device = parseDevice(name);
    if (!device) {
        Error error = device.error();
        error.context = "device";
        return fail(std::move(error));
    }
    prepareTensorThreads();
    return std::make_shared<TensorDevice>(*device);
}

}  // namespace safequant
