// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>
#include <stop_token>

#include "core/base/error.h"
#include "core/base/matrix.h"

namespace safequant {

/// Where an embedding is on its way; the points are those of the moment, `[n][2]`, and live as long as the call.
struct EmbeddingFrame {
    int step = 0;   ///< Steps done.
    int steps = 0;  ///< Steps in all.
    std::span<const float> points;
};

/// How a nonlinear embedding shows itself and learns that it should stop.
struct EmbeddingWatch {
    std::stop_token stop;
    /// Called after every step (t-SNE: gradient step, UMAP: epoch) from the calling thread; empty: nobody watches.
    std::function<void(const EmbeddingFrame&)> frame;
};

/// Points in the plane whose neighbours are those of the features. Only who is near whom carries over: distances
/// between groups, their sizes and densities mean little.
struct Embedding {
    Matrix points;  ///< `[n, 2]`.
    int steps = 0;
    double divergence = 0.0;  ///< t-SNE: the Kullback-Leibler divergence reached, in nats; UMAP: 0.
};

}  // namespace safequant
