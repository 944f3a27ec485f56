// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "core/base/matrix.h"
#include "core/quantize/round_to_nearest.h"

namespace safequant {

/// What the codes of a data type stand for, and what they take.
struct DataTypeWeight {
    Matrix values;               ///< `[out, in]`.
    double bitsPerWeight = 0.0;  ///< Scales included.
};

/// The levels of NF4 (QLoRA, arXiv 2305.14314, appendix E) and FP4 by code, as bitsandbytes has them, of weights divided by their block's absmax.
std::span<const float> nf4Levels();
std::span<const float> fp4Levels();
/// bitsandbytes' 8-bit signed dynamic code (arXiv 1511.04561), `[256]`, rising.
std::span<const float> dynamicLevels();

/// Rounds every weight to the nearest level (the lower code on a tie) times its block's absmax, which is kept in float32: bit for bit what
/// bitsandbytes' quantize_4bit and dequantize_4bit make of it with blocks of 64. With double quantization the absmax values less their mean
/// are rounded to the dynamic code in blocks of 256. All throw std::invalid_argument on a weight that is not finite.
DataTypeWeight quantizeNf4(const Matrix& weight, bool doubleQuantization);
DataTypeWeight quantizeFp4(const Matrix& weight);
/// LLM.int8() (arXiv 2208.07339): every row to whole numbers, ties to even, times its absmax / 127, which is kept in float32: what bitsandbytes'
/// int8_vectorwise_quant and int8_vectorwise_dequant make of it. They round weights to half precision first; this does not.
DataTypeWeight quantizeInt8Rows(const Matrix& weight);

/// A linear in the data type that the scheme names. Throws std::invalid_argument for a scheme with another format.
QuantizedLinear quantizeToDataType(const Matrix& weight, const QuantizationScheme& scheme);

}  // namespace safequant
