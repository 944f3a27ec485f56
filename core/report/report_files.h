// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/report/report.h"

namespace safequant {

/// A table as RFC 4180 text. A column of rates becomes five (value, low, high, count, total), one with intervals three; shares are
/// fractions of 1, and no digit is rounded away. A text that a spreadsheet would take for a formula is written behind an apostrophe.
std::string tableCsv(const ReportTable& table);

/// One file of a written report.
struct ReportFile {
    std::string name;   ///< Relative to the report's folder.
    std::string title;  ///< Of the table or the figure in it.
    std::string bytes;
};

/// A report in all its forms: report.html, report.pdf, report.json, then by section tables/ID.csv and figures/ID.svg.
Expected<std::vector<ReportFile>> reportFiles(const Report& report);

/// Writes reportFiles() into a folder, each whole; a report that stands there is replaced. Returns their paths. Errors: io.
Expected<std::vector<std::string>> writeReport(const Report& report, const std::string& folder);

}  // namespace safequant
