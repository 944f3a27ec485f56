// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/sensitivity.h"

#include <map>
#include <utility>

#include "core/model/decoder.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/quantize_block.h"

namespace safequant {
namespace {

QuantizationScheme withBits(const QuantizationScheme& scheme, int bits) {
    QuantizationScheme other = scheme;
    other.weightBits = bits;
    return other;
}

/// Which linears share an item: the input group where they are fused, else each its own.
int itemOf(LinearRole role, bool fused) {
    if (!fused) return static_cast<int>(role);
    for (std::size_t g = 0; g < kInputGroups.size(); ++g)
        for (const LinearRole member : linearsOf(kInputGroups[g]))
            if (member == role) return static_cast<int>(g);
    return -1;
}

}  // namespace

Expected<std::vector<LinearSensitivity>> measureWeightErrors(const Checkpoint& checkpoint, std::span<const LinearPlan> plan,
                                                             const Progress& progress) {
    const DecoderConfig& config = checkpoint.config();
    std::vector<LinearSensitivity> all;
    for (int block = 0; block < config.blocks; ++block) {
        progress(static_cast<std::uint64_t>(block), static_cast<std::uint64_t>(config.blocks));
        const auto weights = loadBlock(checkpoint, block);
        if (!weights) return fail(weights.error());
        for (const LinearPlan& entry : planOfBlock(plan, block)) {
            const Matrix& weight = (*weights)[entry.role].weight;
            LinearSensitivity linear{entry.name, block, entry.role, static_cast<double>(weight.size()), {}, {}};
            for (std::size_t i = 0; i < kBudgetBits.size(); ++i) {
                if (progress.stopRequested()) return fail(cancelledError());
                const QuantizedLinear quantized = roundToNearest(weight, withBits(entry.actual, kBudgetBits[i]));
                linear.bitsPerWeight[i] = quantized.bitsPerWeight();
                linear.relativeError[i] = quantizationError(weight, quantized).relative;
            }
            all.push_back(std::move(linear));
        }
    }
    return all;
}

std::vector<SchemeRule> rulesFor(std::span<const LinearSensitivity> linears, std::span<const int> bits, const QuantizationScheme& scheme) {
    std::map<int, std::string> names;
    for (std::size_t i = 0; i < linears.size(); ++i) {
        if (bits[i] == scheme.weightBits) continue;
        std::string& pattern = names[bits[i]];
        if (!pattern.empty()) pattern += '|';
        for (const char letter : linears[i].name) pattern += letter == '.' ? std::string("\\.") : std::string(1, letter);
    }
    std::vector<SchemeRule> rules;
    for (const auto& [own, pattern] : names) rules.push_back({"^(?:" + pattern + ")$", withBits(scheme, own)});
    return rules;
}

Expected<BitBudget> solveBudget(std::span<const LinearSensitivity> linears, double budget, bool fused) {
    std::map<std::pair<int, int>, std::size_t> itemIndex;
    std::vector<std::size_t> itemOfLinear;
    std::vector<std::vector<BitOption>> items;
    for (const LinearSensitivity& linear : linears) {
        const auto [found, isNew] = itemIndex.try_emplace({linear.block, itemOf(linear.role, fused)}, items.size());
        if (isNew) items.emplace_back(kBudgetBits.size());
        itemOfLinear.push_back(found->second);
        for (std::size_t i = 0; i < kBudgetBits.size(); ++i) {
            BitOption& option = items[found->second][i];
            option.bits = kBudgetBits[i];
            option.size += linear.bitsPerWeight[i] * linear.weights;
            option.cost += linear.relativeError[i] * linear.relativeError[i];
        }
    }
    const auto allocation = allocateBits(items, budget);
    if (!allocation) return fail(allocation.error());
    BitBudget solved{{}, allocation->size, allocation->cost, allocation->bound};
    for (const std::size_t item : itemOfLinear) solved.bits.push_back(items[item][allocation->options[item]].bits);
    return solved;
}

}  // namespace safequant
