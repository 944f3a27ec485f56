// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/sparse_graph.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace safequant {
namespace {

struct Entry {
    std::uint32_t column;
    double forward, mirrored;
};

}  // namespace

SparseGraph symmetricGraph(const NeighbourLists& lists, std::span<const double> weights, Symmetry symmetry) {
    if (weights.size() != lists.indices.size())
        throw std::invalid_argument("[symmetricGraph] got " + std::to_string(weights.size()) +
                                    " weights, need one for each of the " + std::to_string(lists.indices.size()) +
                                    " neighbours");
    const std::size_t n = lists.points();
    std::vector<std::size_t> begins(n + 1, 0);
    for (std::size_t i = 0; i < n; ++i) begins[i + 1] += lists.k;
    for (const std::uint32_t j : lists.indices) ++begins[j + 1];
    for (std::size_t i = 0; i < n; ++i) begins[i + 1] += begins[i];
    std::vector<Entry> entries(begins[n]);
    auto ends = begins;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t r = 0; r < lists.k; ++r) {
            const std::uint32_t j = lists.indices[i * lists.k + r];
            const double weight = weights[i * lists.k + r];
            entries[ends[i]++] = {j, weight, 0.0};
            entries[ends[j]++] = {static_cast<std::uint32_t>(i), 0.0, weight};
        }
    SparseGraph graph;
    graph.offsets.reserve(n + 1);
    graph.offsets.push_back(0);
    for (std::size_t i = 0; i < n; ++i) {
        const auto first = entries.begin() + static_cast<std::ptrdiff_t>(begins[i]);
        const auto last = entries.begin() + static_cast<std::ptrdiff_t>(begins[i + 1]);
        std::sort(first, last, [](const Entry& a, const Entry& b) { return a.column < b.column; });
        for (auto it = first; it != last;) {
            const std::uint32_t column = it->column;
            double forward = 0.0;
            double mirrored = 0.0;
            for (; it != last && it->column == column; ++it) {
                forward += it->forward;
                mirrored += it->mirrored;
            }
            const double value =
                symmetry == Symmetry::Mean ? 0.5 * (forward + mirrored) : forward + mirrored - forward * mirrored;
            if (!(value > 0.0)) continue;
            graph.columns.push_back(column);
            graph.values.push_back(static_cast<float>(value));
        }
        graph.offsets.push_back(graph.columns.size());
    }
    return graph;
}

std::vector<std::uint32_t> connectedParts(const SparseGraph& graph) {
    constexpr auto kUnseen = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> part(graph.nodes(), kUnseen);
    std::vector<std::size_t> open;
    std::uint32_t parts = 0;
    for (std::size_t start = 0; start < part.size(); ++start) {
        if (part[start] != kUnseen) continue;
        part[start] = parts;
        open.push_back(start);
        while (!open.empty()) {
            const std::size_t node = open.back();
            open.pop_back();
            for (std::size_t e = graph.offsets[node]; e < graph.offsets[node + 1]; ++e) {
                if (part[graph.columns[e]] != kUnseen) continue;
                part[graph.columns[e]] = parts;
                open.push_back(graph.columns[e]);
            }
        }
        ++parts;
    }
    return part;
}

}  // namespace safequant
