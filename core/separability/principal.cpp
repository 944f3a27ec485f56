// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/principal.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/random.h"
#include "core/separability/kernels.h"
#include "core/separability/lanczos.h"

namespace safequant {
namespace {

/// into = sum_i row_i (row_i . v) / n.
void applyCovariance(const CentredRows& rows, const std::vector<double>& v, std::vector<double>& into) {
    std::fill(into.begin(), into.end(), 0.0);
    const auto n = static_cast<double>(rows.rows());
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const double along = kernels().dot(rows.row(i), v.data(), rows.stride());
        kernels().addScaled(along / n, rows.row(i), into.data(), rows.stride());
    }
}

void pointUp(std::vector<double>& direction) {
    const auto largest = std::max_element(direction.begin(), direction.end(),
                                          [](double a, double b) { return std::abs(a) < std::abs(b); });
    if (*largest < 0.0)
        for (double& entry : direction) entry = -entry;
}

/// A direction that is orthogonal to the excluded ones: the coordinate axis least like them, straightened.
std::vector<double> anyDirection(std::size_t features, std::size_t stride,
                                 const std::vector<std::vector<double>>& excluded) {
    std::size_t least = 0;
    double smallest = 2.0;
    for (std::size_t j = 0; j < features; ++j) {
        double overlap = 0.0;
        for (const auto& e : excluded) overlap += e[j] * e[j];
        if (overlap < smallest) {
            smallest = overlap;
            least = j;
        }
    }
    std::vector<double> direction(stride, 0.0);
    direction[least] = 1.0;
    removeComponents(direction, excluded);
    normalise(direction);
    return direction;
}

}  // namespace

CentredRows::CentredRows(const Matrix& x)
    : m_rows(x.rows()),
      m_features(x.cols()),
      m_stride(paddedLength(x.cols())),
      m_data(m_rows * m_stride, 0.0),
      m_mean(m_stride, 0.0) {
    const auto n = static_cast<double>(m_rows);
    for (std::size_t i = 0; i < m_rows; ++i)
        for (std::size_t j = 0; j < m_features; ++j) m_mean[j] += static_cast<double>(x(i, j));
    for (double& mean : m_mean) mean /= n;
    for (std::size_t i = 0; i < m_rows; ++i) {
        double* row = m_data.data() + i * m_stride;
        for (std::size_t j = 0; j < m_features; ++j) row[j] = static_cast<double>(x(i, j)) - m_mean[j];
        m_totalVariance += kernels().dot(row, row, m_stride) / n;
    }
}

double CentredRows::varianceAlong(const std::vector<double>& direction) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < m_rows; ++i) {
        const double along = kernels().dot(row(i), direction.data(), m_stride);
        sum += along * along;
    }
    return sum / static_cast<double>(m_rows);
}

std::vector<double> leadingDirection(const CentredRows& rows, const std::vector<std::vector<double>>& excluded) {
    const std::size_t stride = rows.stride();
    // The start is a random combination of the rows, and another one for every axis: where two variances are equal,
    // what a start holds of their plane is exactly the axis found from it.
    RandomStream random(excluded.size(), "lanczos-start");
    std::vector<double> start(stride, 0.0);
    for (std::size_t i = 0; i < rows.rows(); ++i)
        kernels().addScaled(random.normal(), rows.row(i), start.data(), stride);
    removeComponents(start, excluded);
    const double startLength = std::sqrt(kernels().dot(start.data(), start.data(), stride));
    if (!(startLength > 1e-12 * std::sqrt(rows.totalVariance())))
        return anyDirection(rows.features(), stride, excluded);
    LanczosLimits limits;
    limits.steps = std::min(rows.rows(), rows.features() - excluded.size());
    limits.scale = rows.totalVariance();
    auto direction = leadingEigenvector(
        [&](const std::vector<double>& v, std::vector<double>& into) { applyCovariance(rows, v, into); },
        std::move(start), excluded, limits);
    if (direction.empty()) return anyDirection(rows.features(), stride, excluded);
    pointUp(direction);
    return direction;
}

}  // namespace safequant
