// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace safequant {

/// A text as one field of a CSV record (RFC 4180): quoted where it must be. One that a spreadsheet would take for a formula is kept from
/// it by an apostrophe in front.
std::string csvField(std::string text);

}  // namespace safequant
