// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/method.h"

#include <array>

#include "core/quantize/additive_codebooks.h"
#include "core/quantize/awq.h"
#include "core/quantize/calibration_options.h"
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
    QuantizationMethod{"nf4", "NF4",
                       "Every weight goes to the nearest of 16 levels that suit normally distributed weights, in blocks of 64 (QLoRA's data type).",
                       false, &quantizeBlock, nullptr, false, true, WeightFormat::Nf4},
    QuantizationMethod{"fp4", "FP4", "Every weight goes to the nearest 4-bit floating-point number, in blocks of 64.", false, &quantizeBlock, nullptr,
                       false, true, WeightFormat::Fp4},
    QuantizationMethod{"llm-int8", "LLM.int8()", "Weights and activations in 8 bits, but activations of 6 and more stay in full precision.", false,
                       &quantizeBlock, nullptr, false, true, WeightFormat::Int8Rows},
    QuantizationMethod{"aqlm", "AQLM",
                       "Eight weights at once are a sum of two to four codebook entries, which are fitted to what the linear puts out.", true, nullptr,
                       &calibrateAqlm, false, false, WeightFormat::Codebooks},
    QuantizationMethod{"llm-qat", "LLM-QAT",
                       "Weights are trained behind their rounding until the model says what it said before, on text of its own and on chats.",
                       true, nullptr, nullptr, false, false, WeightFormat::Grid, true},
    QuantizationMethod{"qlora", "QLoRA",
                       "Weights in 4-bit NormalFloat stay as they are; a low-rank adapter on top of them learns the model's own answers.", true, nullptr,
                       nullptr, false, false, WeightFormat::Nf4, true},
};

}  // namespace

WeightFormat formatOf(const QuantizationMethod& method, const CalibrationOptions& options) {
    return method.format == WeightFormat::Nf4 && options.nf4.doubleQuantization ? WeightFormat::Nf4Double : method.format;
}

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
