// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace safequant {

/// Base 64 of RFC 4648 section 4, padded.
std::string toBase64(std::string_view bytes);

/// The bytes of a padded base 64 text; nothing when it is none.
std::optional<std::string> fromBase64(std::string_view text);

}  // namespace safequant
