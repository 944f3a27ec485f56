// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/text/prefix_trie.h"
#include "core/text/sentencepiece_model.h"
#include "core/text/text_model.h"

namespace safequant {

/// Vocabulary and switches of a unigram model.
struct UnigramTables {
    /// Whose rounding and whose treatment of unknown text is followed.
    enum class Peer { SentencePiece, Tokenizers };

    VocabularyEntries entries;
    std::vector<double> scores;    ///< Log probabilities, by id.
    std::vector<PieceType> types;  ///< By id.
    std::int32_t unknown = -1;     ///< -1: unknown text is dropped.
    bool byteFallback = false;
    Peer peer = Peer::SentencePiece;
};

/// Unigram language model (Kudo 2018): the segmentation of highest probability, found by Viterbi's algorithm; a
/// character outside the vocabulary costs the lowest score less 10. Immutable and thread-safe.
class UnigramModel : public TextModel {
public:
    /// Precondition: `entries`, `scores` and `types` have the same size and no entry is empty.
    explicit UnigramModel(UnigramTables tables);

    void encode(std::string_view piece, std::vector<std::int32_t>& out) const override;
    std::int32_t idOf(std::string_view entry) const override;
    const VocabularyEntries& entries() const override { return m_tables.entries; }
    void write(nlohmann::json& model) const override;

private:
    struct Part {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::int32_t id = -1;
    };

    double scoreOf(std::int32_t id, std::size_t length) const;
    std::vector<Part> bestPath(std::string_view piece) const;
    void appendUnknown(std::string_view text, std::vector<std::int32_t>& out) const;

    UnigramTables m_tables;
    std::unordered_map<std::string_view, std::int32_t> m_ids;  ///< Views of the entries.
    PrefixTrie m_trie;
    BytePieces m_bytePieces;
    double m_unknownScore = 0;
    float m_highest = 0;
};

}  // namespace safequant
