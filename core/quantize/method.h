// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/quantize/quantize_block.h"

namespace safequant {

/// A way of choosing the codes of a block's weights. One row of the registry in method.cpp.
struct QuantizationMethod {
    std::string_view id;       ///< Name in run specs, e.g. "rtn".
    std::string_view title;    ///< For people, e.g. "Round to nearest".
    std::string_view describe; ///< One sentence for reports and help.
    /// True: the outcome depends on calibration activations, and so on the mix of prompts.
    bool calibrated = false;
    /// Null for methods that learn a block from calibration samples (core/realign), block after block.
    QuantizedBlock (*quantize)(BlockWeights weights, std::span<const LinearPlan> plan) = nullptr;

    /// Learns towards an aligned model that the run names.
    bool realigns = false;

    bool learned() const { return quantize == nullptr; }
};

/// Every method, in the order programs list them.
std::span<const QuantizationMethod> quantizationMethods();

/// Method by id. Errors: bad_input naming the known ones.
Expected<const QuantizationMethod*> findQuantizationMethod(std::string_view id);

}  // namespace safequant
