// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <optional>

#include "core/model/clone_block.h"
#include "core/quantize/data_types.h"
#include "core/quantize/quantize_block.h"
#include "core/tensor/device.h"
#include "core/tensor/tensor_conversion.h"
#include "core/training/adapted_blocks.h"
#include "core/tuning/tuner.h"
#include "core/tuning/tuning_loop.h"

namespace safequant {
namespace {

constexpr double kAdapterBits = 16.0;

/// An adapter's factor as it is stored.
at::Tensor storedFactor(const at::Tensor& factor) {
    return factor.detach().to(at::kBFloat16).to(at::kFloat);
}

class AdapterTuner final : public Tuner {
public:
    AdapterTuner(std::shared_ptr<const Checkpoint> checkpoint, const TuningOptions& options)
        : m_checkpoint(std::move(checkpoint)),
          m_options(options),
          m_adapter(LowRankAdapter::create(m_checkpoint->config(), {options.rank, options.alpha}, options.seed, at::kCPU)),
          m_blocks(std::make_shared<AdaptedBlocks>()) {}

    void add(BlockWeights weights, std::span<const LinearPlan> plan) override {
        checkBlockPlan("Tuner::add", plan);
        Base base;
        base.plan.assign(plan.begin(), plan.end());
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            LinearWeights& linear = weights.linears[i];
            linear.input = inputOf(plan[i].actual);
            if (!plan[i].quantized()) continue;
            DataTypeWeight coded = quantizeNf4(linear.weight, m_options.doubleQuantization);
            base.bits[i] = coded.bitsPerWeight;
            linear.weight = std::move(coded.values);
        }
        m_blocks->add(m_checkpoint->config(), weights, at::kCPU);
        for (const LowRankAdapter::Module& module : m_adapter.modules()) {
            const auto role = static_cast<std::size_t>(module.role);
            if (module.block != static_cast<int>(m_bases.size()) || !plan[role].quantized()) continue;
            base.changes[role] = module.change;
            m_blocks->attach(module);
            m_parameters.push_back({module.name + ".lora_A", module.change.a});
            m_parameters.push_back({module.name + ".lora_B", module.change.b});
            weights.linears[role].weight = Matrix();
        }
        base.kept = std::move(weights);
        m_bases.push_back(std::move(base));
    }

    Expected<void> begin(std::vector<TrainingSample> samples, const Progress& /*progress*/) override {
        if (samples.empty()) return fail(ErrorKind::BadInput, "There are no samples to learn from.");
        if (m_parameters.empty()) return fail(ErrorKind::BadInput, "No linear is quantized, so there is nothing to tune.");
        prepareTensorThreads();
        auto model = TrainingModel::load(m_checkpoint, m_blocks, at::kCPU, m_options.graphBytes());
        if (!model) return fail(model.error());
        m_loop.emplace(std::move(*model), std::move(samples), std::vector<at::Tensor>(), m_parameters, m_options);
        return {};
    }

    int done() const override { return m_loop->done(); }
    Expected<TuningStep> step(const std::stop_token& stop) override { return m_loop->step(stop); }

    CodedBlock tuned(int index) const override {
        const Base& base = m_bases[static_cast<std::size_t>(index)];
        const TensorBlock tensors = m_blocks->block(static_cast<std::size_t>(index));
        CodedBlock block;
        block.weights = cloneOf(base.kept);
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            QuantizedLinear coded;
            coded.scheme = base.plan[i].actual;
            if (base.plan[i].quantized()) {
                const LowRankChange& change = base.changes[i];
                const at::Tensor merged = tensors.linears[i].weight + at::mm(storedFactor(change.b), storedFactor(change.a)) * change.scale;
                const double out = static_cast<double>(merged.size(0)), in = static_cast<double>(merged.size(1));
                coded.rows = static_cast<int>(merged.size(0));
                coded.cols = static_cast<int>(merged.size(1));
                coded.values = valuesOf(merged);
                coded.valueBits = static_cast<float>(base.bits[i] + kAdapterBits * m_options.rank * (out + in) / (out * in));
                block.weights.linears[i].weight = coded.dequantize();
            }
            block.linears.push_back(std::move(coded));
        }
        return block;
    }

    Expected<void> save(const std::string& path) const override { return m_loop->save(path); }
    Expected<void> restore(const std::string& path) override { return m_loop->restore(path); }

private:
    struct Base {
        BlockWeights kept;  // No matrices where an adapter learns.
        std::vector<LinearPlan> plan;
        std::array<double, kLinearsPerBlock> bits{};  // A weight, without the adapter.
        std::array<LowRankChange, kLinearsPerBlock> changes;
    };

    std::shared_ptr<const Checkpoint> m_checkpoint;
    TuningOptions m_options;
    LowRankAdapter m_adapter;
    std::shared_ptr<AdaptedBlocks> m_blocks;
    std::vector<Base> m_bases;
    std::vector<NamedTensor> m_parameters;
    std::optional<TuningLoop> m_loop;
};

}  // namespace

std::unique_ptr<Tuner> Tuner::adapterOnNormalFloats(std::shared_ptr<const Checkpoint> checkpoint, const TuningOptions& options) {
    return std::make_unique<AdapterTuner>(std::move(checkpoint), options);
}

}  // namespace safequant
