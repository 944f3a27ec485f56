// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/report/report.h"

namespace safequant {

/// For whom a report is.
enum class ReportTemplate {
    Reviewer,    ///< The verdict and what it rests on, with lines to sign on.
    Researcher,  ///< Every table, block by block and linear by linear.
    ModelCard,   ///< What goes beside a model that is handed on.
};
/// Their names on the command line, in that order.
std::span<const std::string> reportTemplateNames();
/// Error: bad_input, naming those there are.
Expected<ReportTemplate> reportTemplateNamed(const std::string& name);

struct ReportOptions {
    ReportTemplate reader = ReportTemplate::Reviewer;
    bool showTexts = false;  ///< Prompts and answers of malicious prompts as they are; else they are left out.
};

/// The report of several runs, two to four: what came out of each against what came out of the first, on the prompts they have in common, and
/// in which settings they differ. Errors: as below; bad_input for another number of runs, or without common prompts.
Expected<Report> buildComparisonReport(std::span<const std::string> folders, const ReportOptions& options);

/// The report of a run that has measured something. Errors: those of reading; bad_input when there is nothing to tell yet.
Expected<Report> buildReport(const std::string& folder, const ReportOptions& options);

}  // namespace safequant
