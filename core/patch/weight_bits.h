// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace safequant {

/// A choice among the weights of a linear, row by row, 64 a word from the lowest bit on.
using WeightBits = std::vector<std::uint64_t>;

inline bool hasBit(std::span<const std::uint64_t> bits, std::size_t index) { return ((bits[index / 64] >> (index % 64)) & 1U) != 0; }
inline void setBit(std::span<std::uint64_t> bits, std::size_t index) { bits[index / 64] |= std::uint64_t{1} << (index % 64); }

/// Of one value a weight, 0 or 1.
inline WeightBits packBits(std::span<const std::uint8_t> values) {
    WeightBits bits((values.size() + 63) / 64, 0);
    for (std::size_t i = 0; i < values.size(); ++i) bits[i / 64] |= static_cast<std::uint64_t>(values[i]) << (i % 64);
    return bits;
}

inline void unpackBits(std::span<const std::uint64_t> bits, std::span<std::uint8_t> values) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(hasBit(bits, i));
}

}  // namespace safequant
