// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/input_statistics.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/model/decoder.h"
#include "core/quantize/blas.h"

namespace safequant {
namespace {

// The upper triangle of a matrix by rows is the lower triangle of one by columns.
constexpr char kLower = 'L', kNotTransposed = 'N', kLeft = 'L';
/// Rows of weights whose products are held at once.
constexpr std::size_t kEnergyRows = 512;

/// The library's threads are OpenMP's, and those are counted by calling thread.
void limitThreads() { omp_set_num_threads(threadCount()); }

void checkColumns(const char* function, std::size_t got, std::size_t columns) {
    if (got != columns)
        throw std::invalid_argument(std::string("[InputStatistics::") + function + "] got " + std::to_string(got) + " columns, need " +
                                    std::to_string(columns));
}

}  // namespace

InputStatistics::InputStatistics(std::size_t columns)
    : m_columns(columns),
      m_magnitudes(columns, 0.0),
      m_largest(columns, 0.0F),
      m_shared(std::make_shared<Shared>(Shared{std::vector<double>(columns * columns, 0.0)})) {}

InputStatistics::Shared& InputStatistics::own() {
    if (m_shared.use_count() > 1) m_shared = std::make_shared<Shared>(Shared{m_shared->gram});
    m_shared->order.clear();
    m_shared->factor.reset();
    return *m_shared;
}

void InputStatistics::add(const float* x, std::size_t stride, std::size_t rows) {
    if (rows == 0) return;
    Shared& sums = own();
    sums.block.resize(rows * m_columns);
    for (std::size_t r = 0; r < rows; ++r) {
        const float* row = x + r * stride;
        double* out = sums.block.data() + r * m_columns;
        for (std::size_t c = 0; c < m_columns; ++c) {
            const float magnitude = std::fabs(row[c]);
            out[c] = static_cast<double>(row[c]);
            m_magnitudes[c] += static_cast<double>(magnitude);
            m_largest[c] = std::max(m_largest[c], magnitude);
        }
    }
    limitThreads();
    const int n = static_cast<int>(m_columns), k = static_cast<int>(rows);
    const double one = 1.0;
    dsyrk_(&kLower, &kNotTransposed, &n, &k, &one, sums.block.data(), &n, &one, sums.gram.data(), &n);
    m_rows += rows;
}

std::vector<double> InputStatistics::meanMagnitudes() const {
    std::vector<double> means = m_magnitudes;
    for (double& mean : means) mean /= static_cast<double>(std::max<std::size_t>(m_rows, 1));
    return means;
}

int InputStatistics::deadColumns() const {
    return static_cast<int>(std::count(m_largest.begin(), m_largest.end(), 0.0F));
}

void InputStatistics::divide(std::span<const float> scales) {
    checkColumns("divide", scales.size(), m_columns);
    std::vector<double>& sums = own().gram;
    for (std::size_t i = 0; i < m_columns; ++i) {
        m_largest[i] /= scales[i];
        m_magnitudes[i] /= static_cast<double>(scales[i]);
        for (std::size_t j = i; j < m_columns; ++j)
            sums[i * m_columns + j] /= static_cast<double>(scales[i]) * static_cast<double>(scales[j]);
    }
}

double InputStatistics::outputEnergy(const Matrix& weights) const {
    checkColumns("outputEnergy", weights.cols(), m_columns);
    limitThreads();
    const int n = static_cast<int>(m_columns);
    const double one = 1.0, none = 0.0;
    std::vector<double> w, product;
    double energy = 0.0;
    for (std::size_t first = 0; first < weights.rows(); first += kEnergyRows) {
        const std::size_t rows = std::min(kEnergyRows, weights.rows() - first);
        w.assign(weights.row(first), weights.row(first) + rows * m_columns);
        product.resize(w.size());
        const int count = static_cast<int>(rows);
        dsymm_(&kLeft, &kLower, &n, &count, &one, m_shared->gram.data(), &n, w.data(), &n, &none, product.data(), &n);
        for (std::size_t i = 0; i < w.size(); ++i) energy += w[i] * product[i];
    }
    return std::max(energy, 0.0);
}

std::shared_ptr<const Matrix> InputStatistics::inverseFactor(std::span<const int> order, double damping) const {
    checkColumns("inverseFactor", order.size(), m_columns);
    if (!std::ranges::equal(m_shared->order, order) || m_shared->damping != damping) {
        m_shared->factor = computeFactor(order, damping);
        m_shared->order.assign(order.begin(), order.end());
        m_shared->damping = damping;
    }
    return m_shared->factor;
}

std::shared_ptr<const Matrix> InputStatistics::computeFactor(std::span<const int> order, double damping) const {
    limitThreads();
    const auto at = [&](std::size_t i) { return static_cast<std::size_t>(order[i]); };
    const double rows = static_cast<double>(std::max<std::size_t>(m_rows, 1));
    double mean = 0.0;
    for (std::size_t i = 0; i < m_columns; ++i) mean += gram(i, i) / rows / static_cast<double>(m_columns);
    std::vector<double> h(m_columns * m_columns, 0.0);
    for (std::size_t i = 0; i < m_columns; ++i) {
        for (std::size_t j = i; j < m_columns; ++j) h[i * m_columns + j] = gram(at(i), at(j)) / rows;
        double& diagonal = h[i * m_columns + i];
        if (diagonal == 0.0) diagonal = 1.0;
        diagonal += damping * mean;
    }
    const int n = static_cast<int>(m_columns);
    int info = 0;
    dpotrf_(&kLower, &n, h.data(), &n, &info);
    if (info == 0) dpotri_(&kLower, &n, h.data(), &n, &info);
    if (info == 0) dpotrf_(&kLower, &n, h.data(), &n, &info);
    if (info != 0) return nullptr;
    Matrix factor = Matrix::zeros(m_columns, m_columns);
    for (std::size_t i = 0; i < m_columns; ++i)
        for (std::size_t j = i; j < m_columns; ++j) {
            factor(i, j) = static_cast<float>(h[i * m_columns + j]);
            if (!std::isfinite(factor(i, j))) return nullptr;
        }
    return std::make_shared<const Matrix>(std::move(factor));
}

}  // namespace safequant
