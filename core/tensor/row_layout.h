// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/checkpoint/decoder_config.h"

namespace safequant {

/// Rows of one sequence in a batch of rows: it sees `prefixRows` rows from `prefixFirst`, which come first in position, and then
/// its own, each up to itself. The prefix is a sequence of its own without a prefix.
struct SequenceRows {
    std::int32_t first = 0, rows = 0;
    std::int32_t prefixFirst = 0, prefixRows = 0;

    std::int32_t keys() const { return prefixRows + rows; }  ///< Positions, the prefix's among them.
    /// Row of the batch at a position.
    std::int32_t rowAt(std::int32_t position) const {
        return position < prefixRows ? prefixFirst + position : first + position - prefixRows;
    }
};

/// How the rows of a batch, `[rows, hidden]`, belong to sequences, without padding.
struct RowLayout {
    std::int32_t rows = 0;
    std::vector<SequenceRows> sequences;  ///< Cover all rows, in order.

    /// Adds a sequence of its own; returns its index.
    std::size_t add(std::int32_t count);
    /// Adds a sequence that goes on from another one's end.
    std::size_t addAfter(std::size_t prefix, std::int32_t count);
};

/// Rotary cosines and sines of every row of a layout for one of a configuration's ropes, `[rows, rotary width / 2]` each.
struct RowAngles {
    at::Tensor cosines, sines;
};
/// Throws std::invalid_argument when frequencies depend on the length and sequences that share a prefix differ in them.
RowAngles rowAngles(const DecoderConfig& config, std::size_t rope, const RowLayout& layout, const at::Device& device);

}  // namespace safequant
