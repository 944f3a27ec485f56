// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/quantized_blocks.h"

#include "core/quantize/method.h"
#include "core/run/coded_blocks.h"

namespace safequant {
Expected<QuantizedBlock> loadQuantizedBlock(const std::string& folder, const RunInputs& inputs, int block) {
    const auto method = findQuantizationMethod(inputs.spec.method);
    if (!method) return fail(method.error());
    auto weights = loadBlock(*inputs.checkpoint, block);
    if (!weights) return fail(weights.error());
    const auto plan = planOfBlock(inputs.plan, block);
    if (!inputs.spec.keepsBlocks()) return (*method)->quantize(std::move(*weights), plan);
    auto coded = readCodedBlock(folder, inputs.checkpoint->config(), plan, block);
    if (!coded) return fail(coded.error());
    return outcomeOf(std::move(*coded), *weights, plan);
}

BlockSource quantizedBlocks(const std::string& folder, const RunInputs& inputs) {
    return [folder, &inputs](int block) -> Expected<BlockWeights> {
        auto quantized = loadQuantizedBlock(folder, inputs, block);
        if (!quantized) return fail(quantized.error());
        return std::move(quantized->weights);
    };
}

}  // namespace safequant
