// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8 (Unicode 3.9, definition D92 and table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace safequant {

/// What stands at one place of a text.
struct Utf8Sequence {
    bool wellFormed = false;
    std::size_t length = 0;  ///< Bytes; of what is ill-formed its maximal subpart (Unicode 3.9), 1 at least.
};

/// The sequence that begins at `offset`. Precondition: offset < text.size().
Utf8Sequence utf8SequenceAt(std::string_view text, std::size_t offset);

/// Offset of the first sequence that is not well-formed; npos when there is none.
std::size_t illFormedUtf8At(std::string_view text);
inline bool isUtf8(std::string_view text) {
    return illFormedUtf8At(text) == std::string_view::npos;
}

/// The text with the maximal subpart of every ill-formed sequence replaced by U+FFFD, as Python and Rust do.
std::string replaceInvalidUtf8(std::string_view text);

/// Appends a code point.
void appendUtf8(std::string& out, char32_t codePoint);

/// The code point that starts at `offset` of well-formed UTF-8; `offset` moves behind it. Precondition: offset < text.size().
inline char32_t nextCodePoint(std::string_view text, std::size_t& offset) {
    const auto byteAt = [&](std::size_t i) {
        return i < text.size() ? static_cast<char32_t>(static_cast<unsigned char>(text[i])) : char32_t{0};
    };
    const char32_t lead = byteAt(offset);
    if (lead < 0x80) {
        offset += 1;
        return lead;
    }
    if (lead < 0xE0) {
        const char32_t c = (lead & 0x1F) << 6 | (byteAt(offset + 1) & 0x3F);
        offset += 2;
        return c;
    }
    if (lead < 0xF0) {
        const char32_t c = (lead & 0x0F) << 12 | (byteAt(offset + 1) & 0x3F) << 6 | (byteAt(offset + 2) & 0x3F);
        offset += 3;
        return c;
    }
    const char32_t c = (lead & 0x07) << 18 | (byteAt(offset + 1) & 0x3F) << 12 | (byteAt(offset + 2) & 0x3F) << 6 |
                       (byteAt(offset + 3) & 0x3F);
    offset += 4;
    return c;
}

/// Bytes of the UTF-8 sequence a lead byte opens.
inline std::size_t sequenceLength(char lead) {
    const auto c = static_cast<unsigned char>(lead);
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

inline bool isContinuationByte(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace safequant
