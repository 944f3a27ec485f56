// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/bit_packing.h"

#include <stdexcept>
#include <string>

namespace safequant {
namespace {

constexpr std::size_t kPackedWordBits = 32;

void check(std::span<const std::int8_t> codes, std::size_t rows, std::size_t cols, int bits) {
    if (bits < 2 || bits > 8)
        throw std::invalid_argument("[packRows] got " + std::to_string(bits) + " bits, need 2 to 8");
    if (codes.size() != rows * cols)
        throw std::invalid_argument("[packRows] got " + std::to_string(codes.size()) + " codes, need " + std::to_string(rows) +
                                    " x " + std::to_string(cols));
    const int lowest = -(1 << (bits - 1)), highest = (1 << (bits - 1)) - 1;
    for (const std::int8_t code : codes) {
        if (code < lowest || code > highest)
            throw std::invalid_argument("[packRows] got code " + std::to_string(code) + ", need one of " + std::to_string(bits) +
                                        " bits");
    }
}

/// Adds code number k of a line whose words lie `stride` apart.
void place(std::uint32_t* words, std::size_t stride, std::size_t k, std::int8_t code, int bits) {
    const auto value = static_cast<std::uint32_t>(code + (1 << (bits - 1)));
    const std::size_t first = k * static_cast<std::size_t>(bits);
    const std::size_t word = first / kPackedWordBits, shift = first % kPackedWordBits;
    words[word * stride] |= value << shift;
    if (shift + static_cast<std::size_t>(bits) > kPackedWordBits) words[(word + 1) * stride] |= value >> (kPackedWordBits - shift);
}

}  // namespace

std::size_t packedWords(std::size_t count, int bits) {
    return (count * static_cast<std::size_t>(bits) + kPackedWordBits - 1) / kPackedWordBits;
}

std::vector<std::uint32_t> packRows(std::span<const std::int8_t> codes, std::size_t rows, std::size_t cols, int bits) {
    check(codes, rows, cols, bits);
    const std::size_t width = packedWords(cols, bits);
    std::vector<std::uint32_t> words(rows * width, 0);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) place(words.data() + r * width, 1, c, codes[r * cols + c], bits);
    }
    return words;
}

std::vector<std::uint32_t> packColumns(std::span<const std::int8_t> codes, std::size_t rows, std::size_t cols, int bits) {
    check(codes, rows, cols, bits);
    std::vector<std::uint32_t> words(packedWords(rows, bits) * cols, 0);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) place(words.data() + c, cols, r, codes[r * cols + c], bits);
    }
    return words;
}

}  // namespace safequant
