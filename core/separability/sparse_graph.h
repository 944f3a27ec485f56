// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/separability/neighbours.h"

namespace safequant {

/// A square sparse matrix in compressed rows; columns ascend within a row.
struct SparseGraph {
    std::vector<std::size_t> offsets;    ///< `[nodes + 1]`.
    std::vector<std::uint32_t> columns;  ///< `[edges]`.
    std::vector<float> values;           ///< `[edges]`.

    std::size_t nodes() const { return offsets.empty() ? 0 : offsets.size() - 1; }
    std::size_t edges() const { return columns.size(); }
};

/// How an entry and its mirror image become one: (a + b) / 2, or the fuzzy union a + b - a b.
enum class Symmetry { Mean, FuzzyUnion };

/// The symmetric graph of `weights` `[points, k]` on the edges of `lists`. Entries that come out zero are left out.
SparseGraph symmetricGraph(const NeighbourLists& lists, std::span<const double> weights, Symmetry symmetry);

/// The connected part of every node, numbered from 0 in the order of their first nodes.
std::vector<std::uint32_t> connectedParts(const SparseGraph& graph);

}  // namespace safequant
