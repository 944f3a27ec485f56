// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/engine/protocol/assessment_messages.h"

namespace safequant {

/// An assessment as a page in Markdown: the matrix of harmful scores, all cells with their costs, findings.
std::string assessmentMarkdown(const protocol::AssessmentState& state);
/// Its cells, one a row.
std::string assessmentCsv(const protocol::AssessmentState& state);
/// Writes NAME.json (the state, with folders by their names alone), NAME.md and NAME.csv. `command`: what made it, for the page. Errors: io.
Expected<void> writeAssessmentPages(const protocol::AssessmentState& state, const std::string& name, const std::string& command);

}  // namespace safequant
