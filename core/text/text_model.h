// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace safequant {

/// Vocabulary entries by id; empty where an id is not used.
using VocabularyEntries = std::vector<std::optional<std::string>>;

/// Hash that finds texts by views of them.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename V>
using TextMap = std::unordered_map<std::string, V, TextHash, std::equal_to<>>;

/// The part of a tokenizer that turns pieces of text into ids. Immutable and thread-safe.
class TextModel {
public:
    virtual ~TextModel() = default;

    /// Appends the ids of one piece of valid UTF-8.
    virtual void encode(std::string_view piece, std::vector<std::int32_t>& out) const = 0;
    /// Id of an entry, -1 when there is none.
    virtual std::int32_t idOf(std::string_view entry) const = 0;
    virtual const VocabularyEntries& entries() const = 0;
    /// Writes vocabulary, merges and scores into the `model` object of a tokenizer.json.
    virtual void write(nlohmann::json& model) const = 0;
};

/// Ids of the pieces "<0x00>" to "<0xFF>" that stand for single bytes; -1 where the vocabulary has none.
class BytePieces {
public:
    BytePieces() { m_ids.fill(-1); }
    template <typename IdOf>
    explicit BytePieces(const IdOf& idOf) {
        for (unsigned b = 0; b < 256; ++b) m_ids[b] = idOf(nameOf(static_cast<unsigned char>(b)));
    }

    static std::string nameOf(unsigned char byte);
    /// The byte a piece "<0xHH>" stands for; nothing for another piece.
    static std::optional<unsigned char> byteOf(std::string_view piece);
    /// Appends the pieces of all bytes; appends nothing and returns false when one of them is missing.
    bool append(std::string_view bytes, std::vector<std::int32_t>& out) const;

private:
    std::array<std::int32_t, 256> m_ids;
};

}  // namespace safequant
