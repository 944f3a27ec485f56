// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/utf8.h"

namespace safequant {

Utf8Sequence utf8SequenceAt(std::string_view text, std::size_t offset) {
    const auto byte = [&](std::size_t k) -> unsigned { return static_cast<unsigned char>(text[k]); };
    const unsigned lead = byte(offset);
    if (lead < 0x80) return {true, 1};
    unsigned low = 0x80;
    unsigned high = 0xBF;
    std::size_t length = 0;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return {false, 1};
    }
    for (std::size_t k = 1; k < length; ++k) {
        if (offset + k >= text.size() || byte(offset + k) < low || byte(offset + k) > high) return {false, k};
        low = 0x80;
        high = 0xBF;
    }
    return {true, length};
}

std::size_t illFormedUtf8At(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Sequence sequence = utf8SequenceAt(text, at);
        if (!sequence.wellFormed) return at;
        at += sequence.length;
    }
    return std::string_view::npos;
}

std::string replaceInvalidUtf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const Utf8Sequence sequence = utf8SequenceAt(text, i);
        out.append(sequence.wellFormed ? text.substr(i, sequence.length) : "\xEF\xBF\xBD");
        i += sequence.length;
    }
    return out;
}

void appendUtf8(std::string& out, char32_t c) {
    const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0 | c >> 6);
        put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put(0xE0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    } else {
        put(0xF0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3F));
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    }
}

}  // namespace safequant
