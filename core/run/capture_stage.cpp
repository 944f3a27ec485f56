// SPDX-License-Identifier: GPL-3.0-or-later

#include "core/activations/capture.h"
#include "core/run/base_reuse.h"
#include "core/run/block_results.h"
#include "core/run/block_stage.h"
#include "core/run/session.h"

namespace safequant {

Expected<void> runCaptureStage(Session& session) {
    const auto& inputs = session.inputs();
    if (auto reused = reuseBaseBlocks(session); !reused) return reused;

    const auto blocks = checkpointBlocks(inputs.base);
    BlockStage stage(session, "capture", "base");
    auto done = stage.run(
        [&](ActivationStream& stream, int block) -> Expected<Matrix> {
            const auto weights = blocks(block);
            if (!weights) return fail(weights.error());
            return advance(stream, inputs.base->config(), *weights);
        },
        [&](int block, const Matrix& activations) -> Expected<BlockOutcome> {
            return measureBaseBlock(inputs, block, activations);
        });
    if (!done) return done;
    return keepBaseHashes(session);
}

}  // namespace safequant
