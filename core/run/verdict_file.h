// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/evaluate/verdicts.h"

namespace safequant {

/// Judges the answers that a run folder keeps, without generating any, and writes verdicts/NAME.json whole: the same name replaces
/// an older file. Errors: bad_input (no answers), those of the judge, io.
Expected<VerdictSet> judgeRun(const std::string& folder, Judge& judge, const Progress& progress = {});

/// Every verdict file of a run, by name, and last people's verdicts, if there are. A file on other answers than the folder has now is an
/// error (mismatch): judge again.
Expected<std::vector<VerdictSet>> readVerdicts(const std::string& folder);

/// Verdicts of one judge, or of people: from its file, or, when it has none and needs the text alone, judged now. Errors: not_found when neither
/// is possible.
Expected<VerdictSet> verdictsOf(const std::string& folder, const std::string& judge);

}  // namespace safequant
