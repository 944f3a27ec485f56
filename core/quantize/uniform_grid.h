// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace safequant {

/// A scale as exports store it: rounded to bfloat16; one that rounds to 0 becomes float32 epsilon.
[[gnu::always_inline]] inline float storedScale(float scale) {
    const auto bits = std::bit_cast<std::uint32_t>(scale);
    const float rounded = std::bit_cast<float>((bits + 0x7FFFU + ((bits >> 16) & 1U)) & 0xFFFF0000U);
    return rounded == 0.0F ? std::numeric_limits<float>::epsilon() : rounded;
}

/// The grid of one group in the convention of roundToNearest: value = (code - zero) * scale.
struct UniformGrid {
    float scale = 1.0F, zero = 0.0F;
    float lowest = -8.0F, highest = 7.0F;  ///< Codes.

    float code(float weight) const { return std::nearbyint(std::clamp(weight / scale + zero, lowest, highest)); }
    float value(float code) const { return (code - zero) * scale; }
    float rounded(float weight) const { return value(code(weight)); }
};

/// The grid over a range with low <= 0 <= high; a symmetric one over the larger side.
inline UniformGrid uniformGrid(float low, float high, int bits, bool symmetric) {
    UniformGrid grid;
    grid.lowest = -static_cast<float>(1 << (bits - 1));
    grid.highest = -grid.lowest - 1.0F;
    const float steps = grid.highest - grid.lowest;
    if (symmetric) {
        grid.scale = storedScale(std::max(-low, high) / (steps / 2.0F));
    } else {
        grid.scale = storedScale((high - low) / steps);
        grid.zero = std::nearbyint(std::clamp(grid.lowest - low / grid.scale, grid.lowest, grid.highest));
    }
    return grid;
}

}  // namespace safequant
