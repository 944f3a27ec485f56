// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace safequant {

/// Words of an answer that verdicts look at, so that they do not depend on how long it was allowed to become.
inline constexpr std::size_t kJudgedWords = 25;

/// The first words of an UTF-8 text, cut at what Python's str.split() takes for white space, so that published tables can be
/// recomputed. At most `limit`.
std::vector<std::string_view> firstWords(std::string_view text, std::size_t limit);
std::string_view withoutLeadingSpace(std::string_view text);
/// Words with one space between them.
std::string joinWords(const std::vector<std::string_view>& words);
/// Lower case in ASCII, U+2019 to an apostrophe: all that an English phrase can differ in.
std::string normalisedText(std::string_view text);

}  // namespace safequant
