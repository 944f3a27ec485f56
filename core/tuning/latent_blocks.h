// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>
#include <vector>

#include "core/quantize/coded_block.h"
#include "core/training/tensor_file.h"
#include "core/training/training_blocks.h"

namespace safequant {

/// Blocks whose quantized linears have float weights that learn (latent weights, LLM-QAT, arXiv 2305.17888, section 3.2): every pass uses
/// them as roundToNearest codes them by their plan, with the ranges that the weights have at the time, and the gradient of what is used
/// goes straight through to them, ranges held fast, as the paper's own program has it. Inputs of linears are quantized per token as the
/// plan says. Linears that are left alone, biases and norms stay as they are. On the processor.
class LatentBlocks final : public TrainingBlocks {
public:
    explicit LatentBlocks(DecoderConfig config) : m_config(std::move(config)) {}
    /// Adds the next block. Throws std::invalid_argument on a plan that is not of the block.
    void add(BlockWeights weights, std::span<const LinearPlan> plan);

    /// True: passes use the float weights as they are, and quantize no activations.
    void setFullPrecision(bool on) { m_fullPrecision = on; }

    TensorBlock block(std::size_t index) override;
    /// Adds the gradients of the latent weights.
    void learned(std::size_t index, const TensorBlock& used) override;

    /// The latent weights by the names of their linears, in order: leaves.
    const std::vector<NamedTensor>& parameters() const { return m_parameters; }
    std::size_t blockCount() const { return m_blocks.size(); }
    /// The block's latent weights rounded to nearest.
    CodedBlock rounded(std::size_t index) const;

private:
    struct Block {
        BlockWeights kept;    // What does not learn; no matrices where a linear does.
        TensorBlock tensors;  // Weights of linears that learn are the latent ones.
        std::vector<LinearPlan> plan;
    };

    DecoderConfig m_config;
    std::vector<Block> m_blocks;
    std::vector<NamedTensor> m_parameters;
    bool m_fullPrecision = false;
};

}  // namespace safequant
