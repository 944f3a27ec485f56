// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/quantize_block.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "core/quantize/data_types.h"

namespace safequant {

void checkBlockPlan(const char* function, std::span<const LinearPlan> plan) {
    const std::string where = std::string("[") + function + "] got ";
    if (plan.size() != kLinearsPerBlock)
        throw std::invalid_argument(where + "a plan of " + std::to_string(plan.size()) + " linears, need " + std::to_string(kLinearsPerBlock));
    for (std::size_t i = 0; i < plan.size(); ++i)
        if (plan[i].role != static_cast<LinearRole>(i) || plan[i].block != plan.front().block)
            throw std::invalid_argument(where + plan[i].name + " at place " + std::to_string(i) +
                                        ", need the linears of one block in the order of LinearRole");
}

QuantizedLinear quantizeLinear(const Matrix& weight, const QuantizationScheme& scheme) {
    return scheme.format == WeightFormat::Grid ? roundToNearest(weight, scheme) : quantizeToDataType(weight, scheme);
}

ActivationScheme inputOf(const QuantizationScheme& scheme) {
    const bool keepsOutliers = scheme.format == WeightFormat::Int8Rows && scheme.activationBits < 16;
    return {scheme.activationBits, scheme.activationSymmetric, keepsOutliers ? kOutlierMagnitude : 0.0F};
}

QuantizedBlock quantizeBlock(BlockWeights weights, std::span<const LinearPlan> plan) {
    checkBlockPlan("quantizeBlock", plan);
    QuantizedBlock block;
    block.linears.reserve(kLinearsPerBlock);
    for (int i = 0; i < kLinearsPerBlock; ++i) {
        const LinearPlan& entry = plan[static_cast<std::size_t>(i)];
        LinearOutcome outcome;
        outcome.plan = entry;
        LinearWeights& linear = weights.linears[static_cast<std::size_t>(i)];
        if (entry.quantized()) {
            const QuantizedLinear quantized = quantizeLinear(linear.weight, entry.actual);
            outcome.error = quantizationError(linear.weight, quantized);
            outcome.bitsPerWeight = quantized.bitsPerWeight();
            linear.weight = quantized.dequantize();
        }
        linear.input = inputOf(entry.actual);
        block.linears.push_back(std::move(outcome));
    }
    block.weights = std::move(weights);
    return block;
}

std::span<const LinearPlan> planOfBlock(std::span<const LinearPlan> plan, int block) {
    const std::size_t first = static_cast<std::size_t>(block) * kLinearsPerBlock;
    if (block < 0 || first + kLinearsPerBlock > plan.size())
        throw std::invalid_argument("[planOfBlock] got block " + std::to_string(block) + ", need one of " +
                                    std::to_string(plan.size() / kLinearsPerBlock));
    return plan.subspan(first, kLinearsPerBlock);
}

}  // namespace safequant
