// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/separability/embedding.h"
#include "core/separability/sparse_graph.h"

namespace safequant {

/// t-SNE (van der Maaten and Hinton 2008) as openTSNE 1.0 runs it by default.
struct TsneOptions {
    enum class Repulsion { Auto, Exact, Mesh };

    double perplexity = 30.0;  ///< At least 1; 3 * perplexity < points - 1.
    int exaggeratedSteps = 250;
    int steps = 500;  ///< After the exaggerated ones.
    double exaggeration = 12.0;
    double momentum = 0.8;
    double maxStep = 5.0;  ///< A point moves no further in a step.
    /// Auto: all pairs up to 4,000 points, a mesh beyond.
    Repulsion repulsion = Repulsion::Auto;
};

/// Begins at the first two principal components scaled to a deviation of 1e-4, so nothing is random: the same rows give
/// the same points, for any number of threads. Learning rate: points / exaggeration. Errors: bad_input on a perplexity
/// that the points are too few for, naming the largest that works; cancelled once watch.stop is requested. Throws
/// std::invalid_argument on features that are not finite and on nonsensical options.
Expected<Embedding> embedTsne(const Matrix& x, const TsneOptions& options = {}, const EmbeddingWatch& watch = {});

/// The same from a given P and first positions `[n, 2]`.
Expected<Embedding> embedTsne(const SparseGraph& p, Matrix start, const TsneOptions& options = {},
                              const EmbeddingWatch& watch = {});

/// First two principal components, scaled such that the first has a standard deviation of 1e-4.
Matrix principalStart(const Matrix& x);

/// Gradient of the divergence KL(P || Q) by the positions `[n][2]`, over 4, with P multiplied by `exaggeration`;
/// returns the divergence (of P as it is).
double tsneGradient(const SparseGraph& p, std::span<const float> points, double exaggeration, bool exact,
                    std::span<float> gradient);

}  // namespace safequant
