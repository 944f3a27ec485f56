// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace safequant {

/// The known name with the fewest edits (insert, delete, replace, swap of neighbours, case ignored) to a misspelt one; the
/// first on ties. Empty when `known` is empty.
std::string_view nearestName(std::string_view name, std::span<const std::string_view> known);

/// The same among names of a spec or a file, of which none may be meant: empty when more than half as many edits as the misspelt name has
/// letters (but 2) lie between.
std::string nearName(std::string_view name, std::span<const std::string> known);

/// How a sentence about an unknown name ends: "; did you mean "seed"?" when a known one is near, else ".".
std::string didYouMean(std::string_view name, std::span<const std::string> known);

/// "Unknown field "weight_bit"; did you mean "weight_bits"?" for error messages. `kind` is the word for what is unknown.
std::string unknownNameMessage(std::string_view kind, std::string_view name, std::span<const std::string_view> known);

}  // namespace safequant
