// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/quantize/round_to_nearest.h"

namespace safequant {

/// Counts of values in bins of equal width over [low, high]; a value on a bound belongs to the bin above it, one at `high` to the last.
struct ValueHistogram {
    double low = 0.0, high = 1.0;
    std::vector<std::uint64_t> counts;
    std::uint64_t below = 0, above = 0;  ///< Values outside.
};

/// Throws std::invalid_argument unless low < high, both finite, and there is a bin.
ValueHistogram histogramOf(std::span<const float> values, double low, double high, std::size_t bins);

/// Where full-precision weights lie on their own grids, and which codes the quantized ones have.
struct GridUse {
    int lowestCode = -8, highestCode = 7;
    ValueHistogram steps;                 ///< Of weight / scale + zero, in codes, one step beyond the grid on each side.
    std::vector<std::uint64_t> codes;     ///< How many weights have each code, from the lowest.
    std::uint64_t clipped = 0;            ///< Weights more than half a step outside their grid.
    double medianScale = 0.0;             ///< Of all groups (the upper one of two).
    float medianZero = 0.0F;              ///< Of the first group with that scale.
};

/// `weight` `[out, in]` is what `quantized` was made from; `binsPerStep` bins a step. Throws std::invalid_argument on shapes that differ.
GridUse gridUse(const Matrix& weight, const QuantizedLinear& quantized, std::size_t binsPerStep);

/// An input channel that is much larger than most.
struct OutlierChannel {
    int channel = 0;
    double largest = 0.0;  ///< |x|, over all rows.
    double ratio = 0.0;    ///< To the median of all channels.
};

/// Channels above this many times the median one are outliers: a quantizer with one scale a token spends its steps on them. LLM.int8()
/// (arXiv 2208.07339, section 4) draws its line at the absolute value 6, which fits models whose typical channels reach about 1.
inline constexpr double kOutlierRatio = 6.0;

/// Median of `largest` (mean of the middle two); 0 when empty.
double medianOf(std::span<const float> largest);

/// Channels whose largest |x| is above kOutlierRatio times the median, largest first. None when the median is 0.
std::vector<OutlierChannel> outlierChannels(std::span<const float> largest);

}  // namespace safequant
