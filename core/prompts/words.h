// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace safequant {

/// A text with its ASCII letters in lower case.
std::string asciiLower(std::string_view text);

/// The words of a text: runs of letters and digits, ASCII letters in lower case, an apostrophe between letters dropped
/// ("don't" is "dont"). Other characters of UTF-8 count as letters, except punctuation and spaces; characters of scripts written
/// without spaces (from U+2E80) are words of their own. Ill-formed bytes separate words.
std::vector<std::string> splitWords(std::string_view text);

/// True for words that carry little content of their own (articles, prepositions, pronouns, auxiliaries), in lower case.
bool isStopWord(std::string_view word);

}  // namespace safequant
