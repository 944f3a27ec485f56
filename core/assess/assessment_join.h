// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/assessment_messages.h"

namespace safequant {

/// An assessment from its folder, or from the NAME.json that writeAssessmentPages left. Errors: those of reading; bad_input.
Expected<protocol::AssessmentState> readAssessmentAt(const std::string& place);

/// Parts of one matrix, computed apart, as one assessment with findings over all of them. Cells keep the order of the parts; of cells that several
/// parts have, a finished one stands, else the last. Name and risks are the first's and what others add. Errors: bad_input when there is no part, or
/// when parts are of other models, prompts or calibration sets under one name.
Expected<protocol::AssessmentState> joinAssessments(const std::vector<protocol::AssessmentState>& parts);

}  // namespace safequant
