// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace safequant {

/// The code point that starts at `offset` of valid UTF-8; `offset` moves behind it. Precondition: offset < text.size().
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

/// Appends a code point as UTF-8.
void appendUtf8(std::string& out, char32_t codePoint);

/// The text with every maximal invalid part replaced by U+FFFD, as Unicode 3.9 recommends and Python and Rust do.
std::string replaceInvalidUtf8(std::string_view text);

/// Length of the valid UTF-8 sequence at `offset`, 0 when there is none.
std::size_t validSequenceLength(std::string_view text, std::size_t offset);

/// Unicode property White_Space.
bool isWhiteSpace(char32_t c);

/// Unicode's \w (UTS 18): alphabetic, mark, decimal digit, connector or join control; what counts as part of a word
/// around a single_word token.
bool isWordCharacter(char32_t c);
/// Members of a regular expression's class for the same, for Regex; the last ones are digits of Unicode 15 and 16.
inline constexpr std::string_view kWordCharacters =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})"
    R"(\x{10d40}-\x{10d49}\x{116d0}-\x{116e3}\x{11bf0}-\x{11bf9}\x{11f50}-\x{11f59}\x{16130}-\x{16139})"
    R"(\x{16d70}-\x{16d79}\x{1ccf0}-\x{1ccf9}\x{1e4f0}-\x{1e4f9}\x{1e5f1}-\x{1e5fa})";

}  // namespace safequant
