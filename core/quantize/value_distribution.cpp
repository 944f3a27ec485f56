// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/value_distribution.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace safequant {
namespace {

void count(ValueHistogram& histogram, double value) {
    const double place = (value - histogram.low) / (histogram.high - histogram.low) * static_cast<double>(histogram.counts.size());
    if (value < histogram.low) ++histogram.below;
    else if (value > histogram.high) ++histogram.above;
    else ++histogram.counts[std::min(static_cast<std::size_t>(place), histogram.counts.size() - 1)];
}

ValueHistogram emptyHistogram(const char* function, double low, double high, std::size_t bins) {
    if (!(low < high) || !std::isfinite(low) || !std::isfinite(high) || bins == 0)
        throw std::invalid_argument(std::string("[") + function + "] got " + std::to_string(bins) + " bins from " + std::to_string(low) + " to " +
                                    std::to_string(high) + ", need at least one over a range");
    ValueHistogram histogram;
    histogram.low = low;
    histogram.high = high;
    histogram.counts.assign(bins, 0);
    return histogram;
}

}  // namespace

ValueHistogram histogramOf(std::span<const float> values, double low, double high, std::size_t bins) {
    ValueHistogram histogram = emptyHistogram("histogramOf", low, high, bins);
    for (const float value : values) count(histogram, static_cast<double>(value));
    return histogram;
}

GridUse gridUse(const Matrix& weight, const QuantizedLinear& quantized, std::size_t binsPerStep) {
    const auto rows = static_cast<std::size_t>(quantized.rows), cols = static_cast<std::size_t>(quantized.cols);
    const auto groups = static_cast<std::size_t>(quantized.groups());
    if (weight.rows() != rows || weight.cols() != cols || quantized.codes.size() != rows * cols || quantized.scales.size() != rows * groups)
        throw std::invalid_argument("[gridUse] got weights of " + std::to_string(weight.rows()) + " x " + std::to_string(weight.cols()) + ", need " +
                                    std::to_string(rows) + " x " + std::to_string(cols) + " with a code each");
    GridUse use;
    use.lowestCode = -(1 << (quantized.scheme.weightBits - 1));
    use.highestCode = -use.lowestCode - 1;
    const auto steps = static_cast<std::size_t>(use.highestCode - use.lowestCode + 1);
    use.codes.assign(steps, 0);
    use.steps = emptyHistogram("gridUse", use.lowestCode - 1.5, use.highestCode + 1.5, (steps + 2) * binsPerStep);
    const std::size_t width = cols / groups;
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) {
            const std::size_t group = r * groups + (quantized.groupOf.empty() ? c / width : static_cast<std::size_t>(quantized.groupOf[c]));
            const double zero = quantized.zeros.empty() ? 0.0 : static_cast<double>(quantized.zeros[group]);
            const double step = static_cast<double>(weight(r, c)) / static_cast<double>(quantized.scales[group]) + zero;
            count(use.steps, step);
            if (step < use.lowestCode - 0.5 || step > use.highestCode + 0.5) ++use.clipped;
            ++use.codes[static_cast<std::size_t>(quantized.codes[r * cols + c] - use.lowestCode)];
        }
    }
    std::vector<float> scales = quantized.scales;
    const auto middle = scales.begin() + static_cast<std::ptrdiff_t>(scales.size() / 2);
    if (scales.empty()) return use;
    std::nth_element(scales.begin(), middle, scales.end());
    use.medianScale = static_cast<double>(*middle);
    const auto first = std::find(quantized.scales.begin(), quantized.scales.end(), *middle);
    if (!quantized.zeros.empty()) use.medianZero = static_cast<float>(quantized.zeros[static_cast<std::size_t>(first - quantized.scales.begin())]);
    return use;
}

double medianOf(std::span<const float> largest) {
    if (largest.empty()) return 0.0;
    std::vector<float> sorted(largest.begin(), largest.end());
    std::sort(sorted.begin(), sorted.end());
    const std::size_t half = sorted.size() / 2;
    if (sorted.size() % 2 == 1) return static_cast<double>(sorted[half]);
    return 0.5 * (static_cast<double>(sorted[half - 1]) + static_cast<double>(sorted[half]));
}

std::vector<OutlierChannel> outlierChannels(std::span<const float> largest) {
    const double median = medianOf(largest);
    std::vector<OutlierChannel> outliers;
    if (median <= 0.0) return outliers;
    for (std::size_t channel = 0; channel < largest.size(); ++channel) {
        const double ratio = static_cast<double>(largest[channel]) / median;
        if (ratio > kOutlierRatio) outliers.push_back({static_cast<int>(channel), static_cast<double>(largest[channel]), ratio});
    }
    std::stable_sort(outliers.begin(), outliers.end(), [](const auto& a, const auto& b) { return a.largest > b.largest; });
    return outliers;
}

}  // namespace safequant
