// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/gptq.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>

#include "core/model/matmul.h"
#include "core/model/parallel.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/row_kernels.h"
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
/// Rows that one thread works on at least.
constexpr std::size_t kRowsOfThread = 8;

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

void storeGrid(const UniformGrid& grid, QuantizedLinear& q, std::size_t index) {
    q.scales[index] = grid.scale;
    if (!q.zeros.empty()) q.zeros[index] = static_cast<std::int8_t>(grid.zero);
}

/// Columns `[begin, end)` of the visiting order.
struct ColumnBlock {
    std::size_t begin, end;
};

/// What is the same for all rows of a weight.
struct Visit {
    const Matrix& factor;
    std::span<const int> order;
    std::vector<std::int32_t> grids;  ///< The grid of each column in the order.
    bool renewGrids, search;
};

/// Makes the grids of a group of columns anew from the weights as they stand in a tile.
void makeGrids(const std::vector<float>& tile, std::size_t begin, std::size_t width, std::size_t firstRow, std::size_t rows, std::int32_t grid,
                bool search, QuantizedLinear& result) {
    std::vector<float> weights(width);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < width; ++i) weights[i] = tile[(begin + i) * kTileRows + r];
        storeGrid(groupGrid(weights.data(), width, result.scheme, search), result,
                  (firstRow + r) * static_cast<std::size_t>(result.groups()) + static_cast<std::size_t>(grid));
    }
}

/// Codes of some rows of a block of columns; `errors` gets what the columns behind the block have to make up for.
void codeTile(const Matrix& left, const Visit& visit, ColumnBlock block, std::size_t firstRow, std::size_t rows, QuantizedLinear& result, Matrix& errors) {
    const std::size_t columns = block.end - block.begin, step = visit.renewGrids ? groupWidth(result) : columns;
    const auto groups = static_cast<std::size_t>(result.groups()), cols = static_cast<std::size_t>(result.cols);
    std::vector<float> weights(columns * kTileRows, 0.0F), missed(columns * kTileRows);
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < columns; ++i) weights[i * kTileRows + r] = left(firstRow + r, block.begin + i);
    for (std::size_t done = 0; done < columns; done += step) {
        const std::size_t at = block.begin + done;
        if (visit.renewGrids) makeGrids(weights, done, step, firstRow, rows, visit.grids[at], visit.search, result);
        CompensatedTile tile;
        tile.weights = weights.data() + done * kTileRows;
        tile.rows = static_cast<int>(rows);
        tile.coded = static_cast<int>(step);
        tile.end = static_cast<int>(columns - done);
        tile.factor = visit.factor.row(at) + at;
        tile.stride = static_cast<std::ptrdiff_t>(visit.factor.cols());
        tile.columns = visit.order.data() + at;
        tile.grids = visit.grids.data() + at;
        tile.scales = result.scales.data() + firstRow * groups;
        tile.zeros = result.zeros.empty() ? nullptr : result.zeros.data() + firstRow * groups;
        tile.groups = static_cast<std::ptrdiff_t>(groups);
        tile.bits = result.scheme.weightBits;
        tile.codes = result.codes.data() + firstRow * cols;
        tile.cols = static_cast<std::ptrdiff_t>(cols);
        tile.errors = missed.data() + done * kTileRows;
        roundingKernels().compensate(tile);
    }
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < columns; ++i) errors(firstRow + r, i) = missed[i * kTileRows + r];
}

/// A block's rows of the factor for the columns behind it, transposed: `[behind, block]`.
Matrix spreadBehind(const Matrix& factor, ColumnBlock block) {
    Matrix spread(factor.cols() - block.end, block.end - block.begin);
    parallelRows(spread.rows(), kRowGrain / spread.cols() + 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = 0; i < spread.cols(); ++i) {
            const float* behind = factor.row(block.begin + i) + block.end;
            for (std::size_t j = first; j < last; ++j) spread(j, i) = behind[j];
        }
    });
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
    parallelRows(rows, kRowsOfThread, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            for (std::size_t c = 0; c < columns; ++c) left(r, c) = weight(r, static_cast<std::size_t>(order[c]));
    });

    Visit visit{factor, order, std::vector<std::int32_t>(columns), renewGrids, search};
    for (std::size_t i = 0; i < columns; ++i) {
        const auto column = static_cast<std::size_t>(order[i]);
        visit.grids[i] = result.groupOf.empty() ? static_cast<std::int32_t>(column / groupWidth(result)) : result.groupOf[column];
    }
    const std::size_t step = renewGrids ? wholeGroups(static_cast<std::size_t>(blockColumns), groupWidth(result)) : static_cast<std::size_t>(blockColumns);
    for (std::size_t begin = 0; begin < columns; begin += step) {
        const ColumnBlock block{begin, std::min(begin + step, columns)};
        Matrix errors(rows, block.end - block.begin);
        parallelFor(static_cast<std::int64_t>((rows + kTileRows - 1) / kTileRows), [&](std::int64_t tile, std::size_t) {
            const std::size_t first = static_cast<std::size_t>(tile) * kTileRows;
            codeTile(left, visit, block, first, std::min<std::size_t>(kTileRows, rows - first), result, errors);
        });
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
    std::shared_ptr<const Matrix> factor = inputs.inverseFactor(order, damping);
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
