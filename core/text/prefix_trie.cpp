// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/prefix_trie.h"

#include <algorithm>
#include <deque>

namespace safequant {

PrefixTrie::PrefixTrie(std::vector<std::pair<std::string_view, std::int32_t>> keys) {
    std::erase_if(keys, [](const auto& key) { return key.first.empty(); });
    if (keys.empty()) return;
    std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    // Breadth first, so that the children of a node lie side by side.
    struct Range {
        std::uint32_t node;
        std::size_t begin, end, depth;
    };
    std::deque<Range> open = {{0, 0, keys.size(), 0}};
    m_nodes.emplace_back();
    while (!open.empty()) {
        auto [node, begin, end, depth] = open.front();
        open.pop_front();
        for (; begin < end && keys[begin].first.size() == depth; ++begin) {
            if (m_nodes[node].value < 0) m_nodes[node].value = keys[begin].second;
        }
        m_nodes[node].firstChild = static_cast<std::uint32_t>(m_nodes.size());
        while (begin < end) {
            const auto label = static_cast<unsigned char>(keys[begin].first[depth]);
            std::size_t last = begin;
            while (last < end && static_cast<unsigned char>(keys[last].first[depth]) == label) ++last;
            open.push_back({static_cast<std::uint32_t>(m_nodes.size()), begin, last, depth + 1});
            m_nodes.push_back({0, 0, label, -1});
            ++m_nodes[node].children;
            begin = last;
        }
    }
}

std::uint32_t PrefixTrie::child(std::uint32_t node, unsigned char label) const {
    const Node& parent = m_nodes[node];
    const auto first = m_nodes.begin() + parent.firstChild;
    const auto last = first + parent.children;
    const auto it = std::lower_bound(first, last, label, [](const Node& n, unsigned char c) { return n.label < c; });
    return it != last && it->label == label ? static_cast<std::uint32_t>(it - m_nodes.begin()) : 0;
}

}  // namespace safequant
