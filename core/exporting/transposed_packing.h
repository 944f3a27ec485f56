// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/quantize/round_to_nearest.h"

namespace safequant {

/// The tensors of one linear in the layouts of AutoGPTQ and AutoAWQ, which hold the weight transposed, `[in, out]`.
/// Codes are unsigned there: signed code + 2^(bits - 1).
struct TransposedTensors {
    std::vector<std::uint32_t> weights;  ///< qweight: GPTQ `[in * bits / 32, out]`, AWQ `[in, out * bits / 32]`.
    std::vector<std::uint32_t> zeros;    ///< qzeros: `[groups, out * bits / 32]`.
    std::vector<std::uint16_t> scales;   ///< `[groups, out]`, half precision.
    std::vector<std::int32_t> groups;    ///< g_idx of GPTQ: group of each input, `[in]`.
};

/// AutoGPTQ's layout: eight 4-bit codes of consecutive inputs a word, lowest bits first. Zero points are stored minus
/// one
/// (`minusOne`, checkpoint format "gptq") or as they are ("gptq_v2"). Throws std::invalid_argument when codes do not
/// fill words.
TransposedTensors packGptq(const QuantizedLinear& linear, bool minusOne);

/// AutoAWQ's GEMM layout for 4 bits: eight outputs a word in the order 0, 2, 4, 6, 1, 3, 5, 7. Throws as above.
TransposedTensors packAwq(const QuantizedLinear& linear);

/// Whether a zero point is the lowest code, which "gptq" cannot store reliably: minus one it wraps around.
bool hasLowestZero(const QuantizedLinear& linear);

/// Whether half precision holds every scale exactly.
bool scalesAreHalf(const QuantizedLinear& linear);

}  // namespace safequant
