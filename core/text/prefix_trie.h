// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace safequant {

/// Finds which of a fixed set of texts a text begins with. Immutable and thread-safe.
class PrefixTrie {
public:
    PrefixTrie() = default;
    /// Keys with their values (not negative). Empty keys are left out; of equal keys the first counts.
    explicit PrefixTrie(std::vector<std::pair<std::string_view, std::int32_t>> keys);

    bool empty() const { return m_nodes.empty(); }

    /// Calls `found(length, value)` for every key that `text` begins with, the shortest first.
    template <typename Found>
    void forEachPrefix(std::string_view text, Found&& found) const {
        if (m_nodes.empty()) return;
        std::uint32_t node = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            node = child(node, static_cast<unsigned char>(text[i]));
            if (node == 0) return;
            if (m_nodes[node].value >= 0) found(i + 1, m_nodes[node].value);
        }
    }
    /// Length of the longest key that `text` begins with, 0 when there is none.
    std::size_t longestPrefix(std::string_view text) const {
        std::size_t longest = 0;
        forEachPrefix(text, [&](std::size_t length, std::int32_t) { longest = length; });
        return longest;
    }

private:
    struct Node {
        std::uint32_t firstChild = 0;
        std::uint16_t children = 0;
        unsigned char label = 0;
        std::int32_t value = -1;
    };

    /// The child with that label; 0 (the root, nobody's child) when there is none.
    std::uint32_t child(std::uint32_t node, unsigned char label) const;

    std::vector<Node> m_nodes;
};

}  // namespace safequant
