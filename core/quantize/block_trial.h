// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "core/model/block_runner.h"
#include "core/model/packed_sequences.h"
#include "core/quantize/input_statistics.h"
#include "core/quantize/method.h"
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
        /// `outputError` is ||W x - Q x|| / ||W x|| over the last tokens' inputs x of the unquantized block, activations not quantized; where
        /// scales moved from a norm, x is divided by them before Q.
        std::vector<LinearOutcome> linears;
    };
    /// Rounds the block's weights to nearest by a plan of its seven linears.
    Candidate round(std::span<const LinearPlan> plan) const;

    /// Codes them by a method that calibrates, from what enters the unquantized block's linears in all rows of the sequences `calibration`,
    /// a prefix that they share counting once; kept for the next time, so the sequences must be the same each time. Nothing when stopped. Throws std::invalid_argument for a method that does not calibrate quickly.
    std::optional<Candidate> calibrate(const QuantizationMethod& method, const CalibrationOptions& options, std::span<const LinearPlan> plan,
                                       std::span<const std::size_t> calibration, const std::stop_token& stop = {});

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
    /// Fills in how far the outputs of a candidate's linears are off; `weights` are its own.
    void measureOutputs(const BlockWeights& weights, Candidate& candidate) const;
    bool keepStatistics(std::span<const std::size_t> calibration, const std::stop_token& stop);

    DecoderConfig m_config;
    BlockWeights m_weights;
    PackedSequences m_sequences;
    Matrix m_input;
    BlockRunner m_runner;
    std::array<Group, 4> m_groups;  // In the order of InputGroup.
    std::vector<InputStatistics> m_statistics;  // The same; empty until they are asked for.
};

}  // namespace safequant
