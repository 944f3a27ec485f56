// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"

namespace safequant {

/// How special tokens written in a text are taken.
enum class SpecialTokens {
    Parse,  ///< "<|im_end|>" becomes its id.
    Text,   ///< It stays the characters it is made of.
};

/// A piece of text with its provenance: what a person wrote (message content) is never parsed for special tokens.
struct TextSpan {
    std::string text;
    bool fromContent = false;
};

/// Ids a tokenizer file asks to be put around a text that stands alone (the begin token, say).
struct TokenAffixes {
    std::vector<std::int32_t> before;
    std::vector<std::int32_t> behind;
};

/// A tokenizer, equal to Hugging Face `tokenizers` on the same tokenizer.json, to `sentencepiece` on the same
/// tokenizer.model, and on a GGUF vocabulary to the file that it was made from. Immutable and thread-safe.
class Tokenizer {
public:
    /// Errors: not_found (no tokenizer), bad_input (broken files; what and where), unsupported (naming the component).
    static Expected<std::shared_ptr<const Tokenizer>> create(const TokenizerSource& source);
    virtual ~Tokenizer() = default;

    /// Ids of a text, no tokens added around it. Invalid UTF-8 is read as U+FFFD.
    virtual std::vector<std::int32_t> encode(std::string_view text, SpecialTokens special) const = 0;
    /// Ids of a rendered template: special tokens are parsed in template text and stay text in message content. Where
    /// content holds no special-token look-alike, the ids equal those of the joined text.
    virtual std::vector<std::int32_t> encode(std::span<const TextSpan> spans) const = 0;
    /// Text of ids; incomplete UTF-8 becomes U+FFFD.
    virtual std::string decode(std::span<const std::int32_t> ids, bool skipSpecial) const = 0;
    /// Text of one id in the vocabulary's own alphabet.
    virtual std::string tokenText(std::int32_t id) const = 0;
    virtual bool isSpecial(std::int32_t id) const = 0;
    /// Id of an exact vocabulary entry, -1 when there is none.
    virtual std::int32_t idOf(std::string_view token) const = 0;
    virtual std::size_t vocabularySize() const = 0;
    /// What the file puts around a text; templates write these tokens themselves.
    virtual const TokenAffixes& affixes() const = 0;
    /// A tokenizer.json that `tokenizers` loads and that gives the same ids: what an export writes.
    virtual nlohmann::json toTokenizerJson() const = 0;
};

}  // namespace safequant
