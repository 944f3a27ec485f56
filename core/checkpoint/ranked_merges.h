// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace safequant {

/// The merges of a byte-level vocabulary that is byte strings by rank, as tiktoken keeps it (of adjacent tokens those are merged
/// whose whole has the lowest rank): pairs of ranks, in the order of what they give. Tokens that their bytes never merge into have
/// none. Errors: bad_input with `where` as context (fewer than the 256 bytes, an empty or oversized token, the first 256 not
/// single bytes, one twice).
Expected<std::vector<std::pair<std::int32_t, std::int32_t>>> rankedMerges(const std::vector<std::string>& tokens,
                                                                          const std::string& where);

}  // namespace safequant
