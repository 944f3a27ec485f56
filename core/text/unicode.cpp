// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/unicode.h"

#include "core/base/utf8.h"
#include "core/text/regex.h"

namespace safequant {

bool isWhiteSpace(char32_t c) {
    return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool isWordCharacter(char32_t c) {
    if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    static const Regex word = *Regex::compile("[" + std::string(kWordCharacters) + "]");
    std::string text;
    appendUtf8(text, c);
    bool found = false;
    word.forEachMatch(text, [&](std::size_t, std::size_t) { found = true; });
    return found;
}

}  // namespace safequant
