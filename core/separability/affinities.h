// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/separability/sparse_graph.h"

namespace safequant {

/// Gaussian probabilities of every point's neighbours, `[points, k]`, each row summing to 1, with the precision found
/// by bisection such that exp(entropy) is `perplexity` to 1e-5 in the logarithm (van der Maaten and Hinton 2008;
/// scikit-learn's
/// `_binary_search_perplexity`). A point whose k distances are all the same gets equal ones.
std::vector<double> conditionalProbabilities(const NeighbourLists& lists, double perplexity);

/// t-SNE's P: (P_j|i + P_i|j) / 2n, summing to 1.
SparseGraph jointProbabilities(const NeighbourLists& lists, double perplexity);

/// Membership strengths exp(-(d - rho) / sigma) of every point's neighbours, `[points, k]`: rho the distance of the
/// nearest point that is not a duplicate, sigma such that they sum to log2(k + 1), at least 1e-3 of the mean distance
/// (McInnes et al. 2018, umap-learn's `smooth_knn_dist` with local connectivity 1; its k counts the point itself).
std::vector<double> membershipStrengths(const NeighbourLists& lists);

/// UMAP's fuzzy simplicial set: the fuzzy union of the strengths.
SparseGraph fuzzyGraph(const NeighbourLists& lists);

}  // namespace safequant
