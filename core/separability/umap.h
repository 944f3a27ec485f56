// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <utility>

#include "core/separability/embedding.h"
#include "core/separability/sparse_graph.h"

namespace safequant {

/// UMAP (McInnes, Healy and Melville 2018) with umap-learn's defaults.
struct UmapOptions {
    int neighbours = 15;  ///< The point itself counts; 2 to the number of points.
    double minDistance = 0.1;
    double spread = 1.0;  ///< At least minDistance.
    int epochs = 0;       ///< 0: 500 up to 10,000 points, 200 beyond.
    int negatives = 5;    ///< Points pushed away for every neighbour pulled.
    double repulsion = 1.0;
    double learningRate = 1.0;
    std::uint64_t seed = 0;
};

/// The same rows, options and seed give the same points, for any number of threads: the stochastic descent is one
/// sequence. Errors: bad_input on fewer points than neighbours, naming what works; cancelled once watch.stop is
/// requested. Throws std::invalid_argument on features that are not finite and on nonsensical options.
Expected<Embedding> embedUmap(const Matrix& x, const UmapOptions& options = {}, const EmbeddingWatch& watch = {});

/// The same from a given fuzzy graph and first positions `[n, 2]`.
Expected<Embedding> embedUmap(const SparseGraph& graph, Matrix start, const UmapOptions& options = {},
                              const EmbeddingWatch& watch = {});

/// a and b of 1 / (1 + a d^2b), least squares to 1 below minDistance and exp(-(d - minDistance) / spread) beyond, on
/// 300 distances up to 3 * spread.
std::pair<double, double> fitUmapCurve(double minDistance, double spread);

}  // namespace safequant
