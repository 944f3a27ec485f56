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

namespace {

/// A quantized block with its codes.
Expected<BlockWeights> blockOfIntegers(const std::string& folder, const RunInputs& inputs, int block) {
    const auto plan = planOfBlock(inputs.plan, block);
    Expected<CodedBlock> coded;
    if (inputs.spec.keepsBlocks()) {
        coded = readCodedBlock(folder, inputs.checkpoint->config(), plan, block);
    } else {
        auto weights = loadBlock(*inputs.checkpoint, block);
        if (!weights) return fail(weights.error());
        coded = roundedBlock(std::move(*weights), plan);
    }
    if (!coded) return fail(coded.error());
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) coded->weights.linears[i].integers = integersOf(coded->linears[i]);
    return std::move(coded->weights);
}

}  // namespace

BlockSource quantizedBlocks(const std::string& folder, const RunInputs& inputs, bool integers) {
    return [folder, &inputs, integers](int block) -> Expected<BlockWeights> {
        if (integers) return blockOfIntegers(folder, inputs, block);
        auto quantized = loadQuantizedBlock(folder, inputs, block);
        if (!quantized) return fail(quantized.error());
        return std::move(quantized->weights);
    };
}

}  // namespace safequant
