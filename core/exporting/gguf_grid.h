// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/checkpoint/gguf_types.h"
#include "core/quantize/round_to_nearest.h"

namespace safequant {

/// Block types a GGUF export writes grids in, the smallest first: Q4_0, Q4_K, Q4_1, Q5_0, Q8_0.
std::span<const char* const> gridTypeNames();

/// Bytes of a grid `[rows, cols]` in blocks of a type, so that what ggml computes from them is bit for bit what the
/// grid stands for; nothing when the type cannot hold it (too many codes, a group that cuts a block, a scale or minimum
/// that is no half). Throws std::invalid_argument for a type that is not among gridTypeNames().
std::optional<std::vector<std::uint8_t>> encodeGrid(const QuantizedLinear& linear, const StorageType& type);

/// Why no type holds every grid of a scheme and the nearest scheme that one does, e.g. "groups of 24 cut ggml's blocks
/// of 32: choose groups of 32"; empty when a type may hold it. `cols`: columns of the linear.
std::string gridProblem(const QuantizationScheme& scheme, int cols);

/// Rows of values in a plain type (F32, F16, BF16) or in Q8_0 as ggml quantizes (scale absmax / 127 in float32, codes
/// rounded half away from zero, the scale then rounded to half). `cols` divides the values and is a multiple of the
/// type's block. Throws std::invalid_argument otherwise.
std::vector<std::uint8_t> encodeRows(std::span<const float> values, std::size_t cols, const StorageType& type);

}  // namespace safequant
