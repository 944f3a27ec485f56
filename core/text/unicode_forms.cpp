// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/unicode_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <stdexcept>

#include "core/base/utf8.h"

namespace safequant {

namespace {

bool isAscii(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

}  // namespace

std::string normalizeUnicode(std::string_view text, UnicodeForm form) {
    if (isAscii(text)) return std::string(text);
    int options = UTF8PROC_STABLE;
    options |= form == UnicodeForm::Nfc || form == UnicodeForm::Nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    if (form == UnicodeForm::Nfkc || form == UnicodeForm::Nfkd) options |= UTF8PROC_COMPAT;
    utf8proc_uint8_t* result = nullptr;
    const auto size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                     &result, static_cast<utf8proc_option_t>(options));
    if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
    if (size < 0) throw std::invalid_argument("[normalizeUnicode] got invalid UTF-8, need valid UTF-8");
    std::string out(reinterpret_cast<const char*>(result), static_cast<std::size_t>(size));
    std::free(result);
    return out;
}

std::string lowerUnicode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const char32_t c = nextCodePoint(text, i);
        appendUtf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
        // The one code point whose full mapping (SpecialCasing) is longer than its simple one.
        if (c == 0x130) appendUtf8(out, 0x307);
    }
    return out;
}

bool isMark(char32_t c) {
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

std::vector<std::size_t> graphemeEnds(std::string_view text) {
    std::vector<std::size_t> ends;
    utf8proc_int32_t previous = -1;
    utf8proc_int32_t state = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t begin = i;
        const auto c = static_cast<utf8proc_int32_t>(nextCodePoint(text, i));
        if (previous >= 0 && utf8proc_grapheme_break_stateful(previous, c, &state)) ends.push_back(begin);
        previous = c;
    }
    if (!text.empty()) ends.push_back(text.size());
    return ends;
}

}  // namespace safequant
