// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/text/regex.h"

namespace safequant {

/// A piece of a text. `first`: it begins where the whole text begins.
struct TextPiece {
    std::string_view text;
    bool first = false;
};

/// Pieces of a text, in order; `storage` holds those that are no longer parts of it.
struct TextPieces {
    std::vector<TextPiece> pieces;
    std::deque<std::string> storage;
};

/// When Metaspace puts its replacement before a piece that does not begin with it.
enum class PrependScheme { First, Always, Never };
/// Of a Metaspace component: "prepend_scheme", or "add_prefix_space" in files of old. Errors: bad_input.
Expected<PrependScheme> metaspaceScheme(const nlohmann::json& description, std::string_view component);
/// Its "replacement", one character. Errors: bad_input.
Expected<std::string> metaspaceReplacement(const nlohmann::json& description, std::string_view component);

/// The pre_tokenizer of a tokenizer.json: ByteLevel, Split, Digits, Metaspace, Whitespace, WhitespaceSplit, Punctuation
/// and Sequences of them; null: the text is one piece. Immutable and thread-safe.
class PreTokenizer {
public:
    /// Errors: bad_input (fields), unsupported (the component's name, a step after ByteLevel).
    static Expected<PreTokenizer> parse(const nlohmann::json& description);

    /// Splits valid UTF-8; pieces behind a ByteLevel step are raw bytes. The result refers to `text`. `first`: the text
    /// does not stand behind an added token.
    TextPieces split(std::string_view text, bool first) const;
    /// Whether it ends in a ByteLevel step: its pieces are sequences of bytes, not of characters.
    bool byteLevel() const { return m_byteLevel; }

private:
    enum class Behavior { Isolated, Removed, MergedWithPrevious, MergedWithNext, Contiguous };
    struct Step {
        bool addPrefixSpace = false;  ///< ByteLevel only, before the split.
        std::string replacement;      ///< Metaspace only, before the split: what stands for a space.
        PrependScheme scheme = PrependScheme::Never;
        std::optional<Regex> pattern;  ///< None: the step splits nothing.
        Behavior behavior = Behavior::Isolated;
        bool invert = false;
    };

    static Expected<Step> byteLevelStep(const nlohmann::json& description);
    static Expected<Step> splitStep(const nlohmann::json& description);
    static Expected<Step> metaspaceStep(const nlohmann::json& description);
    static Expected<Step> punctuationStep(const nlohmann::json& description);
    static Expected<Step> patternStep(std::string_view pattern, Behavior behavior, bool invert = false);
    static Expected<Behavior> behaviorOf(const nlohmann::json& description, const char* fallback);
    static void splitPiece(const Step& step, const TextPiece& piece, std::vector<TextPiece>& out);
    Expected<void> append(const nlohmann::json& description, int depth);

    std::vector<Step> m_steps;
    bool m_byteLevel = false;
};

}  // namespace safequant
