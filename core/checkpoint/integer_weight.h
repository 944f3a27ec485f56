// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace safequant {

/// A weight `[rows, cols]` on an integer grid: w = (code - zero) * scale. Products are computed from the codes.
struct IntegerWeight {
    std::size_t rows = 0, cols = 0;
    int bits = 8;                     ///< Of a code, 2 to 8.
    std::size_t groupSize = 0;        ///< Columns that share a scale; divides the columns.
    std::vector<std::int8_t> codes;   ///< `[rows, cols]`, signed.
    std::vector<float> scales;        ///< `[rows, groups]`.
    std::vector<std::int8_t> zeros;   ///< `[rows, groups]`; empty: all 0.

    std::size_t groups() const { return cols / groupSize; }
};

}  // namespace safequant
