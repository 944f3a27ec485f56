// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/coded_block.h"

#include <utility>

namespace safequant {

std::shared_ptr<const IntegerWeight> integersOf(const QuantizedLinear& linear) {
    if (linear.codes.empty() || !linear.onGrid() || !linear.groupOf.empty()) return nullptr;
    auto weight = std::make_shared<IntegerWeight>();
    weight->rows = static_cast<std::size_t>(linear.rows);
    weight->cols = static_cast<std::size_t>(linear.cols);
    weight->bits = linear.scheme.weightBits;
    weight->groupSize = weight->cols / static_cast<std::size_t>(linear.groups());
    weight->codes = linear.codes;
    weight->scales = linear.scales;
    weight->zeros = linear.zeros;
    return weight;
}

CodedBlock roundedBlock(BlockWeights weights, std::span<const LinearPlan> plan) {
    checkBlockPlan("roundedBlock", plan);
    CodedBlock block;
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        LinearWeights& linear = weights.linears[i];
        QuantizedLinear coded;
        coded.scheme = plan[i].actual;
        if (plan[i].quantized()) {
            coded = quantizeLinear(linear.weight, plan[i].actual);
            linear.weight = coded.dequantize();
        }
        linear.input = inputOf(plan[i].actual);
        block.linears.push_back(std::move(coded));
    }
    block.weights = std::move(weights);
    return block;
}

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

}  // namespace safequant
