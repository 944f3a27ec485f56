// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/checkpoint/packed_source.h"
#include "core/checkpoint/quantization_config.h"

namespace safequant {

/// The parts of one linear that GPTQ or AWQ stores input after input; absent ones are null.
struct TransposedParts {
    std::string linear;
    const FileTensor* codes = nullptr;   ///< `qweight` int32: GPTQ [in * bits / 32, out], AWQ [in, out / 8].
    const FileTensor* zeros = nullptr;   ///< `qzeros` int32 [groups, out * bits / 32].
    const FileTensor* scales = nullptr;  ///< `scales` [groups, out], a float type.
    const FileTensor* order = nullptr;   ///< `g_idx` int32 [in], GPTQ only: the group of each input.
};

/// Checks shapes and types of the parts against each other and the configuration (AutoGPTQ's and AutoAWQ's GEMM
/// layouts, see docs/file-formats.md). w = (code - zero point) * scale in float32, turned to [out, in] in tiles that
/// fit the cache; what lies outside a table becomes not-a-number. Error: bad_input naming the tensor.
Expected<QuantizedWeight> makeTransposedSource(const TransposedParts& parts, const QuantizationConfig& config);

}  // namespace safequant
