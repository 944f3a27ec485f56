// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace safequant {

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
