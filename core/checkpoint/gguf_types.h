// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace safequant {

/// How a tensor's values are stored: blocks of `values` numbers in `bytes` bytes (1 value a block for plain floats).
struct StorageType {
    static constexpr std::uint32_t kNotGgml = ~std::uint32_t{0};  ///< Types that only safetensors files have.

    std::string_view name;     ///< "F32", "Q4_1", ...
    std::uint32_t ggmlId = 0;  ///< Number in GGUF tensor infos, or `kNotGgml`.
    std::uint32_t values = 1;
    std::uint32_t bytes = 4;
    /// Converts `count` blocks at any address to float32; bit-equal on every CPU. Null: this type cannot be read.
    void (*decode)(const std::uint8_t* blocks, std::size_t count, float* out) = nullptr;

    /// Where each value is a signed code times a scale: bits of a code, and how many values share a scale. 0: values are something else.
    int codeBits = 0;
    std::uint32_t codesPerScale = 0;
    /// The codes of `count` blocks and their scales; their products are what `decode` gives. Null without codes.
    void (*codes)(const std::uint8_t* blocks, std::size_t count, std::int8_t* codes, float* scales) = nullptr;
};

/// The type with a ggml number; null when the number is unknown.
const StorageType* storageTypeOf(std::uint32_t ggmlId);
/// The type with a name ("F32", "F16", "BF16", "Q8_0", ...); null when unknown.
const StorageType* storageTypeNamed(std::string_view name);

/// IEEE half precision to single, exact.
float halfToFloat(std::uint16_t bits);

}  // namespace safequant
