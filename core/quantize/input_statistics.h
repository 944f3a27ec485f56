// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/base/matrix.h"

namespace safequant {

/// Sums over the calibration rows that enter a group of linears. Memory: columns^2 in double precision, and in single precision once a factor
/// was asked for. Not thread-safe, nor are copies of one another.
class InputStatistics {
public:
    explicit InputStatistics(std::size_t columns);

    /// `rows` more rows of `columns` floats, `stride` apart.
    void add(const float* x, std::size_t stride, std::size_t rows);

    std::size_t columns() const { return m_columns; }
    std::size_t rows() const { return m_rows; }
    /// Sum of x_i x_j over all rows.
    double gram(std::size_t i, std::size_t j) const { return m_shared->gram[i < j ? i * m_columns + j : j * m_columns + i]; }
    /// Mean of |x_j|, `[columns]`.
    std::vector<double> meanMagnitudes() const;
    /// Largest |x_j|, `[columns]`.
    const std::vector<float>& largest() const { return m_largest; }
    /// Columns that were 0 in every row.
    int deadColumns() const;

    /// As if every row had been divided by `scales` `[columns]`, all positive.
    void divide(std::span<const float> scales);

    /// Sum over all rows x of |weights x|^2, for weights `[out, columns]`.
    double outputEnergy(const Matrix& weights) const;

    /// The upper triangular U with U^T U = (H + damping * mean(diag H) * I)^-1, `[columns, columns]`, H = gram / rows with rows and
    /// columns in `order` (GPTQ, arXiv 2210.17323, algorithm 1). A dead column stands on its own. Nothing when that matrix is
    /// not positive definite in double precision. The last one is kept, by copies together.
    std::shared_ptr<const Matrix> inverseFactor(std::span<const int> order, double damping) const;

private:
    /// What copies share until one of them changes.
    struct Shared {
        std::vector<double> gram;  // Its upper triangle.
        std::vector<double> block = {};  // Scratch of `add`.
        /// The last factor and what it is of; null where there is none for these settings.
        std::vector<int> order = {};
        double damping = 0.0;
        std::shared_ptr<const Matrix> factor = {};
    };
    /// For changing the sums: shared with no copy, and without a factor.
    Shared& own();
    std::shared_ptr<const Matrix> computeFactor(std::span<const int> order, double damping) const;

    std::size_t m_columns;
    std::size_t m_rows = 0;
    std::vector<double> m_magnitudes;
    std::vector<float> m_largest;
    std::shared_ptr<Shared> m_shared;
};

}  // namespace safequant
