// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/model/decoder.h"
#include "core/quantize/round_to_nearest.h"
#include "core/quantize/scheme.h"

namespace safequant {

/// What became of one linear.
struct LinearOutcome {
    LinearPlan plan;
    QuantizationError error;      ///< Zero when left alone.
    double bitsPerWeight = 16.0;  ///< With scales and zero points; 16 when left alone.
    double outputError = -1.0;    ///< See LinearReport; -1: not measured.
};

/// A block whose weights lie on their grids, as a forward pass uses it.
struct QuantizedBlock {
    BlockWeights weights;                ///< Dequantized float32; `input` of each linear says how its activations are quantized.
    std::vector<LinearOutcome> linears;  ///< In the order of LinearRole.
};

/// A linear by its weights alone: rounded to the nearest point of its grid, or in the data type of its scheme. Throws std::invalid_argument for
/// a format that needs calibration.
QuantizedLinear quantizeLinear(const Matrix& weight, const QuantizationScheme& scheme);

/// How the input of a linear of this scheme is quantized.
ActivationScheme inputOf(const QuantizationScheme& scheme);

/// Quantizes the linears of one block by their weights alone. `plan` holds exactly the seven entries of that block, in the order of LinearRole (see
/// `planOfBlock`). Biases and norms are kept. Throws std::invalid_argument when the plan does not fit the weights.
QuantizedBlock quantizeBlock(BlockWeights weights, std::span<const LinearPlan> plan);

/// Throws std::invalid_argument, with the function's name, unless the plan holds the seven linears of one block in the order of LinearRole.
void checkBlockPlan(const char* function, std::span<const LinearPlan> plan);

/// The entries of one block in a whole model's plan, as `planSchemes` orders it.
std::span<const LinearPlan> planOfBlock(std::span<const LinearPlan> plan, int block);

}  // namespace safequant
