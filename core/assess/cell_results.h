// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/assess/assessment_spec.h"
#include "core/base/error.h"
#include "core/engine/protocol/assessment_messages.h"

namespace safequant {

/// A cell as it is planned, waiting.
protocol::AssessmentCell cellOf(const PlannedCell& planned);

/// Adds what the run in a folder has measured, or how far it is, to its cell. Errors: those of reading.
Expected<void> readCellResults(const std::string& folder, protocol::AssessmentCell& cell);

/// Sets the summary's numbers of cells by what the cells are.
void countCells(protocol::AssessmentState& state);

}  // namespace safequant
