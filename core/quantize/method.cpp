// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/method.h"

#include <array>

#include "core/quantize/awq.h"
#include "core/quantize/gptq.h"
#include "core/quantize/smooth_quant.h"

namespace safequant {
namespace {

constexpr std::array kMethods = {
    QuantizationMethod{"rtn", "Round to nearest",
                       "Every weight goes to the nearest point of its grid; calibration prompts play no part.", false,
                       &quantizeBlock, nullptr, false, true},
    QuantizationMethod{"gptq", "GPTQ",
                       "Column by column, what rounding one weight breaks is made good by those not rounded yet.", true,
                       nullptr, &calibrateGptq, false, true},
    QuantizationMethod{"awq", "AWQ",
                       "Input channels that matter get larger weights, by the power of their size that rounds best; then ranges are clipped.",
                       true, nullptr, &calibrateAwq},
    QuantizationMethod{"smoothquant", "SmoothQuant",
                       "Large activations are made smaller and their weights larger, then weights are rounded to nearest.", true,
                       nullptr, &calibrateSmoothQuant, false, true},
    QuantizationMethod{"omniquant", "OmniQuant",
                       "Clipping and equivalent scales, learned block by block so that its output stays what it was.", true,
                       nullptr},
    QuantizationMethod{"autoround", "AutoRound",
                       "Whether each weight goes up or down, and each group's range, learned from gradients' signs.",
                       true, nullptr},
    QuantizationMethod{"q-realign", "Q-realign",
                       "Learned block by block; on malicious prompts its output moves to the aligned model's.",
                       true, nullptr, nullptr, true},
};

}  // namespace

std::span<const QuantizationMethod> quantizationMethods() { return kMethods; }

Expected<const QuantizationMethod*> findQuantizationMethod(std::string_view id) {
    std::string known;
    for (const QuantizationMethod& method : kMethods) {
        if (method.id == id) return &method;
        known += (known.empty() ? "" : ", ") + std::string(method.id);
    }
    return fail(ErrorKind::BadInput, "Unknown quantization method \"" + std::string(id) + "\"; known: " + known + ".");
}

}  // namespace safequant
