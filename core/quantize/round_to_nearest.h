// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/matrix.h"
#include "core/model/decoder.h"
#include "core/quantize/scheme.h"

namespace safequant {

/// A quantized weight: on an integer grid, w = (code - zero) * scale, or the values themselves where its format has no such grid.
struct QuantizedLinear {
    QuantizationScheme scheme;
    int rows = 0, cols = 0;
    std::vector<std::int8_t> codes;      ///< `[rows, cols]`, signed: [-2^(b-1), 2^(b-1) - 1].
    std::vector<float> scales;           ///< `[rows, groups]`, already rounded to bfloat16 values, as they will be stored.
    std::vector<std::int8_t> zeros;      ///< `[rows, groups]`, signed; empty when symmetric.
    std::vector<std::int32_t> groupOf = {};  ///< `[cols]`, the group of each column; empty unless the scheme has ordered groups.
    /// `[rows, cols]`, what a format without an integer grid stands for; codes, scales and zeros are empty then.
    std::vector<float> values = {};
    float valueBits = 0.0F;  ///< Average bits a weight of `values` takes in its own format, tables and exceptions included.

    bool onGrid() const { return values.empty(); }
    int groups() const { return scheme.groupSize > 0 ? cols / scheme.groupSize : 1; }
    Matrix dequantize() const;           ///< `[rows, cols]`.
    /// Average bits a weight; on a grid with scales (16 bits), zero points (weight bits) and the list of groups (32 bits a column).
    double bitsPerWeight() const;
};

/// What rounding did to one linear.
struct QuantizationError {
    double meanSquared = 0.0;
    double relative = 0.0;  ///< ||W - Q||_F / ||W||_F.
    double maxAbsolute = 0.0;
};

/// Round to nearest in compressed-tensors' convention (symmetric scale absmax / ((2^b - 1) / 2); asymmetric over the range
/// widened to hold 0, signed zero point). Scales are rounded to bfloat16 first, then codes are computed. Ties to even.
/// A scale that rounds to 0 (a group of zeros) becomes float32 epsilon, as there. Throws std::invalid_argument when the group
/// does not divide the columns, bits are out of range, or a weight is not finite. Groups are of neighbours, also where they could have
/// an order of their own.
QuantizedLinear roundToNearest(const Matrix& weight, const QuantizationScheme& scheme);

/// Throws std::invalid_argument unless both have one shape.
QuantizationError quantizationError(const Matrix& weight, const QuantizedLinear& quantized);

/// Fake quantization of activations per token, in place (compressed-tensors' convention, see ActivationScheme).
void fakeQuantizeRows(Matrix& rows, const ActivationScheme& scheme);

}  // namespace safequant
