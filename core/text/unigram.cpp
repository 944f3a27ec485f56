// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/utf8.h"
#include "core/text/sentencepiece_bpe.h"

namespace safequant {

namespace {

constexpr double kUnknownPenalty = 10.0;

struct Node {
    std::int32_t id = -1;
    double score = 0;
    std::size_t begin = std::string_view::npos;
};

}  // namespace

UnigramModel::UnigramModel(UnigramTables tables) : m_tables(std::move(tables)) {
    std::vector<std::pair<std::string_view, std::int32_t>> keys;
    double lowest = std::numeric_limits<float>::max();
    double highest = std::numeric_limits<float>::lowest();
    for (std::size_t id = 0; id < m_tables.entries.size(); ++id) {
        const auto number = static_cast<std::int32_t>(id);
        m_ids.emplace(*m_tables.entries[id], number);
        if (m_tables.types[id] == PieceType::Normal) {
            lowest = std::min(lowest, m_tables.scores[id]);
            highest = std::max(highest, m_tables.scores[id]);
        }
        if (isMatchable(m_tables.types[id]) && m_tables.types[id] != PieceType::Unused)
            keys.emplace_back(*m_tables.entries[id], number);
    }
    m_trie = PrefixTrie(std::move(keys));
    m_bytePieces = BytePieces([&](std::string_view name) { return idOf(name); });
    m_unknownScore = lowest - kUnknownPenalty;
    m_highest = static_cast<float>(highest);
    if (m_tables.peer == UnigramTables::Peer::SentencePiece) m_unknownScore = static_cast<float>(m_unknownScore);
}

std::int32_t UnigramModel::idOf(std::string_view entry) const {
    const auto it = m_ids.find(entry);
    return it == m_ids.end() ? -1 : it->second;
}

double UnigramModel::scoreOf(std::int32_t id, std::size_t length) const {
    const auto index = static_cast<std::size_t>(id);
    // User-defined pieces get a bonus, so that they are always taken.
    if (m_tables.types[index] == PieceType::UserDefined) return double{static_cast<float>(length) * m_highest - 0.1F};
    return m_tables.scores[index];
}

std::vector<UnigramModel::Part> UnigramModel::bestPath(std::string_view piece) const {
    const bool single = m_tables.peer == UnigramTables::Peer::SentencePiece;
    std::vector<Node> ends(piece.size() + 1);
    const auto offer = [&](std::size_t begin, std::size_t end, std::int32_t id, double score) {
        Node& node = ends[end];
        const double sum = score + ends[begin].score;
        const double candidate = single ? double{static_cast<float>(sum)} : sum;
        if (node.begin != std::string_view::npos && candidate <= node.score) return;
        node = {id, candidate, begin};
    };
    for (std::size_t begin = 0; begin < piece.size();) {
        const std::size_t length = std::min(sequenceLength(piece[begin]), piece.size() - begin);
        bool known = false;
        m_trie.forEachPrefix(piece.substr(begin), [&](std::size_t size, std::int32_t id) {
            offer(begin, begin + size, id, scoreOf(id, size));
            known = known || size == length;
        });
        if (!known) offer(begin, begin + length, -1, m_unknownScore);
        begin += length;
    }
    std::vector<Part> parts;
    for (std::size_t end = piece.size(); end > 0; end = ends[end].begin)
        parts.push_back({ends[end].begin, end, ends[end].id});
    std::reverse(parts.begin(), parts.end());
    return parts;
}

void UnigramModel::appendUnknown(std::string_view text, std::vector<std::int32_t>& out) const {
    if (m_tables.peer == UnigramTables::Peer::Tokenizers) {
        // `tokenizers` looks the joined text up once more.
        if (const std::int32_t id = idOf(text); id >= 0 && isMatchable(m_tables.types[static_cast<std::size_t>(id)])) {
            out.push_back(id);
            return;
        }
    }
    if (m_tables.byteFallback && m_bytePieces.append(text, out)) return;
    if (m_tables.unknown >= 0) out.push_back(m_tables.unknown);
}

void UnigramModel::encode(std::string_view piece, std::vector<std::int32_t>& out) const {
    const auto parts = bestPath(piece);
    // `tokenizers` has the unknown entry in its trie and takes it for unknown text.
    const std::int32_t unknownEntry = m_tables.peer == UnigramTables::Peer::Tokenizers ? m_tables.unknown : -1;
    const auto isUnknown = [&](const Part& part) { return part.id < 0 || part.id == unknownEntry; };
    for (std::size_t i = 0; i < parts.size();) {
        if (!isUnknown(parts[i])) {
            out.push_back(parts[i++].id);
            continue;
        }
        const std::size_t begin = parts[i].begin;
        while (i + 1 < parts.size() && isUnknown(parts[i + 1])) ++i;
        appendUnknown(piece.substr(begin, parts[i].end - begin), out);
        ++i;
    }
}

void UnigramModel::write(nlohmann::json& model) const {
    nlohmann::json vocabulary = nlohmann::json::array();
    for (std::size_t id = 0; id < m_tables.entries.size(); ++id)
        vocabulary.push_back({*m_tables.entries[id], m_tables.scores[id]});
    model["vocab"] = std::move(vocabulary);
}

}  // namespace safequant
