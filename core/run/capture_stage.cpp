// SPDX-License-Identifier: GPL-3.0-or-later

#include "core/activations/capture.h"
#include "core/model/read_ahead.h"
#include "core/run/base_reuse.h"
#include "core/run/block_results.h"
#include "core/run/block_stage.h"
#include "core/run/session.h"

namespace safequant {

Expected<void> runCaptureStage(Session& session) {
    const auto& inputs = session.inputs();
    if (auto reused = reuseBaseBlocks(session); !reused) return reused;

    const DecoderConfig& config = inputs.base->config();
    // A device leaves this machine's cores idle.
    ReadAhead<Expected<BlockWeights>> blocks(checkpointBlocks(inputs.base), inputs.device->isProcessor() ? 0 : config.blocks);
    BlockStage stage(session, "capture", "base");
    auto done = stage.run(
        [&](ActivationStream& stream, int block) -> Expected<Matrix> {
            const auto weights = blocks(block);
            if (!weights) return fail(weights.error());
            return advance(stream, config, *weights, {}, *inputs.device);
        },
        [&](int block, const Matrix& activations) -> Expected<BlockOutcome> {
            return measureBaseBlock(inputs, block, activations);
        });
    if (!done) return done;
    return keepBaseHashes(session);
}

}  // namespace safequant
