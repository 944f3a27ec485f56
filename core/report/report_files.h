// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/report/report.h"

namespace safequant {

/// A table as RFC 4180 text. A column of rates becomes five (value, low, high, count, total), one with intervals three; shares are
/// fractions of 1, and no digit is rounded away. A text that a spreadsheet would take for a formula is written behind an apostrophe.
std::string tableCsv(const ReportTable& table);

/// A report in all its forms, as (name, bytes): report.html, report.pdf, report.json, tables/ID.csv and figures/ID.svg, in this order by section.
Expected<std::vector<std::pair<std::string, std::string>>> reportFiles(const Report& report);

/// Writes reportFiles() into a folder, each whole; a report that stands there is replaced. Returns their paths. Errors: io.
Expected<std::vector<std::string>> writeReport(const Report& report, const std::string& folder);

}  // namespace safequant
