// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "core/base/matrix.h"
#include "core/separability/sparse_graph.h"

namespace safequant {

/// First positions `[n, 2]` for UMAP: the second and third eigenvectors of the normalised adjacency of a connected
/// graph (the lowest of its Laplacian; Belkin and Niyogi 2003). A graph of several parts gets them part by part, each
/// around a place of its own: on the axes for up to four parts, else from an embedding of the parts' mean features.
/// Parts of five nodes or fewer are strewn at random. `features` `[n, d]` are only read for more than four parts.
/// Scaled to a largest coordinate of 10, with noise of 1e-4.
Matrix spectralLayout(const SparseGraph& graph, const Matrix& features, std::uint64_t seed);

}  // namespace safequant
