// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/model/decoder.h"
#include "core/quantize/quantize_block.h"
#include "core/quantize/round_to_nearest.h"

namespace safequant {

/// How one linear came out on what a method was calibrated on.
struct LinearReport {
    double weightError = 0.0;       ///< ||W - Q|| / ||W||, W with the scales that moved into it.
    double outputError = -1.0;      ///< ||(W - Q) X|| / ||W X|| over the calibration inputs X as they reach it; -1: not measured.
    double seconds = 0.0;           ///< To choose its codes; what a group of linears shares counts for the first of them.
    int deadColumns = 0;            ///< Inputs that were 0 in every row.
    double damping = 0.0;           ///< Of the Hessian, as it was used in the end (GPTQ).
    bool roundedToNearest = false;  ///< The Hessian could not be factored (GPTQ).
};

/// A block whose codes a calibrated method has chosen, with what the method changed beside them.
struct CodedBlock {
    BlockWeights weights;                  ///< Linears dequantized; scales that moved are folded into norms, biases and weights.
    std::vector<QuantizedLinear> linears;  ///< In the order of LinearRole; neither codes nor values where a linear is left alone.
    std::vector<LinearReport> reports;     ///< In the same order; empty: the method makes none.
};

/// The codes of a linear as products take them; null where it has none, or where groups have columns in an order of their own.
std::shared_ptr<const IntegerWeight> integersOf(const QuantizedLinear& linear);

/// A block quantized by its weights alone, see quantizeLinear. Throws std::invalid_argument when the plan does not fit the weights.
CodedBlock roundedBlock(BlockWeights weights, std::span<const LinearPlan> plan);

/// A coded block as a forward pass uses it, measured against what it stands for: what its method was calibrated on where it has reports,
/// else `original`.
QuantizedBlock outcomeOf(CodedBlock coded, const BlockWeights& original, std::span<const LinearPlan> plan);

}  // namespace safequant
