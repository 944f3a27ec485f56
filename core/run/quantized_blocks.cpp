// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/quantized_blocks.h"

#include "core/quantize/method.h"
#include "core/run/coded_blocks.h"

namespace safequant {
namespace {

/// A coded block measured against what it stands for.
QuantizedBlock outcomeOf(CodedBlock coded, const BlockWeights& original, std::span<const LinearPlan> plan) {
    QuantizedBlock block;
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        LinearOutcome outcome;
        outcome.plan = plan[i];
        if (plan[i].quantized()) {
            // Where a method does not say how far codes are from what it rounded, it is measured against the checkpoint's weights.
            outcome.error = quantizationError(original.linears[i].weight, coded.linears[i]);
            outcome.bitsPerWeight = coded.linears[i].bitsPerWeight();
            if (!coded.reports.empty()) {
                outcome.error.relative = coded.reports[i].weightError;
                outcome.outputError = coded.reports[i].outputError;
            }
        }
        block.linears.push_back(std::move(outcome));
    }
    block.weights = std::move(coded.weights);
    return block;
}

}  // namespace

Expected<QuantizedBlock> loadQuantizedBlock(const std::string& folder, const RunInputs& inputs, int block) {
    const auto method = findQuantizationMethod(inputs.spec.method);
    if (!method) return fail(method.error());
    auto weights = loadBlock(*inputs.checkpoint, block);
    if (!weights) return fail(weights.error());
    const auto plan = planOfBlock(inputs.plan, block);
    if (!(*method)->keepsBlocks()) return (*method)->quantize(std::move(*weights), plan);
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
