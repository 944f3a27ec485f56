// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

#include "core/model/decoder.h"

namespace safequant {

/// Fake quantization of activations in place, one scale a row (compressed-tensors' dynamic per-token convention). Symmetric:
/// scale = absmax / ((2^bits - 1) / 2). Asymmetric: scale = (max - min) / (2^bits - 1) over the range widened to hold 0, signed
/// zero point. Codes round half to even and are clamped to [-2^(bits - 1), 2^(bits - 1) - 1]; a row of zeros stays zero.
/// With `keptFrom` above 0 entries of at least that magnitude stay as they are, and the others become RNE(127 x / absmax) * absmax / 127 of
/// what is left; only for 8 bits. `bits` >= 16 leaves the rows alone. Rows are `stride` floats apart. Throws std::invalid_argument on bits below 2 or from 9
/// to 15, and on outliers with other than 8.
void quantizeActivationRows(float* data, std::size_t stride, std::size_t rows, std::size_t cols, const ActivationScheme& scheme);

}  // namespace safequant
