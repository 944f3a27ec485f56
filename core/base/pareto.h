// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace safequant {

/// Which points no other one is at least as low as on both axes and lower on one, in ascending order of `x`; lower is better on both.
/// Points with a coordinate that is not finite are left out, equal points all stay. Throws std::invalid_argument when sizes differ.
inline std::vector<std::size_t> nonDominated(std::span<const double> x, std::span<const double> y) {
    if (x.size() != y.size()) throw std::invalid_argument("[nonDominated] got another number of values on the two axes, need as many");
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (std::isfinite(x[i]) && std::isfinite(y[i])) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] != x[b] ? x[a] < x[b] : y[a] < y[b]; });
    std::vector<std::size_t> front;
    for (const std::size_t i : order)
        if (front.empty() || y[i] < y[front.back()] || (y[i] == y[front.back()] && x[i] == x[front.back()])) front.push_back(i);
    return front;
}

}  // namespace safequant
