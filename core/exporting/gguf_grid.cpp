// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/gguf_grid.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "core/exporting/float_bits.h"

namespace safequant {
namespace {

constexpr int kBlock = 32;
constexpr int kSuperBlock = 256;
constexpr int kSubBlocks = kSuperBlock / kBlock;
constexpr int kMaxFactor = 63;  // Six bits.

constexpr std::array<const char*, 5> kGridTypes = {"Q4_0", "Q4_K", "Q4_1", "Q5_0", "Q8_0"};

/// The 32 codes that share a block, and what they stand for: value = (code - zero) * scale.
struct BlockView {
    const std::int8_t* codes;
    float scale;
    int zero;
    int lowest;  ///< -2^(bits - 1), the first code.
};

bool isHalf(double value) {
    const auto single = static_cast<float>(value);
    return static_cast<double>(single) == value && std::isfinite(single) &&
           halfToFloat(nearestHalfBits(single)) == single;
}

void putHalf(std::uint8_t* at, float value) {
    const std::uint16_t bits = nearestHalfBits(value);
    std::memcpy(at, &bits, sizeof bits);
}

/// Q4_0, Q5_0 and Q8_0: value = d * signed code.
bool encodeCentred(const BlockView& block, int bits, std::uint8_t* out) {
    if (!isHalf(static_cast<double>(block.scale))) return false;
    const int limit = 1 << (bits - 1);
    std::array<int, kBlock> codes{};
    for (int i = 0; i < kBlock; ++i) {
        codes[static_cast<std::size_t>(i)] = block.codes[i] - block.zero;
        if (codes[static_cast<std::size_t>(i)] < -limit || codes[static_cast<std::size_t>(i)] >= limit) return false;
    }
    putHalf(out, block.scale);
    std::uint8_t* packed = out + 2;
    if (bits == 8) {
        for (std::size_t i = 0; i < kBlock; ++i) packed[i] = static_cast<std::uint8_t>(codes[i]);
        return true;
    }
    std::uint32_t high = 0;
    if (bits == 5) packed += 4;
    for (std::size_t i = 0; i < kBlock / 2; ++i) {
        const auto first = static_cast<std::uint32_t>(codes[i] + limit);
        const auto second = static_cast<std::uint32_t>(codes[i + kBlock / 2] + limit);
        packed[i] = static_cast<std::uint8_t>((first & 15U) | (second & 15U) << 4);
        high |= (first >> 4) << i | (second >> 4) << (i + kBlock / 2);
    }
    if (bits == 5) std::memcpy(out + 2, &high, sizeof high);
    return true;
}

/// Q4_1: value = d * code + m.
bool encodeShifted(const BlockView& block, std::uint8_t* out) {
    const double minimum = -static_cast<double>(block.zero - block.lowest) * static_cast<double>(block.scale);
    if (block.lowest < -8 || !isHalf(static_cast<double>(block.scale)) || !isHalf(minimum)) return false;
    putHalf(out, block.scale);
    putHalf(out + 2, static_cast<float>(minimum));
    for (int i = 0; i < kBlock / 2; ++i)
        out[4 + i] = static_cast<std::uint8_t>((block.codes[i] - block.lowest) |
                                               (block.codes[i + kBlock / 2] - block.lowest) << 4);
    return true;
}

struct Factored {
    float unit = 0.0F;
    std::array<int, kSubBlocks> factors{};
};

/// Writes non-negative values as unit * factor with a half unit and factors of six bits, exactly.
std::optional<Factored> factor(const std::array<double, kSubBlocks>& values) {
    const double largest = *std::max_element(values.begin(), values.end());
    if (largest == 0.0) return Factored{};
    for (int divisor = 1; divisor <= kMaxFactor; ++divisor) {
        const double unit = largest / divisor;
        if (!isHalf(unit)) continue;
        Factored result{static_cast<float>(unit), {}};
        bool exact = true;
        for (std::size_t j = 0; j < kSubBlocks && exact; ++j) {
            const double ratio = values[j] / unit;
            result.factors[j] = static_cast<int>(ratio);
            exact = static_cast<double>(result.factors[j]) == ratio;
        }
        if (exact) return result;
    }
    return std::nullopt;
}

/// Q4_K: value = d * factor * code - dmin * minimum factor, for eight blocks at once.
bool encodeSuper(const std::array<BlockView, kSubBlocks>& blocks, std::uint8_t* out) {
    std::array<double, kSubBlocks> scales{}, minima{};
    for (std::size_t j = 0; j < kSubBlocks; ++j) {
        if (blocks[j].lowest < -8) return false;
        scales[j] = static_cast<double>(blocks[j].scale);
        minima[j] = static_cast<double>(blocks[j].zero - blocks[j].lowest) * scales[j];
    }
    const auto scale = factor(scales);
    const auto minimum = factor(minima);
    if (!scale || !minimum) return false;
    putHalf(out, scale->unit);
    putHalf(out + 2, minimum->unit);
    std::uint8_t* packed = out + 4;
    std::fill_n(packed, 12, std::uint8_t{0});
    for (std::size_t j = 0; j < kSubBlocks; ++j) {
        const auto s = static_cast<unsigned>(scale->factors[j]);
        const auto m = static_cast<unsigned>(minimum->factors[j]);
        if (j < 4) {
            packed[j] = static_cast<std::uint8_t>(packed[j] | s);
            packed[j + 4] = static_cast<std::uint8_t>(packed[j + 4] | m);
        } else {
            packed[j + 4] = static_cast<std::uint8_t>((s & 15U) | (m & 15U) << 4);
            packed[j - 4] = static_cast<std::uint8_t>(packed[j - 4] | (s >> 4) << 6);
            packed[j] = static_cast<std::uint8_t>(packed[j] | (m >> 4) << 6);
        }
    }
    std::uint8_t* codes = out + 16;
    for (std::size_t j = 0; j < kSubBlocks; j += 2)
        for (int i = 0; i < kBlock; ++i)
            *codes++ = static_cast<std::uint8_t>((blocks[j].codes[i] - blocks[j].lowest) |
                                                 (blocks[j + 1].codes[i] - blocks[j + 1].lowest) << 4);
    return true;
}

}  // namespace

std::span<const char* const> gridTypeNames() {
    return kGridTypes;
}

std::optional<std::vector<std::uint8_t>> encodeGrid(const QuantizedLinear& linear, const StorageType& type) {
    if (std::find(kGridTypes.begin(), kGridTypes.end(), type.name) == kGridTypes.end())
        throw std::invalid_argument("[encodeGrid] got type " + std::string(type.name) +
                                    ", need one of gridTypeNames()");
    const int group = linear.scheme.groupSize > 0 ? linear.scheme.groupSize : linear.cols;
    const auto values = static_cast<int>(type.values);
    if (group % kBlock != 0 || linear.cols % values != 0) return std::nullopt;

    const auto blockAt = [&](int row, int column) {
        const auto cell = static_cast<std::size_t>(row) * static_cast<std::size_t>(linear.groups()) +
                          static_cast<std::size_t>(column / group);
        const std::size_t first =
            static_cast<std::size_t>(row) * static_cast<std::size_t>(linear.cols) + static_cast<std::size_t>(column);
        return BlockView{linear.codes.data() + first, linear.scales[cell],
                         linear.scheme.symmetric ? 0 : linear.zeros[cell], -(1 << (linear.scheme.weightBits - 1))};
    };
    std::vector<std::uint8_t> out(static_cast<std::size_t>(linear.rows) *
                                  static_cast<std::size_t>(linear.cols / values) * type.bytes);
    std::uint8_t* at = out.data();
    for (int row = 0; row < linear.rows; ++row) {
        for (int column = 0; column < linear.cols; column += values, at += type.bytes) {
            bool held = false;
            if (values == kSuperBlock) {
                std::array<BlockView, kSubBlocks> blocks{};
                for (int j = 0; j < kSubBlocks; ++j)
                    blocks[static_cast<std::size_t>(j)] = blockAt(row, column + j * kBlock);
                held = encodeSuper(blocks, at);
            } else if (type.name == "Q4_1") {
                held = encodeShifted(blockAt(row, column), at);
            } else {
                held = encodeCentred(blockAt(row, column), type.name == "Q4_0" ? 4 : type.name == "Q5_0" ? 5 : 8, at);
            }
            if (!held) return std::nullopt;
        }
    }
    return out;
}

std::string gridProblem(const QuantizationScheme& scheme, int cols) {
    const int group = scheme.groupSize > 0 ? scheme.groupSize : cols;
    if (scheme.orderedGroups)
        return "ggml's blocks are of neighbouring columns, not of an order of their own: quantize with another column order, or export as "
               "compressed-tensors";
    if (cols % kBlock != 0)
        return "rows of " + std::to_string(cols) + " weights fill no whole blocks of 32: leave such linears at 16 bits";
    if (group % kBlock != 0)
        return "groups of " + std::to_string(group) + " cut ggml's blocks of 32: choose groups of " +
               std::to_string(std::max(1, (group + kBlock / 2) / kBlock) * kBlock);
    if (scheme.weightBits == 8 && !scheme.symmetric)
        return "no block type has 8 bits and a zero point: choose 8 bits symmetric (Q8_0), or up to 7 bits asymmetric";
    return {};
}

std::vector<std::uint8_t> encodeRows(std::span<const float> values, std::size_t cols, const StorageType& type) {
    if (cols == 0 || values.size() % cols != 0 || cols % type.values != 0)
        throw std::invalid_argument("[encodeRows] got " + std::to_string(values.size()) + " values in rows of " +
                                    std::to_string(cols) + ", need whole rows of whole blocks of " +
                                    std::to_string(type.values));
    std::vector<std::uint8_t> out(values.size() / type.values * type.bytes);
    if (type.name == "F32") {
        std::memcpy(out.data(), values.data(), out.size());
    } else if (type.name == "F16" || type.name == "BF16") {
        const auto bitsOf = type.name == "F16" ? nearestHalfBits : nearestBfloat16Bits;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::uint16_t bits = bitsOf(values[i]);
            std::memcpy(out.data() + 2 * i, &bits, sizeof bits);
        }
    } else if (type.name == "Q8_0") {
        std::uint8_t* at = out.data();
        for (std::size_t first = 0; first < values.size(); first += kBlock, at += type.bytes) {
            float largest = 0.0F;
            for (std::size_t i = 0; i < kBlock; ++i) largest = std::max(largest, std::fabs(values[first + i]));
            const float scale = largest / 127.0F;
            const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
            putHalf(at, scale);
            for (std::size_t i = 0; i < kBlock; ++i)
                at[2 + i] =
                    static_cast<std::uint8_t>(static_cast<std::int8_t>(std::round(values[first + i] * inverse)));
        }
    } else {
        throw std::invalid_argument("[encodeRows] got type " + std::string(type.name) +
                                    ", need F32, F16, BF16 or Q8_0");
    }
    return out;
}

}  // namespace safequant
