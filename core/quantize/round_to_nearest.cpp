// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/round_to_nearest.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/model/activation_quantization.h"
#include "core/model/parallel.h"
#include "core/quantize/row_kernels.h"

namespace safequant {
namespace {

void checkGrid(const char* function, const QuantizationScheme& scheme, std::size_t cols) {
    if (scheme.weightBits < 2 || scheme.weightBits > 8)
        throw std::invalid_argument(std::string("[") + function + "] got " + std::to_string(scheme.weightBits) +
                                    " bits, need 2 to 8");
    if (scheme.groupSize > 0 && cols % static_cast<std::size_t>(scheme.groupSize) != 0)
        throw std::invalid_argument(std::string("[") + function + "] got a group of " + std::to_string(scheme.groupSize) +
                                    ", need a divisor of " + std::to_string(cols) + " columns");
}

/// Calls body(row) for every row, shared out among threads that do not spin once they are done: matrix products follow.
template <typename Body>
void forRows(std::ptrdiff_t rows, std::ptrdiff_t cols, const Body& body) {
    parallelRows(static_cast<std::size_t>(rows), kRowGrain / static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, cols)) + 1,
                 [&](std::size_t first, std::size_t last) {
                     for (std::size_t r = first; r < last; ++r) body(static_cast<std::ptrdiff_t>(r));
                 });
}

int groupWidth(const QuantizedLinear& q) { return q.scheme.groupSize > 0 ? q.scheme.groupSize : q.cols; }

const std::int8_t* zerosOfRow(const QuantizedLinear& q, std::ptrdiff_t row) {
    return q.zeros.empty() ? nullptr : q.zeros.data() + row * q.groups();
}

void checkSizes(const char* function, const QuantizedLinear& q) {
    if (!q.onGrid()) {
        if (q.values.size() != static_cast<std::size_t>(q.rows) * static_cast<std::size_t>(q.cols) || !q.codes.empty())
            throw std::invalid_argument(std::string("[") + function + "] got values that do not fit " + std::to_string(q.rows) + " x " +
                                        std::to_string(q.cols) + ", or codes beside them");
        return;
    }
    checkGrid(function, q.scheme, static_cast<std::size_t>(q.cols));
    const std::size_t rows = static_cast<std::size_t>(q.rows);
    const std::size_t grids = rows * static_cast<std::size_t>(q.groups());
    if (q.codes.size() != rows * static_cast<std::size_t>(q.cols) || q.scales.size() != grids ||
        q.zeros.size() != (q.scheme.symmetric ? 0 : grids) || q.groupOf.size() != (q.scheme.orderedGroups ? static_cast<std::size_t>(q.cols) : 0))
        throw std::invalid_argument(std::string("[") + function + "] got codes, scales, zeros or groups that do not fit " +
                                    std::to_string(q.rows) + " x " + std::to_string(q.cols));
}

Matrix storedValues(const QuantizedLinear& q) {
    Matrix out(static_cast<std::size_t>(q.rows), static_cast<std::size_t>(q.cols));
    std::copy(q.values.begin(), q.values.end(), out.data());
    return out;
}

Matrix dequantizeOrdered(const QuantizedLinear& q) {
    Matrix out(static_cast<std::size_t>(q.rows), static_cast<std::size_t>(q.cols));
    forRows(q.rows, q.cols, [&](std::ptrdiff_t r) {
        const float* const scales = q.scales.data() + r * q.groups();
        const std::int8_t* const zeros = zerosOfRow(q, r);
        const std::int8_t* const codes = q.codes.data() + r * q.cols;
        float* const row = out.row(static_cast<std::size_t>(r));
        for (std::ptrdiff_t c = 0; c < q.cols; ++c) {
            const std::int32_t group = q.groupOf[static_cast<std::size_t>(c)];
            row[c] = (static_cast<float>(codes[c]) - (zeros != nullptr ? static_cast<float>(zeros[group]) : 0.0F)) * scales[group];
        }
    });
    return out;
}

RowError differenceOf(const float* weights, const float* values, std::size_t count) {
    RowError error;
    for (std::size_t i = 0; i < count; ++i) {
        const double weight = static_cast<double>(weights[i]), difference = weight - static_cast<double>(values[i]);
        error.squaredError += difference * difference;
        error.squaredWeight += weight * weight;
        error.maxAbsolute = std::max(error.maxAbsolute, std::fabs(difference));
    }
    return error;
}

}  // namespace

Matrix QuantizedLinear::dequantize() const {
    checkSizes("QuantizedLinear::dequantize", *this);
    if (!onGrid()) return storedValues(*this);
    if (!groupOf.empty()) return dequantizeOrdered(*this);
    Matrix out(static_cast<std::size_t>(rows), static_cast<std::size_t>(cols));
    const RoundingKernels& kernels = roundingKernels();
    const int group = groupWidth(*this);
    forRows(rows, cols, [&](std::ptrdiff_t r) {
        kernels.dequantize(codes.data() + r * cols, scales.data() + r * groups(), zerosOfRow(*this, r), cols, group,
                           out.row(static_cast<std::size_t>(r)));
    });
    return out;
}

double QuantizedLinear::bitsPerWeight() const {
    if (!onGrid()) return static_cast<double>(valueBits);
    constexpr double kScaleBits = 16.0, kIndexBits = 32.0;
    const double weights = static_cast<double>(rows) * cols;
    if (weights == 0.0) return scheme.weightBits;
    const double gridBits = kScaleBits + (scheme.symmetric ? 0.0 : scheme.weightBits);
    return scheme.weightBits + (gridBits * rows * groups() + kIndexBits * static_cast<double>(groupOf.size())) / weights;
}

QuantizedLinear roundToNearest(const Matrix& weight, const QuantizationScheme& scheme) {
    checkGrid("roundToNearest", scheme, weight.cols());
    QuantizedLinear result;
    result.scheme = scheme;
    result.rows = static_cast<int>(weight.rows());
    result.cols = static_cast<int>(weight.cols());
    result.codes.resize(weight.size());
    const std::size_t groups = static_cast<std::size_t>(result.groups());
    result.scales.resize(weight.rows() * groups);
    if (!scheme.symmetric) result.zeros.resize(weight.rows() * groups);
    if (scheme.orderedGroups)
        for (int c = 0; c < result.cols; ++c) result.groupOf.push_back(c / groupWidth(result));

    const RoundingKernels& kernels = roundingKernels();
    const int group = groupWidth(result);
    if (weight.empty()) return result;
    std::atomic<std::ptrdiff_t> broken = result.rows;  // The first of them.
    forRows(result.rows, result.cols, [&](std::ptrdiff_t r) {
        const std::ptrdiff_t firstGroup = r * result.groups();
        const RoundingRow row{weight.row(static_cast<std::size_t>(r)), result.cols, group, scheme.weightBits,
                              result.codes.data() + r * result.cols, result.scales.data() + firstGroup,
                              scheme.symmetric ? nullptr : result.zeros.data() + firstGroup};
        if (kernels.round(row)) return;
        for (std::ptrdiff_t first = broken; r < first && !broken.compare_exchange_weak(first, r);) {
        }
    });
    if (broken < result.rows)
        throw std::invalid_argument("[roundToNearest] got a weight that is not finite in row " + std::to_string(broken) +
                                    ", need finite weights");
    return result;
}

QuantizationError quantizationError(const Matrix& weight, const QuantizedLinear& quantized) {
    checkSizes("quantizationError", quantized);
    if (weight.rows() != static_cast<std::size_t>(quantized.rows) || weight.cols() != static_cast<std::size_t>(quantized.cols))
        throw std::invalid_argument("[quantizationError] got " + std::to_string(weight.rows()) + " x " +
                                    std::to_string(weight.cols()) + ", need " + std::to_string(quantized.rows) + " x " +
                                    std::to_string(quantized.cols));
    if (weight.empty()) return {};
    std::vector<RowError> rows(weight.rows());
    const RoundingKernels& kernels = roundingKernels();
    const int group = groupWidth(quantized);
    const bool neighbours = quantized.onGrid() && quantized.groupOf.empty();
    const Matrix ordered = neighbours ? Matrix() : quantized.dequantize();
    forRows(quantized.rows, quantized.cols, [&](std::ptrdiff_t r) {
        const auto row = static_cast<std::size_t>(r);
        rows[row] = neighbours ? kernels.error(weight.row(row), quantized.codes.data() + r * quantized.cols,
                                                    quantized.scales.data() + r * quantized.groups(), zerosOfRow(quantized, r), quantized.cols, group)
                                    : differenceOf(weight.row(row), ordered.row(row), ordered.cols());
    });

    RowError sum;
    for (const RowError& row : rows) {
        sum.squaredError += row.squaredError;
        sum.squaredWeight += row.squaredWeight;
        sum.maxAbsolute = std::max(sum.maxAbsolute, row.maxAbsolute);
    }
    QuantizationError error;
    error.meanSquared = sum.squaredError / static_cast<double>(weight.size());
    error.relative = sum.squaredWeight > 0.0 ? std::sqrt(sum.squaredError / sum.squaredWeight) : 0.0;
    error.maxAbsolute = sum.maxAbsolute;
    return error;
}

void fakeQuantizeRows(Matrix& rows, const ActivationScheme& scheme) {
    if (scheme.bits == 16) return;
    if (scheme.bits != 4 && scheme.bits != 6 && scheme.bits != 8)
        throw std::invalid_argument("[fakeQuantizeRows] got " + std::to_string(scheme.bits) + " bits, need 4, 6, 8 or 16");
    quantizeActivationRows(rows.data(), rows.cols(), rows.rows(), rows.cols(), scheme);
}

}  // namespace safequant
