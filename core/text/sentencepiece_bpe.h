// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/text/prefix_trie.h"
#include "core/text/sentencepiece_model.h"
#include "core/text/text_model.h"

namespace safequant {

/// SentencePiece's BPE (Kudo and Richardson 2018): the adjacent pair whose joined text has the highest score is merged
/// first, the leftmost on ties; user-defined pieces stay whole, unused ones are taken apart again. Heap over a linked
/// list. Immutable and thread-safe.
class SentencePieceBpe : public TextModel {
public:
    /// Precondition: checkSentencePieceModel() found nothing.
    explicit SentencePieceBpe(const SentencePieceModel& model);

    void encode(std::string_view piece, std::vector<std::int32_t>& out) const override;
    std::int32_t idOf(std::string_view entry) const override;
    const VocabularyEntries& entries() const override { return m_entries; }
    /// Merges in the order of the scores; where two splits of one entry compete, `tokenizers` may choose another than
    /// SentencePiece.
    void write(nlohmann::json& model) const override;

private:
    struct Symbol {
        std::string_view text;
        std::int32_t previous = -1;
        std::int32_t next = -1;
        bool frozen = false;
    };
    using Splits = std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>>;

    /// Id of a piece that merges may make, -1 when there is none.
    std::int32_t mergeable(std::string_view text) const;
    void append(std::string_view text, const Splits& unusedSplits, bool& lastUnknown,
                std::vector<std::int32_t>& out) const;

    VocabularyEntries m_entries;
    std::vector<float> m_scores;
    std::vector<PieceType> m_types;
    std::unordered_map<std::string_view, std::int32_t> m_ids;  ///< Of all pieces; views of m_entries.
    PrefixTrie m_userDefined;
    BytePieces m_bytePieces;
    std::size_t m_longest = 0;
    std::int32_t m_unknown = -1;
    bool m_byteFallback = false;
};

/// Whether text may become a piece of this type: control, unknown and byte pieces are never matched.
inline bool isMatchable(PieceType type) {
    return type == PieceType::Normal || type == PieceType::UserDefined || type == PieceType::Unused;
}

/// A trie of the user-defined pieces.
PrefixTrie userDefinedPieces(const SentencePieceModel& model);

}  // namespace safequant
