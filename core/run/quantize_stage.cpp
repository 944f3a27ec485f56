// SPDX-License-Identifier: GPL-3.0-or-later
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

Expected<void> runQuantizeStage(Session& session) {
    const auto& inputs = session.inputs();
    const auto& config = inputs.checkpoint->config();
    const auto method = findQuantizationMethod(inputs.spec.method);
    if (!method) return fail(method.error());
    const bool keepsBlocks = inputs.spec.keepsBlocks();
    LearnedBlocks learned(session, session.folder());
    CalibratedBlocks calibrated(session, *method, session.folder());
    // A device leaves this machine's cores idle, unless a block has to be made before the next can be.
    ReadAhead<Expected<QuantizedBlock>> blocks([&](int block) { return loadQuantizedBlock(session.folder(), inputs, block); },
                                               inputs.device->isProcessor() || keepsBlocks ? 0 : config.blocks);
    std::vector<protocol::LinearInfo> linears;
    BlockStage stage(session, "quantize", "quantized");
    return stage.run(
        [&](ActivationStream& stream, int block) -> Expected<Matrix> {
            // The blocks of a tuned or patched model are there.
            if (keepsBlocks && !inputs.spec.patch && !(*method)->tunes)
                if (auto made = (*method)->learned() ? learned.require(block) : calibrated.require(block); !made) return fail(made.error());
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
