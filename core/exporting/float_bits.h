// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace safequant {

/// The 16 bits of a float32 that is a bfloat16 value.
inline std::uint16_t bfloat16Bits(float value) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16); }

/// The 16 bits of a float32 that is an IEEE half-precision value (any, with subnormals and infinities).
inline std::uint16_t halfBits(float value) {
    constexpr float kSmallestNormal = 6.103515625e-05F;     // 2^-14
    constexpr float kSubnormalSteps = 16777216.0F;          // 2^24
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
    const float magnitude = std::fabs(value);
    if (!std::isfinite(value)) return static_cast<std::uint16_t>(sign | 0x7C00U | ((bits >> 13) & 0x3FFU));
    if (magnitude < kSmallestNormal) return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(magnitude * kSubnormalSteps));
    return static_cast<std::uint16_t>(sign | (((bits & 0x7FFFFFFFU) >> 13) - (112U << 10)));
}

/// The 16 bits of the half-precision value nearest to a float32, ties to even; beyond the range an infinity. NaN stays NaN.
inline std::uint16_t nearestHalfBits(float value) {
    constexpr std::uint32_t kSmallestNormal = 0x38800000U;  // 2^-14
    constexpr std::uint32_t kOverflow = 0x477FF000U;        // 65520 and above round to infinity.
    constexpr float kSubnormalMagic = 0.5F;                 // Its last bit is 2^-24, that of a subnormal half.
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000U;
    std::uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U);
    if (magnitude >= kOverflow) return static_cast<std::uint16_t>(sign | 0x7C00U);
    if (magnitude < kSmallestNormal) {
        const float rounded = std::bit_cast<float>(magnitude) + kSubnormalMagic;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(rounded) - std::bit_cast<std::uint32_t>(kSubnormalMagic)));
    }
    magnitude += 0xFFFU + ((magnitude >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((magnitude - (112U << 23)) >> 13));
}

/// The 16 bits of the bfloat16 value nearest to a float32, ties to even. NaN stays NaN.
inline std::uint16_t nearestBfloat16Bits(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
    return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace safequant
