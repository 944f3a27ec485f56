// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/quantize/calibration_set.h"
#include "core/tensor/tensor_block.h"

namespace safequant {

/// Some samples as one batch of rows without padding.
struct CalibrationBatch {
    RowLayout layout;
    std::vector<std::size_t> samples;
    std::vector<std::int32_t> lastRows;   ///< `[samples]`, the batch row of the last token of each one's prompt.
    std::vector<std::vector<std::int32_t>> sampleRows;  ///< `[samples]`, each one's own batch rows.
    std::vector<std::vector<std::int32_t>> prefixRows;  ///< Batch rows of each prefix that samples share.
    struct Piece {
        std::size_t group;
        std::int32_t first, rows;
    };
    std::vector<Piece> pieces;  ///< Where the batch's rows lie in a stream, in order.
};

/// Calibration samples in batches to learn from.
class CalibrationRows : public CalibrationSet {
public:
    using CalibrationSet::CalibrationSet;

    CalibrationBatch batch(std::span<const std::size_t> samples) const;
    /// Rows of a batch, `[batch rows, hidden]`.
    static at::Tensor gather(const CalibrationStream& stream, const CalibrationBatch& batch, const at::Device& device);
};

}  // namespace safequant
