// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/adapted_blocks.h"

#include <new>

#include "core/model/block_runner.h"

namespace safequant {

Expected<std::shared_ptr<AdaptedBlocks>> AdaptedBlocks::load(const Checkpoint& checkpoint, const LowRankAdapter& adapter, const at::Device& device,
                                                             const Progress& progress) {
    const DecoderConfig& config = checkpoint.config();
    auto adapted = std::make_shared<AdaptedBlocks>();
    try {
        for (int block = 0; block < config.blocks; ++block) {
            if (progress.stopRequested()) return fail(cancelledError());
            const auto weights = loadBlock(checkpoint, block);
            if (!weights) return fail(weights.error());
            adapted->add(config, *weights, device);
            progress(static_cast<std::uint64_t>(block) + 1, static_cast<std::uint64_t>(config.blocks));
        }
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "There is not enough memory for the model's weights in float32.", checkpoint.path());
    }
    for (const LowRankAdapter::Module& module : adapter.modules()) adapted->attach(module);
    return adapted;
}

}  // namespace safequant
