// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/grid_weight.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

constexpr float kShift = 12582912.0F;  // 1.5 * 2^23: adding it rounds |x| < 2^22 to a whole number, ties to even.
/// Farthest from its code that a latent weight may start, in steps: a little within the half at which the next one begins.
constexpr float kCell = 0.499F;
/// Scales of rows and columns are fitted in turn, so often.
constexpr int kFitRounds = 3;

inline float nearest(float value) { return (value + kShift) - kShift; }

/// Scales that bring `weight` to what codes stand for: w_ij times row_i times column_j, each in turn by least squares.
struct MovedScales {
    std::vector<float> rows, cols;
};

MovedScales fitScales(const Matrix& weight, const Matrix& target) {
    MovedScales scales{std::vector<float>(weight.rows(), 1.0F), std::vector<float>(weight.cols(), 1.0F)};
    for (int round = 0; round < kFitRounds; ++round) {
        std::vector<double> product(weight.cols(), 0.0), square(weight.cols(), 0.0);
        for (std::size_t r = 0; r < weight.rows(); ++r)
            for (std::size_t c = 0; c < weight.cols(); ++c) {
                const double w = static_cast<double>(weight(r, c)) * static_cast<double>(scales.rows[r]);
                product[c] += w * static_cast<double>(target(r, c));
                square[c] += w * w;
            }
        for (std::size_t c = 0; c < weight.cols(); ++c) scales.cols[c] = square[c] > 0.0 ? static_cast<float>(product[c] / square[c]) : 1.0F;
        for (std::size_t r = 0; r < weight.rows(); ++r) {
            double along = 0.0, length = 0.0;
            for (std::size_t c = 0; c < weight.cols(); ++c) {
                const double w = static_cast<double>(weight(r, c)) * static_cast<double>(scales.cols[c]);
                along += w * static_cast<double>(target(r, c));
                length += w * w;
            }
            scales.rows[r] = length > 0.0 ? static_cast<float>(along / length) : 1.0F;
        }
    }
    return scales;
}

}  // namespace

template <typename Visit>
void GridWeight::eachRow(const Visit& visit) const {
    const std::int64_t cols = m_start.cols, groups = m_start.groups();
    at::parallel_for(0, m_start.rows, 1 + 32768 / cols, [&](std::int64_t first, std::int64_t last) {
        std::vector<float> scales(static_cast<std::size_t>(cols)), zeros(static_cast<std::size_t>(cols));
        for (std::int64_t row = first; row < last; ++row) {
            for (std::size_t c = 0; c < m_groupOf.size(); ++c) {
                const auto group = static_cast<std::size_t>(row * groups + m_groupOf[c]);
                scales[c] = m_start.scales[group];
                zeros[c] = m_start.zeros.empty() ? 0.0F : static_cast<float>(m_start.zeros[group]);
            }
            visit(row, m_latent.data_ptr<float>() + row * cols, scales.data(), zeros.data());
        }
    });
}

GridWeight::GridWeight(const Matrix& weight, const QuantizedLinear& quantized, bool scaled) : m_start(quantized), m_scaled(scaled), m_groupOf(quantized.groupOf) {
    const auto rows = static_cast<std::size_t>(quantized.rows), cols = static_cast<std::size_t>(quantized.cols);
    if (weight.rows() != rows || weight.cols() != cols || quantized.codes.size() != rows * cols)
        throw std::invalid_argument("[GridWeight] got a weight of " + std::to_string(weight.rows()) + " x " + std::to_string(weight.cols()) +
                                    ", need that of the codes, " + std::to_string(rows) + " x " + std::to_string(cols));
    if (m_groupOf.empty()) {
        const int size = quantized.cols / quantized.groups();
        for (int c = 0; c < quantized.cols; ++c) m_groupOf.push_back(c / size);
    }
    const Matrix wanted = codedWeight(weight);
    m_latent = at::empty({quantized.rows, quantized.cols}, at::kFloat);
    eachRow([&](std::int64_t row, float* latent, const float* scales, const float* zeros) {
        const auto r = static_cast<std::size_t>(row);
        const std::int8_t* codes = m_start.codes.data() + r * cols;
        for (std::size_t c = 0; c < cols; ++c) {
            const float code = static_cast<float>(codes[c]) - zeros[c];
            latent[c] = (code + std::clamp(wanted(r, c) / scales[c] - code, -kCell, kCell)) * scales[c];
        }
    });
}

Matrix GridWeight::codedWeight(const Matrix& weight) const {
    Matrix result = weight.clone();
    if (!m_scaled) return result;
    const MovedScales moved = fitScales(weight, m_start.dequantize());
    for (std::size_t r = 0; r < result.rows(); ++r)
        for (std::size_t c = 0; c < result.cols(); ++c) result(r, c) *= moved.rows[r] * moved.cols[c];
    return result;
}

double GridWeight::relativeError(const Matrix& weight, const QuantizedLinear& quantized) const {
    return quantizationError(codedWeight(weight), quantized).relative;
}

at::Tensor GridWeight::rounded(const at::Tensor& delta, const at::Tensor& mask, at::Tensor* passes) const {
    const float lowest = -static_cast<float>(1 << (m_start.scheme.weightBits - 1)), highest = -lowest - 1.0F;
    const std::int64_t cols = m_start.cols;
    at::Tensor result = at::empty_like(m_latent);
    if (passes != nullptr) *passes = at::empty(m_latent.sizes(), at::kByte);
    const at::Tensor change = delta.contiguous();
    eachRow([&](std::int64_t row, const float* latent, const float* scales, const float* zeros) {
        const float* d = change.data_ptr<float>() + row * cols;
        const std::uint8_t* m = mask.defined() ? mask.data_ptr<std::uint8_t>() + row * cols : nullptr;
        float* out = result.data_ptr<float>() + row * cols;
        std::uint8_t* pass = passes != nullptr ? passes->data_ptr<std::uint8_t>() + row * cols : nullptr;
        for (std::int64_t c = 0; c < cols; ++c) {
            const float at = latent[c] + (m == nullptr || m[c] != 0 ? d[c] : 0.0F);
            const float code = nearest(at / scales[c] + zeros[c]);
            const float inside = code < lowest ? lowest : code > highest ? highest : code;
            out[c] = (inside - zeros[c]) * scales[c];
            if (pass != nullptr) pass[c] = static_cast<std::uint8_t>(inside == code && (m == nullptr || m[c] != 0));
        }
    });
    return result;
}

QuantizedLinear GridWeight::coded(const at::Tensor& delta, const at::Tensor& mask) const {
    const at::Tensor weights = rounded(delta, mask);
    QuantizedLinear result = m_start;
    eachRow([&](std::int64_t row, const float* /*latent*/, const float* scales, const float* zeros) {
        const float* values = weights.data_ptr<float>() + row * m_start.cols;
        std::int8_t* codes = result.codes.data() + row * m_start.cols;
        for (int c = 0; c < m_start.cols; ++c) codes[c] = static_cast<std::int8_t>(nearest(values[c] / scales[c] + zeros[c]));
    });
    return result;
}

}  // namespace safequant
