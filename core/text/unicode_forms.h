// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace safequant {

/// Unicode normalization forms (UAX 15).
enum class UnicodeForm { Nfc, Nfd, Nfkc, Nfkd };

/// Valid UTF-8 in a normalization form.
std::string normalizeUnicode(std::string_view text, UnicodeForm form);

/// Lower case of each code point on its own (one may become several).
std::string lowerUnicode(std::string_view text);

/// General category M: nonspacing, spacing and enclosing marks.
bool isMark(char32_t c);

/// Ends of the extended grapheme clusters (UAX 29) of valid UTF-8, in bytes.
std::vector<std::size_t> graphemeEnds(std::string_view text);

}  // namespace safequant
