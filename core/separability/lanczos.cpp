// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/lanczos.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/separability/kernels.h"

namespace safequant {
namespace {

/// A symmetric tridiagonal matrix: diagonal and the entries beside it.
struct Tridiagonal {
    std::vector<double> diagonal;
    std::vector<double> beside;  // One shorter.

    /// Pivots of (shift I - T); all positive exactly if the shift exceeds every eigenvalue.
    bool pivots(double shift, std::vector<double>& into) const {
        into.resize(diagonal.size());
        for (std::size_t i = 0; i < diagonal.size(); ++i) {
            into[i] = shift - diagonal[i];
            if (i > 0) into[i] -= beside[i - 1] * beside[i - 1] / into[i - 1];
            if (!(into[i] > 0.0)) return false;
        }
        return true;
    }

    /// Largest eigenvalue by bisection and its vector by inverse iteration with a shift just above it, where the
    /// elimination needs no pivoting.
    double largest(std::vector<double>& vector) const {
        double low = *std::max_element(diagonal.begin(), diagonal.end());
        double high = low;
        for (std::size_t i = 0; i < diagonal.size(); ++i) {
            double radius = 0.0;
            if (i > 0) radius += std::abs(beside[i - 1]);
            if (i + 1 < diagonal.size()) radius += std::abs(beside[i]);
            high = std::max(high, diagonal[i] + radius);
        }
        high += 1e-14 * std::abs(high) + 1e-300;
        std::vector<double> pivot;
        for (int step = 0; step < 200 && high - low > 2e-16 * std::abs(high); ++step) {
            const double middle = 0.5 * (low + high);
            if (middle <= low || middle >= high) break;
            (pivots(middle, pivot) ? high : low) = middle;
        }
        double shift = high;
        while (!pivots(shift, pivot)) shift += 4e-16 * std::abs(shift) + 1e-300;
        vector.assign(diagonal.size(), 1.0);
        for (int pass = 0; pass < 4; ++pass) {
            for (std::size_t i = 1; i < vector.size(); ++i) vector[i] += beside[i - 1] / pivot[i - 1] * vector[i - 1];
            for (std::size_t i = vector.size(); i-- > 0;) {
                vector[i] /= pivot[i];
                if (i + 1 < vector.size()) vector[i] += beside[i] / pivot[i] * vector[i + 1];
            }
            double largestEntry = 0.0;
            for (const double entry : vector) largestEntry = std::max(largestEntry, std::abs(entry));
            double norm = 0.0;
            for (double& entry : vector) {
                entry /= largestEntry;
                norm += entry * entry;
            }
            for (double& entry : vector) entry /= std::sqrt(norm);
        }
        return high;
    }
};

}  // namespace

void removeComponents(std::vector<double>& v, const std::vector<std::vector<double>>& basis) {
    // Twice, since once leaves rounding of the size of what was removed.
    for (int pass = 0; pass < 2; ++pass)
        for (const auto& b : basis)
            kernels().addScaled(-kernels().dot(b.data(), v.data(), v.size()), b.data(), v.data(), v.size());
}

bool normalise(std::vector<double>& direction) {
    double largest = 0.0;
    for (const double entry : direction) largest = std::max(largest, std::abs(entry));
    if (!(largest > 0.0) || !std::isfinite(largest)) return false;
    double squares = 0.0;
    for (const double entry : direction) squares += (entry / largest) * (entry / largest);
    const double length = largest * std::sqrt(squares);
    for (double& entry : direction) entry /= length;
    return true;
}

std::vector<double> leadingEigenvector(
    const std::function<void(const std::vector<double>& v, std::vector<double>& into)>& apply,
    std::vector<double> start, const std::vector<std::vector<double>>& excluded, const LanczosLimits& limits) {
    constexpr double kNothing = 1e-14;
    const std::size_t length = start.size();
    std::vector<double> next = std::move(start);
    removeComponents(next, excluded);
    if (!normalise(next)) return {};
    std::vector<std::vector<double>> basis;
    Tridiagonal small;
    std::vector<double> ritz;
    std::vector<double> image(length);
    while (true) {
        basis.push_back(next);
        apply(next, image);
        removeComponents(image, excluded);
        small.diagonal.push_back(kernels().dot(image.data(), next.data(), length));
        removeComponents(image, basis);
        const double beside = std::sqrt(kernels().dot(image.data(), image.data(), length));
        const bool exhausted = basis.size() >= limits.steps || beside <= kNothing * limits.scale;
        if (exhausted || basis.size() % 4 == 0) {
            const double value = small.largest(ritz);
            if (exhausted || beside * std::abs(ritz.back()) <= limits.residual * value) break;
        }
        small.beside.push_back(beside);
        next = image;
        normalise(next);
    }
    std::vector<double> direction(length, 0.0);
    for (std::size_t k = 0; k < basis.size(); ++k)
        kernels().addScaled(ritz[k], basis[k].data(), direction.data(), length);
    removeComponents(direction, excluded);
    return normalise(direction) ? direction : std::vector<double>{};
}

}  // namespace safequant
