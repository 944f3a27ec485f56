// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>
#include <stop_token>
#include <vector>

#include "core/model/block_runner.h"
#include "core/model/packed_sequences.h"
#include "core/quantize/quantize_block.h"

namespace safequant {

/// One block with what enters it, kept so that schemes can be tried on it one after the other: what comes out at the last tokens, and how
/// far each linear is off. The input is the unquantized model's, so that a trial shows what the block alone does.
class BlockTrial {
public:
    /// `weights` in full precision; `input` `[rows, hidden]` is the block's, of all rows of `sequences`; errors of linears' outputs are
    /// measured at the last rows of `measured`. Throws std::invalid_argument on shapes that disagree.
    BlockTrial(const DecoderConfig& config, BlockWeights weights, PackedSequences sequences, Matrix input, std::vector<std::size_t> measured);

    /// A block that is tried, ready to run.
    struct Candidate {
        PackedBlock block;
        /// `outputError` is ||W x - Q x|| / ||W x|| over the last tokens' inputs x of the unquantized block, activations not quantized.
        std::vector<LinearOutcome> linears;
    };
    /// Rounds the block's weights to nearest by a plan of its seven linears.
    Candidate round(std::span<const LinearPlan> plan) const;

    /// What a block like this one puts out at the last rows of some sequences, `[chosen, hidden]`: bit for bit what running it over all rows
    /// leaves there. Empty when stopped.
    Matrix outputs(const PackedBlock& block, std::span<const std::size_t> chosen, const std::stop_token& stop = {});

private:
    struct Group {
        Matrix inputs;                ///< At the measured rows, `[measured, columns]`.
        std::vector<Matrix> outputs;  ///< Of each of its linears, `[measured, rows rounded up to 16]`.
        std::vector<double> energies;  ///< ||W x||^2 of each.
    };
    void keepInputs(std::span<const std::size_t> measured);

    DecoderConfig m_config;
    BlockWeights m_weights;
    PackedSequences m_sequences;
    Matrix m_input;
    BlockRunner m_runner;
    std::array<Group, 4> m_groups;  // In the order of InputGroup.
};

}  // namespace safequant
