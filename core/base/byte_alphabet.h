// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace safequant {

/// The 256 printable characters by which byte-level vocabularies write bytes (GPT-2): bytes 33-126, 161-172 and 174-255
/// stand for themselves as code points, the other 68 in increasing order for U+0100 onward.
char32_t byteToAlphabet(unsigned char byte);

/// Bytes written in the alphabet.
std::string bytesToAlphabet(std::string_view bytes);

/// The bytes an entry stands for; an entry with any character outside the alphabet stands for its own UTF-8.
std::string alphabetToBytes(std::string_view entry);

}  // namespace safequant
