// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/text/tokenizer.h"

namespace safequant {

/// SHA-256 of everything that a tokenizer is made from.
std::string tokenizerHash(const TokenizerSource& source);

}  // namespace safequant
