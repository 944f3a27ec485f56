// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/answer_text.h"

#include <cstdint>

namespace safequant {
namespace {

/// Length in bytes of the white space at the front of a UTF-8 text, 0 when it starts with anything else. White space is what
/// Python's str.split() takes for it, so that published tables can be recomputed.
std::size_t leadingSpace(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0}; };
    const std::uint8_t first = byte(0);
    if (text.empty()) return 0;
    if (first == ' ' || (first >= 0x09 && first <= 0x0D) || (first >= 0x1C && first <= 0x1F)) return 1;
    if (first == 0xC2) return byte(1) == 0x85 || byte(1) == 0xA0 ? 2 : 0;
    const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
    if (first < 0xE1 || first > 0xE3 || !continues(1) || !continues(2)) return 0;
    const std::uint32_t point = static_cast<std::uint32_t>((first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F));
    const bool space = point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
                       point == 0x202F || point == 0x205F || point == 0x3000;
    return space ? 3 : 0;
}

}  // namespace

std::string_view withoutLeadingSpace(std::string_view text) {
    for (std::size_t space = leadingSpace(text); space > 0; space = leadingSpace(text)) text.remove_prefix(space);
    return text;
}

std::vector<std::string_view> firstWords(std::string_view text, std::size_t limit) {
    std::vector<std::string_view> words;
    text = withoutLeadingSpace(text);
    while (!text.empty() && words.size() < limit) {
        std::size_t length = 0;
        while (length < text.size() && leadingSpace(text.substr(length)) == 0) ++length;
        words.push_back(text.substr(0, length));
        text = withoutLeadingSpace(text.substr(length));
    }
    return words;
}

std::string normalisedText(std::string_view text) {
    constexpr std::string_view kTypographic = "\xE2\x80\x99";
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.compare(i, kTypographic.size(), kTypographic) == 0) {
            result += '\'';
            i += kTypographic.size() - 1;
        } else {
            result += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
        }
    }
    return result;
}

std::string joinWords(const std::vector<std::string_view>& words) {
    std::string text;
    for (const std::string_view word : words) {
        if (!text.empty()) text += ' ';
        text += word;
    }
    return text;
}

}  // namespace safequant
