// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/gptq.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>

#include "core/model/matmul.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/smooth_quant.h"
#include "core/quantize/uniform_grid.h"

namespace safequant {
namespace {

constexpr int kSearchSteps = 80;
constexpr float kSearchUnit = 100.0F;
constexpr float kSearchNorm = 2.4F;
/// A Hessian that cannot be factored gets its damping raised by so much, so many times.
constexpr double kMoreDamping = 10.0;
constexpr int kDampingTries = 3;

std::size_t groupWidth(const QuantizedLinear& q) { return static_cast<std::size_t>(q.scheme.groupSize > 0 ? q.scheme.groupSize : q.cols); }

UniformGrid groupGrid(const float* weights, std::size_t count, const QuantizationScheme& scheme, bool search) {
    float low = 0.0F, high = 0.0F;
    for (std::size_t i = 0; i < count; ++i) {
        low = std::min(low, weights[i]);
        high = std::max(high, weights[i]);
    }
    UniformGrid best = uniformGrid(low, high, scheme.weightBits, scheme.symmetric);
    if (!search) return best;
    double least = -1.0;
    for (int step = 0; step < kSearchSteps; ++step) {
        const float shrink = 1.0F - static_cast<float>(step) / kSearchUnit;
        const UniformGrid grid = uniformGrid(shrink * low, shrink * high, scheme.weightBits, scheme.symmetric);
        double error = 0.0;
        for (std::size_t i = 0; i < count; ++i) error += static_cast<double>(std::pow(std::fabs(weights[i] - grid.rounded(weights[i])), kSearchNorm));
        if (least >= 0.0 && error >= least) continue;
        least = error;
        best = grid;
    }
    return best;
}

UniformGrid gridAt(const QuantizedLinear& q, std::size_t index) {
    UniformGrid grid = uniformGrid(0.0F, 0.0F, q.scheme.weightBits, q.scheme.symmetric);
    grid.scale = q.scales[index];
    grid.zero = q.zeros.empty() ? 0.0F : static_cast<float>(q.zeros[index]);
    return grid;
}

void storeGrid(const UniformGrid& grid, QuantizedLinear& q, std::size_t index) {
    q.scales[index] = grid.scale;
    if (!q.zeros.empty()) q.zeros[index] = static_cast<std::int8_t>(grid.zero);
}

/// Columns `[begin, end)` of the visiting order.
struct ColumnBlock {
    std::size_t begin, end;
};

/// Codes of one row of a block; `errors` `[end - begin]` gets what the columns behind it have to make up for.
void codeRow(float* weights, const Matrix& factor, std::span<const int> order, ColumnBlock block, bool renewGrids, bool search, std::size_t row,
             QuantizedLinear& result, float* errors) {
    const std::size_t width = groupWidth(result);
    const std::size_t firstGrid = row * static_cast<std::size_t>(result.groups());
    for (std::size_t i = block.begin; i < block.end; ++i) {
        const auto column = static_cast<std::size_t>(order[i]);
        const std::size_t index = firstGrid + (result.groupOf.empty() ? column / width : static_cast<std::size_t>(result.groupOf[column]));
        if (renewGrids && i % width == 0) storeGrid(groupGrid(weights + i, width, result.scheme, search), result, index);
        const UniformGrid grid = gridAt(result, index);
        const float code = grid.code(weights[i]);
        result.codes[row * static_cast<std::size_t>(result.cols) + column] = static_cast<std::int8_t>(code);
        const float error = (weights[i] - grid.value(code)) / factor(i, i);
        const float* spread = factor.row(i);
        for (std::size_t j = i + 1; j < block.end; ++j) weights[j] -= error * spread[j];
        errors[i - block.begin] = -error;
    }
}

/// A block's rows of the factor for the columns behind it, transposed: `[behind, block]`.
Matrix spreadBehind(const Matrix& factor, ColumnBlock block) {
    Matrix spread(factor.cols() - block.end, block.end - block.begin);
    for (std::size_t j = 0; j < spread.rows(); ++j)
        for (std::size_t i = 0; i < spread.cols(); ++i) spread(j, i) = factor(block.begin + i, block.end + j);
    return spread;
}

/// Blocks begin where groups do, so that a grid is never made from weights that have not been updated.
std::size_t wholeGroups(std::size_t blockColumns, std::size_t width) {
    return std::max(width, blockColumns / width * width);
}

}  // namespace

std::vector<int> visitingOrder(const InputStatistics& inputs, ColumnOrder order) {
    std::vector<int> columns(inputs.columns());
    std::iota(columns.begin(), columns.end(), 0);
    if (order == ColumnOrder::None) return columns;
    const auto energy = [&](int column) { return inputs.gram(static_cast<std::size_t>(column), static_cast<std::size_t>(column)); };
    std::stable_sort(columns.begin(), columns.end(), [&](int a, int b) { return energy(a) > energy(b); });
    return columns;
}

std::vector<std::int32_t> groupsInOrder(std::span<const int> order, int groupSize) {
    std::vector<std::int32_t> groups(order.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        groups[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i) / groupSize;
    return groups;
}

QuantizedLinear gridsOf(const Matrix& weight, const QuantizationScheme& scheme, bool search) {
    QuantizedLinear result = roundToNearest(weight, scheme);
    if (search) {
        const std::size_t width = groupWidth(result);
        const auto groups = static_cast<std::size_t>(result.groups());
#pragma omp parallel for schedule(static) num_threads(threadCount())
        for (std::size_t r = 0; r < weight.rows(); ++r)
            for (std::size_t g = 0; g < groups; ++g)
                storeGrid(groupGrid(weight.row(r) + g * width, width, scheme, true), result, r * groups + g);
    }
    std::fill(result.codes.begin(), result.codes.end(), std::int8_t{0});
    return result;
}

void chooseCodes(const Matrix& weight, const Matrix& factor, std::span<const int> order, int blockColumns, bool renewGrids, bool search,
                 QuantizedLinear& result) {
    const std::size_t rows = weight.rows(), columns = weight.cols();
    if (factor.rows() != columns || factor.cols() != columns || order.size() != columns || blockColumns < 1 ||
        static_cast<std::size_t>(result.rows) != rows || static_cast<std::size_t>(result.cols) != columns)
        throw std::invalid_argument("[chooseCodes] got a factor of " + std::to_string(factor.rows()) + " x " + std::to_string(factor.cols()) +
                                    ", an order of " + std::to_string(order.size()) + " and grids of " + std::to_string(result.rows) + " x " +
                                    std::to_string(result.cols) + ", need those of " + std::to_string(rows) + " x " + std::to_string(columns));
    Matrix left(rows, columns);  // What is still to be rounded, in visiting order.
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) left(r, c) = weight(r, static_cast<std::size_t>(order[c]));

    const std::size_t step = renewGrids ? wholeGroups(static_cast<std::size_t>(blockColumns), groupWidth(result)) : static_cast<std::size_t>(blockColumns);
    for (std::size_t begin = 0; begin < columns; begin += step) {
        const ColumnBlock block{begin, std::min(begin + step, columns)};
        Matrix errors(rows, block.end - block.begin);
#pragma omp parallel for schedule(static) num_threads(threadCount())
        for (std::size_t r = 0; r < rows; ++r) codeRow(left.row(r), factor, order, block, renewGrids, search, r, result, errors.row(r));
        if (block.end == columns) break;
        const Matrix spread = spreadBehind(factor, block);
        multiply(PackedWeight{{&spread, {}}}, errors.data(), errors.cols(), rows, left.data() + block.end, columns, true);
    }
}

void calibrateGptq(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options) {
    if (options.smoothing.on) smoothInputs(block, group, inputs, options.smoothing.alpha);
    const GptqOptions& gptq = options.gptq;
    const std::vector<int> order = visitingOrder(inputs, gptq.order);
    double damping = gptq.damping;
    std::optional<Matrix> factor = inputs.inverseFactor(order, damping);
    for (int tries = 0; !factor && tries < kDampingTries; ++tries) {
        damping *= kMoreDamping;
        factor = inputs.inverseFactor(order, damping);
    }
    for (const LinearRole role : linearsOf(group)) {
        const QuantizationScheme& scheme = block.plan(role).actual;
        if (!block.plan(role).quantized()) continue;
        LinearReport report;
        report.damping = damping;
        report.roundedToNearest = !factor;
        if (!factor) {
            block.code(role, roundToNearest(block.weight(role), scheme), inputs, report);
            continue;
        }
        QuantizedLinear coded = gridsOf(block.weight(role), scheme, gptq.searchRange);
        if (scheme.orderedGroups) coded.groupOf = groupsInOrder(order, scheme.groupSize);
        const bool renewGrids = gptq.order == ColumnOrder::None || scheme.orderedGroups;
        chooseCodes(block.weight(role), *factor, order, gptq.blockColumns, renewGrids, gptq.searchRange, coded);
        block.code(role, std::move(coded), inputs, report);
    }
}

}  // namespace safequant
