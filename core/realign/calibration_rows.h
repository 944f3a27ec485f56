// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/matrix.h"
#include "core/model/decoder.h"
#include "core/model/packed_sequences.h"
#include "core/realign/learning_options.h"
#include "core/tensor/tensor_block.h"

namespace safequant {

/// Activations of all samples between two blocks: one matrix `[rows, hidden]` for each group of CalibrationRows.
using CalibrationStream = std::vector<Matrix>;

/// Some samples as one batch of rows without padding.
struct CalibrationBatch {
    RowLayout layout;
    std::vector<std::size_t> samples;
    std::vector<std::int32_t> lastRows;   ///< `[samples]`, the batch row of each one's last token.
    std::vector<std::vector<std::int32_t>> sampleRows;  ///< `[samples]`, all batch rows of each, its prefix's first.
    struct Piece {
        std::size_t group;
        std::int32_t first, rows;
    };
    std::vector<Piece> pieces;  ///< Where the batch's rows lie in a stream, in order.
};

/// Calibration samples packed without padding: those of chats share the rows of their common prefix, passages of text stand alone.
class CalibrationRows {
public:
    /// Throws std::invalid_argument on an empty sample.
    CalibrationRows(const DecoderConfig& config, std::vector<LearningSample> samples);

    const std::vector<LearningSample>& samples() const { return m_samples; }
    const std::vector<PackedSequences>& groups() const { return m_groups; }
    /// Rows all groups have together.
    std::size_t rows() const;

    CalibrationBatch batch(std::span<const std::size_t> samples) const;
    /// Group and row of the position `fromEnd` tokens before a sample's last, 0 being the last; a row of the shared prefix when it
    /// reaches back that far.
    std::pair<std::size_t, std::int32_t> rowFromEnd(std::size_t sample, std::int32_t fromEnd) const;

    /// Group and rows `[first, last)` that are a sample's own, without the shared prefix.
    std::tuple<std::size_t, std::int32_t, std::int32_t> ownRows(std::size_t sample) const;

    /// Rows of a batch, `[batch rows, hidden]`.
    static at::Tensor gather(const CalibrationStream& stream, const CalibrationBatch& batch, const at::Device& device);

    /// The embeddings of all samples. Errors: those of the checkpoint.
    Expected<CalibrationStream> embed(const Checkpoint& checkpoint) const;
    /// Runs one block over a stream, in place. False when stopped.
    bool advance(const DecoderConfig& config, const BlockWeights& weights, CalibrationStream& stream, const std::stop_token& stop = {}) const;

private:
    struct Place {
        std::size_t group, sequence;
    };
    std::vector<LearningSample> m_samples;
    std::vector<Place> m_places;
    std::vector<PackedSequences> m_groups;
};

/// A copy of a stream.
CalibrationStream cloneStream(const CalibrationStream& stream);

}  // namespace safequant
