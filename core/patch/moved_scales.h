// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <vector>

#include "core/model/decoder.h"

namespace safequant {

/// Scales that a quantizer moved into a linear before it rounded: w becomes rows[r] * w * columns[c].
struct MovedScales {
    std::vector<float> rows, columns;  ///< Empty: all 1.
};

/// What was moved into the linears of a block, in the order of LinearRole. Between a norm and what follows it is known from the norm to the
/// last bits; between values and output, and up and down, it is found by least squares from what was rounded, and counts from 2% in the
/// mean on. `quantized`: the block with dequantized weights. Shapes are those of `original`.
std::array<MovedScales, kLinearsPerBlock> movedScales(const DecoderConfig& config, const BlockWeights& original,
                                                      const BlockWeights& quantized);

/// The weight with the scales moved into it.
Matrix scaledWeight(const Matrix& weight, const MovedScales& scales);

}  // namespace safequant
