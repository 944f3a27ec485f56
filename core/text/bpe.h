// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/text/text_model.h"

namespace safequant {

/// Vocabulary, merges and switches of a BPE model.
struct BpeTables {
    VocabularyEntries entries;                                  ///< In the byte alphabet when `byteLevel`.
    std::vector<std::pair<std::int32_t, std::int32_t>> merges;  ///< Pairs of ids by rank.
    std::int32_t unknown = -1;  ///< What a symbol outside the vocabulary becomes; -1: it is dropped.
    bool fuseUnknown = false;   ///< A run of unknown symbols becomes one id.
    bool ignoreMerges = false;  ///< A piece that is an entry is taken whole (Llama 3).
    bool byteLevel = true;      ///< Symbols to begin with are bytes; otherwise characters.
    bool byteFallback = false;  ///< A character outside the vocabulary becomes its bytes' pieces "<0xHH>".
};

/// Byte pair encoding of pieces (Sennrich et al. 2016; Gage 1994): the adjacent pair of lowest rank is merged first,
/// the leftmost on ties. Heap over a linked list, with a cache of short pieces. Thread-safe.
class BytePairEncoder : public TextModel {
public:
    /// Errors: bad_input when a merge gives a text that is no entry.
    static Expected<std::shared_ptr<const BytePairEncoder>> create(BpeTables tables);

    void encode(std::string_view piece, std::vector<std::int32_t>& out) const override;
    std::int32_t idOf(std::string_view entry) const override;
    const VocabularyEntries& entries() const override { return m_tables.entries; }
    void write(nlohmann::json& model) const override;

private:
    struct Merge {
        std::uint32_t rank = 0;
        std::int32_t result = -1;
    };
    struct CacheShard {
        std::mutex mutex;
        TextMap<std::vector<std::int32_t>> pieces;
    };

    explicit BytePairEncoder(BpeTables tables) : m_tables(std::move(tables)) {}
    std::vector<std::int32_t> symbolsOf(std::string_view piece) const;
    std::vector<std::int32_t> merge(std::string_view piece) const;
    std::int32_t wholePiece(std::string_view piece) const;
    const Merge* find(std::int32_t left, std::int32_t right) const;

    BpeTables m_tables;
    TextMap<std::int32_t> m_ids;
    std::unordered_map<std::uint64_t, Merge> m_merges;
    std::array<std::int32_t, 256> m_byteIds{};  ///< Of the byte alphabet.
    BytePieces m_bytePieces;
    mutable std::array<CacheShard, 16> m_cache;
};

}  // namespace safequant
