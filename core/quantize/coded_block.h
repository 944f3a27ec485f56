// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/model/decoder.h"
#include "core/quantize/round_to_nearest.h"

namespace safequant {

/// A block whose codes a calibrated method has chosen, with what the method changed beside them.
struct CodedBlock {
    BlockWeights weights;                  ///< Linears dequantized; scales that moved are folded into norms, biases and weights.
    std::vector<QuantizedLinear> linears;  ///< In the order of LinearRole; no codes where a linear is left alone.
};

}  // namespace safequant
