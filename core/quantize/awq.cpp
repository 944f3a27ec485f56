// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/awq.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/quantize/blas.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/uniform_grid.h"

namespace safequant {
namespace {

constexpr double kScaleFloor = 1e-4, kGroupFloor = 1e-6;
constexpr int kClippingSteps = 10;
constexpr float kClippingUnit = 20.0F;
/// Rows whose errors are multiplied with the inputs' products at once.
constexpr std::size_t kClippedTogether = 64;

std::size_t groupWidth(int groupSize, std::size_t columns) { return groupSize > 0 ? static_cast<std::size_t>(groupSize) : columns; }

bool scalesBefore(const DecoderConfig& config, InputGroup group) {
    if (group == InputGroup::Output) return config.heads == config.kvHeads;
    return group != InputGroup::QueryKeyValue || !(config.qkNorm && config.postNorms);
}

/// The weights rounded as they would be with these scales, seen from the inputs as they are.
Matrix roundedWithScales(const Matrix& weight, const QuantizationScheme& scheme, std::span<const float> scales) {
    Matrix scaled = weight.clone();
    for (std::size_t r = 0; r < scaled.rows(); ++r)
        for (std::size_t c = 0; c < scaled.cols(); ++c) scaled(r, c) *= scales[c];
    scaled = roundToNearest(scaled, scheme).dequantize();
    for (std::size_t r = 0; r < scaled.rows(); ++r)
        for (std::size_t c = 0; c < scaled.cols(); ++c) scaled(r, c) /= scales[c];
    return scaled;
}

std::vector<LinearRole> quantizedLinears(const BlockCalibration& block, InputGroup group) {
    std::vector<LinearRole> roles;
    for (const LinearRole role : linearsOf(group))
        if (block.plan(role).quantized()) roles.push_back(role);
    return roles;
}

/// How far the group's output is off once its linears are rounded with these scales.
double scaledError(BlockCalibration& block, std::span<const LinearRole> roles, std::span<const float> scales, const InputStatistics& inputs) {
    double error = 0.0;
    for (const LinearRole role : roles) {
        Matrix rounded = roundedWithScales(block.weight(role), block.plan(role).actual, scales);
        if (block.moduleError) {
            block.running()[role].weight = std::move(rounded);
            continue;
        }
        for (std::size_t i = 0; i < rounded.size(); ++i) rounded.data()[i] -= block.weight(role).data()[i];
        error += inputs.outputEnergy(rounded);
    }
    return block.moduleError ? block.moduleError() : error;
}

std::vector<float> bestScales(BlockCalibration& block, InputGroup group, const InputStatistics& inputs, const AwqOptions& options) {
    const std::vector<LinearRole> roles = quantizedLinears(block, group);
    std::vector<const Matrix*> weights;
    std::vector<int> groupSizes;
    for (const LinearRole role : roles) {
        weights.push_back(&block.weight(role));
        groupSizes.push_back(block.plan(role).actual.groupSize);
    }
    const std::vector<double> magnitudes = inputs.meanMagnitudes();
    const std::vector<double> shares = options.weightScales ? channelShares(weights, groupSizes) : std::vector<double>();
    if (block.moduleError) block.moduleError();
    std::vector<float> best;
    double least = std::numeric_limits<double>::infinity();
    for (int step = 0; step < options.steps && !(block.stop.stop_requested() && !best.empty()); ++step) {
        std::vector<float> scales = awqScales(magnitudes, shares, static_cast<double>(step) / options.steps);
        const double error = scaledError(block, roles, scales, inputs);
        if (!(error < least) && !best.empty()) continue;
        least = error;
        best = std::move(scales);
    }
    for (const LinearRole role : roles) block.running()[role].weight = block.weight(role).clone();
    return best;
}

/// Sums of products of inputs `[first, first + width)`, `[width, width]`.
std::vector<double> gramOfGroup(const InputStatistics& inputs, std::size_t first, std::size_t width) {
    std::vector<double> gram(width * width);
    for (std::size_t i = 0; i < width; ++i)
        for (std::size_t j = 0; j < width; ++j) gram[i * width + j] = inputs.gram(first + i, first + j);
    return gram;
}

/// Limits the groups that begin at one column, of some rows, in place.
class GroupClipping {
public:
    GroupClipping(Matrix& weights, std::size_t first, std::size_t width, const QuantizationScheme& scheme, const std::vector<double>& gram)
        : m_weights(weights), m_first(first), m_width(width), m_scheme(scheme), m_gram(gram) {}

    void clip(std::size_t begin, std::size_t end) {
        const std::size_t rows = end - begin;
        m_errors.resize(rows * m_width);
        m_products.resize(rows * m_width);
        std::vector<float> largest(rows, 0.0F);
        for (std::size_t r = 0; r < rows; ++r)
            for (const float weight : group(begin + r)) largest[r] = std::max(largest[r], std::fabs(weight));
        std::vector<float> best = largest;
        std::vector<double> least(rows, std::numeric_limits<double>::infinity());
        const int width = static_cast<int>(m_width), count = static_cast<int>(rows), next = 1;
        const double one = 1.0, none = 0.0;
        for (int step = 0; step < kClippingSteps; ++step) {
            const auto limitOf = [&](std::size_t r) { return largest[r] * (1.0F - static_cast<float>(step) / kClippingUnit); };
            for (std::size_t r = 0; r < rows; ++r) round(group(begin + r), limitOf(r), m_errors.data() + r * m_width);
            dsymm_("L", "L", &width, &count, &one, m_gram.data(), &width, m_errors.data(), &width, &none, m_products.data(), &width);
            for (std::size_t r = 0; r < rows; ++r) {
                const double energy = ddot_(&width, m_errors.data() + r * m_width, &next, m_products.data() + r * m_width, &next);
                if (energy >= least[r]) continue;
                least[r] = energy;
                best[r] = limitOf(r);
            }
        }
        for (std::size_t r = 0; r < rows; ++r)
            for (float& weight : group(begin + r)) weight = std::clamp(weight, -best[r], best[r]);
    }

private:
    std::span<float> group(std::size_t row) { return {m_weights.row(row) + m_first, m_width}; }
    /// How far the weights are off once they are limited and rounded.
    void round(std::span<const float> weights, float limit, double* errors) const {
        float low = 0.0F, high = 0.0F;
        for (const float weight : weights) {
            low = std::min(low, std::max(weight, -limit));
            high = std::max(high, std::min(weight, limit));
        }
        const UniformGrid grid = uniformGrid(low, high, m_scheme.weightBits, m_scheme.symmetric);
        for (std::size_t i = 0; i < weights.size(); ++i)
            errors[i] = static_cast<double>(grid.rounded(std::clamp(weights[i], -limit, limit))) - static_cast<double>(weights[i]);
    }

    Matrix& m_weights;
    std::size_t m_first, m_width;
    const QuantizationScheme& m_scheme;
    const std::vector<double>& m_gram;
    std::vector<double> m_errors, m_products;
};

}  // namespace

std::vector<float> awqScales(std::span<const double> magnitudes, std::span<const double> weights, double ratio) {
    std::vector<double> scales(magnitudes.size());
    double smallest = std::numeric_limits<double>::infinity(), largest = 0.0;
    for (std::size_t i = 0; i < scales.size(); ++i) {
        const double divisor = weights.empty() ? 1.0 : std::pow(weights[i], 1.0 - ratio) + kScaleFloor;
        scales[i] = std::max(std::pow(magnitudes[i], ratio) / divisor, kScaleFloor);
        smallest = std::min(smallest, scales[i]);
        largest = std::max(largest, scales[i]);
    }
    std::vector<float> result;
    for (const double scale : scales) {
        const auto balanced = static_cast<float>(scale / std::sqrt(largest * smallest));
        result.push_back(std::isfinite(balanced) ? balanced : 1.0F);
    }
    return result;
}

std::vector<double> channelShares(std::span<const Matrix* const> weights, std::span<const int> groupSizes) {
    std::vector<double> shares(weights.front()->cols(), 0.0);
    std::size_t rows = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) {
        const Matrix& weight = *weights[k];
        const std::size_t width = groupWidth(groupSizes[k], weight.cols());
        for (std::size_t r = 0; r < weight.rows(); ++r)
            for (std::size_t first = 0; first < weight.cols(); first += width) {
                double largest = 0.0;
                for (std::size_t c = first; c < first + width; ++c) largest = std::max(largest, static_cast<double>(std::fabs(weight(r, c))));
                for (std::size_t c = first; c < first + width; ++c) shares[c] += static_cast<double>(std::fabs(weight(r, c))) / (largest + kGroupFloor);
            }
        rows += weight.rows();
    }
    for (double& share : shares) share /= static_cast<double>(rows);
    return shares;
}

Matrix clippedWeights(const Matrix& weight, const QuantizationScheme& scheme, const InputStatistics& inputs) {
    Matrix clipped = weight.clone();
    const std::size_t width = groupWidth(scheme.groupSize, weight.cols());
    for (std::size_t first = 0; first < weight.cols(); first += width) {
        const std::vector<double> gram = gramOfGroup(inputs, first, width);
#pragma omp parallel num_threads(threadCount())
        {
            GroupClipping clipping(clipped, first, width, scheme, gram);
#pragma omp for schedule(static)
            for (std::size_t begin = 0; begin < clipped.rows(); begin += kClippedTogether)
                clipping.clip(begin, std::min(begin + kClippedTogether, clipped.rows()));
        }
    }
    return clipped;
}

void calibrateAwq(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options) {
    if (scalesBefore(block.config(), group)) block.fold(group, bestScales(block, group, inputs, options.awq), inputs);
    for (const LinearRole role : quantizedLinears(block, group)) {
        const QuantizationScheme& scheme = block.plan(role).actual;
        const bool clips = options.awq.clipping && role != LinearRole::Query && role != LinearRole::Key;
        if (block.stop.stop_requested()) return;
        const Matrix clipped = clips ? clippedWeights(block.weight(role), scheme, inputs) : Matrix();
        block.code(role, roundToNearest(clips ? clipped : block.weight(role), scheme), inputs);
    }
}

}  // namespace safequant
