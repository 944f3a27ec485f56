// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/text/marked_text.h"
#include "core/text/normalizer.h"
#include "core/text/tokenizer.h"
#include "core/text/tokenizer_parts.h"

namespace safequant {

/// Finds added tokens in texts as `tokenizers` does: leftmost, then longest. Those that are normalized are looked for
/// in normalized text, and are normalized themselves.
class AddedTokenFinder {
public:
    /// A part of the text: an added token, or (id -1) what lies between.
    struct Part {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::int32_t id = -1;
    };
    enum class Kind { Plain, Normalized };

    AddedTokenFinder(std::vector<AddedToken> tokens, const Normalizer& normalizer);

    /// Covers the text with parts, in order. With SpecialTokens::Text special tokens are left as text. One that
    /// touches marked text is passed over: a shorter token and then the next character are looked at.
    std::vector<Part> split(Kind kind, const MarkedText& text, SpecialTokens special) const;
    const std::vector<AddedToken>& tokens() const { return m_tokens; }

private:
    struct Index {
        TextMap<std::size_t> byContent;
        std::array<std::vector<std::size_t>, 256> lengths;  ///< By first byte, longest first.
    };

    std::vector<AddedToken> m_tokens;
    Index m_plain;
    Index m_normalized;
};

}  // namespace safequant
