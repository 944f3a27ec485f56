// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/bpe.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "core/base/byte_alphabet.h"
#include "core/base/utf8.h"

namespace safequant {

namespace {

constexpr std::size_t kCachedPieceBytes = 64;
constexpr std::size_t kCachedPiecesPerShard = 4096;

std::uint64_t pairKey(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

struct Symbol {
    std::int32_t id = -1;
    std::int32_t previous = -1;
    std::int32_t next = -1;
    bool alive = true;
};

struct Candidate {
    std::uint32_t rank = 0;
    std::int32_t position = 0;
    std::int32_t result = -1;

    bool operator<(const Candidate& other) const {
        return rank != other.rank ? rank > other.rank : position > other.position;
    }
};

}  // namespace

Expected<std::shared_ptr<const BytePairEncoder>> BytePairEncoder::create(BpeTables tables) {
    auto encoder = std::shared_ptr<BytePairEncoder>(new BytePairEncoder(std::move(tables)));
    const auto& entries = encoder->m_tables.entries;
    encoder->m_ids.reserve(entries.size());
    for (std::size_t id = 0; id < entries.size(); ++id) {
        if (entries[id]) encoder->m_ids.emplace(*entries[id], static_cast<std::int32_t>(id));
    }
    for (unsigned b = 0; b < 256; ++b) {
        std::string text;
        appendUtf8(text, byteToAlphabet(static_cast<unsigned char>(b)));
        encoder->m_byteIds[b] = encoder->idOf(text);
    }
    encoder->m_bytePieces = BytePieces([&](std::string_view name) { return encoder->idOf(name); });
    const auto& merges = encoder->m_tables.merges;
    encoder->m_merges.reserve(merges.size());
    std::string joined;
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
        const auto [left, right] = merges[rank];
        joined = *entries[static_cast<std::size_t>(left)];
        joined += *entries[static_cast<std::size_t>(right)];
        const std::int32_t result = encoder->idOf(joined);
        if (result < 0) {
            return fail(ErrorKind::BadInput,
                        "Merge " + std::to_string(rank) + " gives '" + joined + "', which is not in the vocabulary.",
                        "merges");
        }
        encoder->m_merges[pairKey(left, right)] = Merge{static_cast<std::uint32_t>(rank), result};
    }
    return encoder;
}

std::int32_t BytePairEncoder::idOf(std::string_view entry) const {
    const auto it = m_ids.find(entry);
    return it == m_ids.end() ? -1 : it->second;
}

const BytePairEncoder::Merge* BytePairEncoder::find(std::int32_t left, std::int32_t right) const {
    const auto it = m_merges.find(pairKey(left, right));
    return it == m_merges.end() ? nullptr : &it->second;
}

std::vector<std::int32_t> BytePairEncoder::symbolsOf(std::string_view piece) const {
    std::vector<std::int32_t> symbols;
    symbols.reserve(piece.size());
    // `tokenizers` holds unknown symbols back until one it knows follows.
    bool unknownHeld = false;
    const auto flush = [&] {
        if (std::exchange(unknownHeld, false)) symbols.push_back(m_tables.unknown);
    };
    for (std::size_t i = 0; i < piece.size();) {
        const std::size_t length = m_tables.byteLevel ? 1 : std::min(sequenceLength(piece[i]), piece.size() - i);
        const std::string_view symbol = piece.substr(i, length);
        i += length;
        const std::int32_t id = m_tables.byteLevel ? m_byteIds[static_cast<unsigned char>(symbol[0])] : idOf(symbol);
        if (id >= 0) {
            flush();
            symbols.push_back(id);
        } else if (!m_tables.byteFallback || !m_bytePieces.append(symbol, symbols)) {
            if (!m_tables.fuseUnknown) flush();
            unknownHeld = m_tables.unknown >= 0;
        }
    }
    flush();
    return symbols;
}

std::vector<std::int32_t> BytePairEncoder::merge(std::string_view piece) const {
    std::vector<Symbol> symbols;
    for (const std::int32_t id : symbolsOf(piece)) {
        const auto index = static_cast<std::int32_t>(symbols.size());
        if (index > 0) symbols.back().next = index;
        symbols.push_back({id, index - 1, -1, true});
    }
    const auto at = [&](std::int32_t i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };

    std::priority_queue<Candidate> queue;
    const auto offer = [&](std::int32_t position) {
        if (position < 0 || at(position).next < 0) return;
        if (const Merge* merge = find(at(position).id, at(at(position).next).id)) {
            queue.push({merge->rank, position, merge->result});
        }
    };
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) offer(static_cast<std::int32_t>(i));
    while (!queue.empty()) {
        const Candidate top = queue.top();
        queue.pop();
        Symbol& left = at(top.position);
        if (!left.alive || left.next < 0) continue;
        Symbol& right = at(left.next);
        // An earlier merge may have changed either side since this candidate was offered.
        const Merge* current = find(left.id, right.id);
        if (current == nullptr || current->result != top.result) continue;
        left.id = top.result;
        right.alive = false;
        left.next = right.next;
        if (left.next >= 0) at(left.next).previous = top.position;
        offer(left.previous);
        offer(top.position);
    }

    std::vector<std::int32_t> ids;
    for (const Symbol& symbol : symbols) {
        if (symbol.alive) ids.push_back(symbol.id);
    }
    return ids;
}

std::int32_t BytePairEncoder::wholePiece(std::string_view piece) const {
    if (!m_tables.ignoreMerges) return -1;
    return m_tables.byteLevel ? idOf(bytesToAlphabet(piece)) : idOf(piece);
}

void BytePairEncoder::encode(std::string_view piece, std::vector<std::int32_t>& out) const {
    if (piece.empty()) return;
    if (piece.size() > kCachedPieceBytes) {
        if (const std::int32_t whole = wholePiece(piece); whole >= 0) {
            out.push_back(whole);
            return;
        }
        const auto ids = merge(piece);
        out.insert(out.end(), ids.begin(), ids.end());
        return;
    }
    CacheShard& shard = m_cache[TextHash{}(piece) >> 7 & 15];
    {
        const std::lock_guard lock(shard.mutex);
        if (const auto it = shard.pieces.find(piece); it != shard.pieces.end()) {
            out.insert(out.end(), it->second.begin(), it->second.end());
            return;
        }
    }
    const std::int32_t whole = wholePiece(piece);
    auto ids = whole >= 0 ? std::vector<std::int32_t>{whole} : merge(piece);
    out.insert(out.end(), ids.begin(), ids.end());
    const std::lock_guard lock(shard.mutex);
    if (shard.pieces.size() < kCachedPiecesPerShard) shard.pieces.emplace(std::string(piece), std::move(ids));
}

void BytePairEncoder::write(nlohmann::json& model) const {
    const auto& entries = m_tables.entries;
    nlohmann::json vocabulary = nlohmann::json::object();
    for (std::size_t id = 0; id < entries.size(); ++id) {
        if (entries[id]) vocabulary[*entries[id]] = id;
    }
    nlohmann::json merges = nlohmann::json::array();
    for (const auto& [left, right] : m_tables.merges) {
        merges.push_back({*entries[static_cast<std::size_t>(left)], *entries[static_cast<std::size_t>(right)]});
    }
    model["vocab"] = std::move(vocabulary);
    model["merges"] = std::move(merges);
}

}  // namespace safequant
