// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace safequant {

/// A text as one field of a CSV record (RFC 4180): quoted where it must be. One that a spreadsheet would take for a formula is kept from
/// it by an apostrophe in front.
std::string csvField(std::string text);

/// The records of a CSV text (RFC 4180), fields without their quotes. Never fails: a quote that is not closed ends
/// with the text.
std::vector<std::vector<std::string>> csvRecords(std::string_view text);

}  // namespace safequant
