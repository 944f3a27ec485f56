// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include "core/activations/capture.h"
#include "core/activations/store.h"
#include "core/model/read_ahead.h"
#include "core/quantize/method.h"
#include "core/run/block_results.h"
#include "core/run/block_stage.h"
#include "core/run/calibrated_blocks.h"
#include "core/run/learned_blocks.h"
#include "core/run/quantized_blocks.h"
#include "core/run/session.h"

namespace safequant {
namespace {

/// Makes the blocks of a run that its method has to make one after the other.
class BlockMaker {
public:
    BlockMaker(Session& session, const QuantizationMethod* method)
        : m_session(session), m_method(method), m_learned(session, session.folder()), m_calibrated(session, method, session.folder()) {}

    /// Makes sure that a block can be loaded.
    Expected<void> require(int block) {
        const RunSpec& spec = m_session.inputs().spec;
        // The blocks of a tuned or patched model are there.
        if (!spec.keepsBlocks() || spec.patch || m_method->tunes) return {};
        return m_method->learned() ? m_learned.require(block) : m_calibrated.require(block);
    }

private:
    Session& m_session;
    const QuantizationMethod* m_method;
    LearnedBlocks m_learned;
    CalibratedBlocks m_calibrated;
};

/// Without activations to measure them by, blocks are made and their bits are counted.
Expected<void> makeBlocks(Session& session, BlockMaker& maker) {
    const auto& inputs = session.inputs();
    const int blocks = inputs.checkpoint->config().blocks;
    std::error_code code;
    std::filesystem::create_directories(session.folder() + "/blocks", code);
    if (code) return fail(ErrorKind::Io, "Cannot be created: " + code.message() + ".", session.folder() + "/blocks");
    auto& schedule = session.schedule();
    schedule.begin("quantize");
    double bits = 0.0, weights = 0.0;
    for (int block = 0; block < blocks; ++block) {
        if (session.stop().stop_requested()) return fail(cancelledError());
        if (auto made = maker.require(block); !made) return made;
        const auto quantized = loadQuantizedBlock(session.folder(), inputs, block);
        if (!quantized) return fail(quantized.error());
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            if (!quantized->linears[i].plan.quantized()) continue;
            const auto size = static_cast<double>(quantized->weights.linears[i].weight.size());
            bits += quantized->linears[i].bitsPerWeight * size;
            weights += size;
        }
        schedule.advance("quantize", static_cast<std::uint64_t>(block) + 1);
        if (auto told = session.tellProgress("quantize"); !told) return told;
    }
    if (weights > 0.0) session.manifest().json()["bits_per_weight"] = bits / weights;
    schedule.end("quantize");
    return session.keepTiming("quantize");
}

}  // namespace

Expected<void> runQuantizeStage(Session& session) {
    const auto& inputs = session.inputs();
    const auto& config = inputs.checkpoint->config();
    const auto method = findQuantizationMethod(inputs.spec.method);
    if (!method) return fail(method.error());
    BlockMaker maker(session, *method);
    if (!inputs.spec.hasStage("capture")) return makeBlocks(session, maker);
    // A device leaves this machine's cores idle, unless a block has to be made before the next can be.
    ReadAhead<Expected<QuantizedBlock>> blocks([&](int block) { return loadQuantizedBlock(session.folder(), inputs, block); },
                                               inputs.device->isProcessor() || inputs.spec.keepsBlocks() ? 0 : config.blocks);
    std::vector<protocol::LinearInfo> linears;
    BlockStage stage(session, "quantize", "quantized");
    return stage.run(
        [&](ActivationStream& stream, int block) -> Expected<Matrix> {
            if (auto made = maker.require(block); !made) return fail(made.error());
            const auto quantized = blocks(block);
            if (!quantized) return fail(quantized.error());
            linears.clear();
            for (const auto& linear : quantized->linears) linears.push_back(linearInfo(linear, config));
            auto activations = advance(stream, config, quantized->weights, {}, *inputs.device);
            // Probes and axes are the base model's.
            if (activations && inputs.residualRotation) inputs.residualRotation->applyInverse(activations->data(), activations->rows());
            return activations;
        },
        [&](int block, const Matrix& activations) -> Expected<BlockOutcome> {
            const auto base = readArrayFile(blockPath(session.folder(), "base", block));
            if (!base) return fail(base.error());
            return measureQuantizedBlock(inputs, block, activations, *base, linears);
        });
}

}  // namespace safequant
