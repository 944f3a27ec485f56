// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/kept_block.h"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "core/exporting/float_bits.h"
#include "core/patch/moved_scales.h"

namespace safequant {
namespace {

constexpr double kKeptBits = 16.0;

float nearestBfloat16(float value) { return std::bit_cast<float>(static_cast<std::uint32_t>(nearestBfloat16Bits(value)) << 16); }

QuantizedLinear withKept(const QuantizedLinear& quantized, const Matrix& weight, const WeightBits& kept, std::uint64_t count) {
    QuantizedLinear result;
    result.scheme = quantized.scheme;
    result.rows = quantized.rows;
    result.cols = quantized.cols;
    const Matrix rounded = quantized.dequantize();
    result.values.assign(rounded.data(), rounded.data() + rounded.size());
    for (std::size_t i = 0; i < result.values.size(); ++i)
        if (hasBit(kept, i)) result.values[i] = nearestBfloat16(weight.data()[i]);
    result.valueBits = static_cast<float>(keptBits(quantized, count));
    return result;
}

}  // namespace

double keptBits(const QuantizedLinear& quantized, std::uint64_t kept) {
    const auto weights = static_cast<std::uint64_t>(quantized.rows) * static_cast<std::uint64_t>(quantized.cols);
    if (kept >= weights) return kKeptBits;
    const double all = static_cast<double>(weights), some = static_cast<double>(kept);
    const double aside = quantized.bitsPerWeight() - quantized.scheme.weightBits;
    const double places = some * static_cast<double>(std::bit_width(weights - 1));
    return aside + ((all - some) * quantized.scheme.weightBits + some * kKeptBits + std::min(all, places)) / all;
}

KeptBlock keepWeights(const DecoderConfig& config, const BlockWeights& original, CodedBlock quantized, const WeightChoice& choice,
                      bool scaled) {
    KeptBlock result;
    std::array<MovedScales, kLinearsPerBlock> moved;
    if (scaled) moved = movedScales(config, original, quantized.weights);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        QuantizedLinear& linear = quantized.linears[i];
        if (linear.codes.empty()) continue;
        const auto found = choice.find(linearName(original.index, static_cast<LinearRole>(i)));
        if (found == choice.end() || found->second.size() != (linear.codes.size() + 63) / 64)
            throw std::invalid_argument("[keepWeights] got no choice of the weights of linear " + std::to_string(i) + " of block " +
                                        std::to_string(original.index));
        for (const std::uint64_t word : found->second) result.kept[i] += static_cast<std::uint64_t>(std::popcount(word));
        const Matrix weight = scaledWeight(original.linears[i].weight, moved[i]);
        linear = withKept(linear, weight, found->second, result.kept[i]);
        quantized.weights.linears[i].weight = linear.dequantize();
        // Other reports are of codes that are no longer all there is.
        if (quantized.reports.empty()) continue;
        quantized.reports[i] = LinearReport();
        quantized.reports[i].weightError = quantizationError(weight, linear).relative;
    }
    result.block = std::move(quantized);
    return result;
}

}  // namespace safequant
