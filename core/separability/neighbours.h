// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <vector>

#include "core/base/matrix.h"

namespace safequant {

/// The nearest neighbours of every point, nearest first and by index where distances are equal; a point is none of its
/// own.
struct NeighbourLists {
    std::size_t k = 0;
    std::vector<std::uint32_t> indices;  ///< `[points, k]`.
    std::vector<float> squared;          ///< Squared Euclidean distances, `[points, k]`.

    std::size_t points() const { return k == 0 ? 0 : indices.size() / k; }
};

/// Exact k nearest neighbours of the rows of `x`: all products in blocks, and the distances of those in question taken
/// again from the rows themselves, so that no digit is lost to large norms. The same for any number of threads. Empty
/// lists once `stop` is requested. Throws on k of 0 or above rows - 1, and on a feature that is not finite.
NeighbourLists nearestNeighbours(const Matrix& x, std::size_t k, const std::stop_token& stop = {});

}  // namespace safequant
