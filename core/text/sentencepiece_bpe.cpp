// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/sentencepiece_bpe.h"

#include <algorithm>
#include <numeric>
#include <queue>

#include "core/base/utf8.h"

namespace safequant {

namespace {

struct Candidate {
    float score = 0;
    std::int32_t left = 0;
    std::int32_t right = 0;
    std::size_t size = 0;

    bool operator<(const Candidate& other) const {
        return score != other.score ? score < other.score : left > other.left;
    }
};

}  // namespace

PrefixTrie userDefinedPieces(const SentencePieceModel& model) {
    std::vector<std::pair<std::string_view, std::int32_t>> keys;
    for (std::size_t id = 0; id < model.pieces.size(); ++id) {
        const SentencePiece& piece = model.pieces[id];
        if (piece.type == PieceType::UserDefined) keys.emplace_back(piece.text, static_cast<std::int32_t>(id));
    }
    return PrefixTrie(std::move(keys));
}

SentencePieceBpe::SentencePieceBpe(const SentencePieceModel& model)
    : m_userDefined(userDefinedPieces(model)), m_unknown(model.unknown), m_byteFallback(model.byteFallback) {
    m_entries.reserve(model.pieces.size());
    m_ids.reserve(model.pieces.size());
    for (const SentencePiece& piece : model.pieces) {
        m_entries.emplace_back(piece.text);
        m_scores.push_back(piece.score);
        m_types.push_back(piece.type);
        if (isMatchable(piece.type)) m_longest = std::max(m_longest, piece.text.size());
    }
    for (std::size_t id = 0; id < m_entries.size(); ++id) m_ids.emplace(*m_entries[id], static_cast<std::int32_t>(id));
    m_bytePieces = BytePieces([&](std::string_view name) { return idOf(name); });
}

std::int32_t SentencePieceBpe::idOf(std::string_view entry) const {
    const auto it = m_ids.find(entry);
    return it == m_ids.end() ? -1 : it->second;
}

std::int32_t SentencePieceBpe::mergeable(std::string_view text) const {
    if (text.size() > m_longest) return -1;
    const std::int32_t id = idOf(text);
    return id >= 0 && isMatchable(m_types[static_cast<std::size_t>(id)]) ? id : -1;
}

void SentencePieceBpe::append(std::string_view text, const Splits& unusedSplits, bool& lastUnknown,
                              std::vector<std::int32_t>& out) const {
    std::vector<std::string_view> open = {text};
    while (!open.empty()) {
        const std::string_view part = open.back();
        open.pop_back();
        std::int32_t id = idOf(part);
        if (id < 0) id = m_unknown;
        if (m_types[static_cast<std::size_t>(id)] == PieceType::Unused) {
            if (const auto split = unusedSplits.find(part); split != unusedSplits.end()) {
                open.push_back(split->second.second);
                open.push_back(split->second.first);
                continue;
            }
        }
        if (id != m_unknown) {
            out.push_back(id);
        } else if (m_byteFallback) {
            m_bytePieces.append(part, out);
        } else if (!lastUnknown) {
            out.push_back(id);
        }
        lastUnknown = id == m_unknown;
    }
}

void SentencePieceBpe::encode(std::string_view piece, std::vector<std::int32_t>& out) const {
    std::vector<Symbol> symbols;
    for (std::size_t i = 0; i < piece.size();) {
        const std::size_t defined = m_userDefined.longestPrefix(piece.substr(i));
        const std::size_t length = defined > 0 ? defined : std::min(sequenceLength(piece[i]), piece.size() - i);
        const auto index = static_cast<std::int32_t>(symbols.size());
        if (index > 0) symbols.back().next = index;
        symbols.push_back({piece.substr(i, length), index - 1, -1, defined > 0});
        i += length;
    }
    const auto at = [&](std::int32_t i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };

    std::priority_queue<Candidate> queue;
    Splits unusedSplits;
    const auto offer = [&](std::int32_t left, std::int32_t right) {
        if (left < 0 || right < 0 || at(left).frozen || at(right).frozen) return;
        const std::string_view joined(at(left).text.data(), at(left).text.size() + at(right).text.size());
        const std::int32_t id = mergeable(joined);
        if (id < 0) return;
        queue.push({m_scores[static_cast<std::size_t>(id)], left, right, joined.size()});
        if (m_types[static_cast<std::size_t>(id)] == PieceType::Unused)
            unusedSplits[joined] = {at(left).text, at(right).text};
    };
    for (std::size_t i = 1; i < symbols.size(); ++i)
        offer(static_cast<std::int32_t>(i) - 1, static_cast<std::int32_t>(i));
    while (!queue.empty()) {
        const Candidate top = queue.top();
        queue.pop();
        Symbol& left = at(top.left);
        Symbol& right = at(top.right);
        // An earlier merge may have changed either side since this candidate was offered.
        if (left.text.empty() || right.text.empty() || left.text.size() + right.text.size() != top.size) continue;
        left.text = std::string_view(left.text.data(), top.size);
        left.next = right.next;
        if (right.next >= 0) at(right.next).previous = top.left;
        right.text = {};
        offer(left.previous, top.left);
        offer(top.left, left.next);
    }
    bool lastUnknown = false;
    for (std::int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = at(i).next)
        append(at(i).text, unusedSplits, lastUnknown, out);
}

void SentencePieceBpe::write(nlohmann::json& model) const {
    nlohmann::json vocabulary = nlohmann::json::object();
    std::vector<std::int32_t> byScore;
    for (std::size_t id = 0; id < m_entries.size(); ++id) {
        vocabulary[*m_entries[id]] = id;
        if (isMatchable(m_types[id])) byScore.push_back(static_cast<std::int32_t>(id));
    }
    std::stable_sort(byScore.begin(), byScore.end(), [&](std::int32_t a, std::int32_t b) {
        return m_scores[static_cast<std::size_t>(a)] > m_scores[static_cast<std::size_t>(b)];
    });
    nlohmann::json merges = nlohmann::json::array();
    for (const std::int32_t id : byScore) {
        const std::string_view text = *m_entries[static_cast<std::size_t>(id)];
        std::vector<std::pair<std::int32_t, std::int32_t>> splits;
        for (std::size_t i = sequenceLength(text[0]); i < text.size(); i += sequenceLength(text[i])) {
            const std::int32_t left = mergeable(text.substr(0, i));
            const std::int32_t right = mergeable(text.substr(i));
            if (left >= 0 && right >= 0) splits.emplace_back(left, right);
        }
        std::sort(splits.begin(), splits.end());
        for (const auto& [left, right] : splits)
            merges.push_back({*m_entries[static_cast<std::size_t>(left)], *m_entries[static_cast<std::size_t>(right)]});
    }
    model["vocab"] = std::move(vocabulary);
    model["merges"] = std::move(merges);
}

}  // namespace safequant
