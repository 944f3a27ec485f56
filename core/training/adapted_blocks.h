// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/training/low_rank_adapter.h"
#include "core/training/training_blocks.h"

namespace safequant {

/// Frozen blocks in float32 with an adapter that learns.
class AdaptedBlocks final : public TrainingBlocks {
public:
    /// Loads every block; the adapter's tensors are shared with it. Progress counts blocks. Errors: those of the checkpoint, out_of_memory,
    /// cancelled.
    static Expected<std::shared_ptr<AdaptedBlocks>> load(const Checkpoint& checkpoint, const LowRankAdapter& adapter, const at::Device& device,
                                                         const Progress& progress = {});
    /// Adds the next block with the weights it keeps.
    void add(const DecoderConfig& config, const BlockWeights& weights, const at::Device& device) { m_blocks.push_back(tensorBlock(config, weights, device)); }
    /// Lets a module of an adapter change its linear; tensors are shared.
    void attach(const LowRankAdapter::Module& module) { m_blocks[static_cast<std::size_t>(module.block)][module.role].change = module.change; }

    TensorBlock block(std::size_t index) override { return m_blocks[index]; }
    void learned(std::size_t /*index*/, const TensorBlock& /*used*/) override {}

private:
    std::vector<TensorBlock> m_blocks;
};

}  // namespace safequant
