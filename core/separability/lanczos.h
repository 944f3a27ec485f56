// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace safequant {

/// When the iteration ends, besides having met every direction there is.
struct LanczosLimits {
    std::size_t steps = 0;    ///< Most products with the matrix.
    double residual = 1e-12;  ///< Of the eigenvalue.
    double scale = 1.0;       ///< Size of the matrix's largest eigenvalues: what is far below it counts as zero.
};

/// Unit eigenvector of the largest eigenvalue of a symmetric matrix among the directions orthogonal to `excluded` (unit
/// and orthogonal themselves), by Lanczos with full reorthogonalisation (Golub and Van Loan, 10.3). `apply` writes
/// matrix times vector; vectors have a length that is a multiple of kKernelPadding. `start` must not vanish beside
/// `excluded`; empty result where it does, or where nothing of the matrix is left.
std::vector<double> leadingEigenvector(
    const std::function<void(const std::vector<double>& v, std::vector<double>& into)>& apply,
    std::vector<double> start, const std::vector<std::vector<double>>& excluded, const LanczosLimits& limits);

/// Takes away what a vector has in common with unit vectors that are orthogonal to each other.
void removeComponents(std::vector<double>& v, const std::vector<std::vector<double>>& basis);

/// Scales to unit length. False, leaving the vector alone, when its length is zero or not finite.
bool normalise(std::vector<double>& direction);

}  // namespace safequant
