// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "core/base/matrix.h"

namespace safequant {

/// Rows in double with their mean taken away, padded with zeros for the kernels: residual streams hold features in the
/// hundreds beside others near zero, so sums in single precision would lose the small ones.
class CentredRows {
public:
    explicit CentredRows(const Matrix& x);

    std::size_t rows() const { return m_rows; }
    std::size_t features() const { return m_features; }
    std::size_t stride() const { return m_stride; }
    const double* row(std::size_t i) const { return m_data.data() + i * m_stride; }
    const std::vector<double>& mean() const { return m_mean; }  ///< `[stride]`.
    double totalVariance() const { return m_totalVariance; }    ///< Sum over features, with 1/n.
    double varianceAlong(const std::vector<double>& direction) const;

private:
    std::size_t m_rows = 0, m_features = 0, m_stride = 0;
    std::vector<double> m_data;
    std::vector<double> m_mean;
    double m_totalVariance = 0.0;
};

/// Unit direction `[stride]` of the largest variance among those orthogonal to `excluded` (unit and orthogonal
/// themselves), by Lanczos with full reorthogonalisation, converged to a residual of 1e-12 of the largest eigenvalue or
/// exhausted. Where no variance is left, some direction orthogonal to them. The entry of largest magnitude is positive.
/// Needs more features than excluded directions.
std::vector<double> leadingDirection(const CentredRows& rows, const std::vector<std::vector<double>>& excluded);

}  // namespace safequant
