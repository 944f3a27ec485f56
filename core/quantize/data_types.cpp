// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/data_types.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/model/parallel.h"

namespace safequant {
namespace {

/// 1 / 127 in float32.
constexpr float kInt8Step = 7.874015718698502e-3F;

constexpr std::array<float, 16> kNf4 = {
    -1.0F, -0.6961928009986877F, -0.5250730514526367F, -0.39491748809814453F, -0.28444138169288635F, -0.18477343022823334F, -0.09105003625154495F, 0.0F,
    0.07958029955625534F, 0.16093020141124725F, 0.24611230194568634F, 0.33791524171829224F, 0.44070982933044434F, 0.5626170039176941F, 0.7229568362236023F, 1.0F};

/// Twelfths.
constexpr std::array<float, 16> kFp4 = {0.0F,  0.0625F / 12.0F,  8.0F / 12.0F,  1.0F,  4.0F / 12.0F,  6.0F / 12.0F,  2.0F / 12.0F,  3.0F / 12.0F,
                                        -0.0F, -0.0625F / 12.0F, -8.0F / 12.0F, -1.0F, -4.0F / 12.0F, -6.0F / 12.0F, -2.0F / 12.0F, -3.0F / 12.0F};

/// Of each power of ten from 10^-6 to 1, midpoints of 2^i equal parts of [0.1, 1], with both signs; 0 and 1.
std::array<float, 256> makeDynamicLevels() {
    constexpr int kPowers = 7;
    std::array<float, 256> levels{};
    std::size_t count = 0;
    for (int i = 0; i < kPowers; ++i) {
        const int parts = 1 << i;
        const auto power = static_cast<float>(std::pow(10.0, i - (kPowers - 1)));
        const float step = (1.0F - 0.1F) / static_cast<float>(parts);
        const auto bound = [&](int k) {
            return k < (parts + 1) / 2 ? std::fma(step, static_cast<float>(k), 0.1F) : std::fma(-step, static_cast<float>(parts - k), 1.0F);
        };
        for (int k = 0; k < parts; ++k) {
            const float level = power * ((bound(k) + bound(k + 1)) / 2.0F);
            levels[count++] = level;
            levels[count++] = -level;
        }
    }
    levels[count++] = 0.0F;
    levels[count++] = 1.0F;
    std::sort(levels.begin(), levels.end());
    return levels;
}

float absmaxOf(std::span<const float> values) {
    float largest = 0.0F;
    for (const float value : values) largest = std::max(largest, std::fabs(value));
    return largest;
}

/// The first of the nearest levels.
float nearestLevel(float value, std::span<const float> levels) {
    float best = levels.front(), distance = std::fabs(value - best);
    for (const float level : levels.subspan(1)) {
        const float other = std::fabs(value - level);
        if (other >= distance) continue;
        distance = other;
        best = level;
    }
    return best;
}

void requireFinite(const Matrix& weight) {
    const auto values = weight.span();
    const auto broken = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
    if (broken != values.end())
        throw std::invalid_argument("[quantizeToDataType] got a weight that is not finite in row " +
                                    std::to_string(static_cast<std::size_t>(broken - values.begin()) / weight.cols()) + ", need finite weights");
}

/// Rounds values of one block to a code: level times absmax.
void roundBlock(std::span<const float> values, std::span<const float> levels, float absmax, float scale, std::span<float> out) {
    const float inverse = absmax > 0.0F ? 1.0F / absmax : 0.0F;
    for (std::size_t i = 0; i < values.size(); ++i) out[i] = nearestLevel(std::clamp(values[i] * inverse, -1.0F, 1.0F), levels) * scale;
}

/// The blocks' absmax values as double quantization keeps them.
std::vector<float> doublyQuantized(std::vector<float> absmax) {
    double sum = 0.0;
    for (const float value : absmax) sum += static_cast<double>(value);
    const auto mean = static_cast<float>(sum / static_cast<double>(absmax.size()));
    for (float& value : absmax) value -= mean;
    for (std::size_t first = 0; first < absmax.size(); first += kScaleBlock) {
        const std::span<float> block(absmax.data() + first, std::min<std::size_t>(kScaleBlock, absmax.size() - first));
        const float largest = absmaxOf(block);
        roundBlock(block, dynamicLevels(), largest, largest, block);
    }
    for (float& value : absmax) value += mean;
    return absmax;
}

double bitsOf(const Matrix& weight, WeightFormat format) {
    return schemeBitsPerWeight(schemeOfFormat(format, 4), static_cast<int>(weight.rows()), static_cast<int>(weight.cols()));
}

DataTypeWeight quantizeBlocks(const Matrix& weight, std::span<const float> levels, WeightFormat format) {
    requireFinite(weight);
    DataTypeWeight result{Matrix(weight.rows(), weight.cols()), 0.0};
    if (weight.empty()) return result;
    const std::size_t blocks = (weight.size() + kDataTypeBlock - 1) / kDataTypeBlock;
    const auto valuesOf = [&](std::size_t block) {
        const std::size_t first = block * kDataTypeBlock;
        return std::pair(first, std::min<std::size_t>(kDataTypeBlock, weight.size() - first));
    };
    std::vector<float> absmax(blocks);
    for (std::size_t b = 0; b < blocks; ++b) {
        const auto [first, count] = valuesOf(b);
        absmax[b] = absmaxOf(weight.span().subspan(first, count));
    }
    const std::vector<float> scales = format == WeightFormat::Nf4Double ? doublyQuantized(absmax) : absmax;
    parallelRows(blocks, kRowGrain / (kDataTypeBlock * levels.size()) + 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t b = begin; b < end; ++b) {
            const auto [first, count] = valuesOf(b);
            roundBlock(weight.span().subspan(first, count), levels, absmax[b], scales[b], result.values.span().subspan(first, count));
        }
    });
    result.bitsPerWeight = bitsOf(weight, format);
    return result;
}

}  // namespace

std::span<const float> nf4Levels() { return kNf4; }
std::span<const float> fp4Levels() { return kFp4; }

std::span<const float> dynamicLevels() {
    static const std::array<float, 256> levels = makeDynamicLevels();
    return levels;
}

DataTypeWeight quantizeNf4(const Matrix& weight, bool doubleQuantization) {
    return quantizeBlocks(weight, kNf4, doubleQuantization ? WeightFormat::Nf4Double : WeightFormat::Nf4);
}

DataTypeWeight quantizeFp4(const Matrix& weight) { return quantizeBlocks(weight, kFp4, WeightFormat::Fp4); }

DataTypeWeight quantizeInt8Rows(const Matrix& weight) {
    requireFinite(weight);
    DataTypeWeight result{Matrix(weight.rows(), weight.cols()), 0.0};
    if (weight.empty()) return result;
    for (std::size_t r = 0; r < weight.rows(); ++r) {
        const float absmax = absmaxOf(weight.rowSpan(r)), factor = absmax > 0.0F ? 127.0F / absmax : 0.0F;
        for (std::size_t c = 0; c < weight.cols(); ++c)
            result.values(r, c) = std::nearbyint(weight(r, c) * factor) * absmax * kInt8Step;
    }
    result.bitsPerWeight = bitsOf(weight, WeightFormat::Int8Rows);
    return result;
}

QuantizedLinear quantizeToDataType(const Matrix& weight, const QuantizationScheme& scheme) {
    DataTypeWeight rounded;
    switch (scheme.format) {
        case WeightFormat::Nf4: rounded = quantizeNf4(weight, false); break;
        case WeightFormat::Nf4Double: rounded = quantizeNf4(weight, true); break;
        case WeightFormat::Fp4: rounded = quantizeFp4(weight); break;
        case WeightFormat::Int8Rows: rounded = quantizeInt8Rows(weight); break;
        case WeightFormat::Grid:
        case WeightFormat::Codebooks:
            throw std::invalid_argument("[quantizeToDataType] got the scheme " + scheme.describe() + ", need that of a data type");
    }
    QuantizedLinear result;
    result.scheme = scheme;
    result.rows = static_cast<int>(weight.rows());
    result.cols = static_cast<int>(weight.cols());
    result.values.assign(rounded.values.span().begin(), rounded.values.span().end());
    result.valueBits = static_cast<float>(rounded.bitsPerWeight);
    return result;
}

}  // namespace safequant
