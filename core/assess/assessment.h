// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/assess/assessment_spec.h"
#include "core/base/error.h"
#include "core/engine/protocol/assessment_messages.h"

namespace safequant {

/// Makes "<workspace>/assessments/<time>-<slug>" with assessment.json in it. Errors: io.
Expected<std::string> createAssessmentFolder(const std::string& workspace, const AssessmentSpec& spec);

/// Runs or resumes the run in a folder to its end. A cell is best run by a process of its own, so that one that dies takes no other with it.
using CellRunner = std::function<Expected<void>(const std::string& folder, const std::stop_token& stop)>;
/// Told whenever a cell begins or ends.
using AssessmentListener = std::function<void(const protocol::AssessmentState&)>;

/// Computes all cells of an assessment that are not finished, each as a run in its folder "runs/", whose base results it takes over from the
/// first. A failed cell does not stop the others; it is tried again by the next call. When all cells have ended, the worst findings' cells are
/// repeated with the spec's further seeds. summary.json (AssessmentState, without texts of answers) is written after every cell. Errors: bad_input;
/// failed when another process is at work on it, or when a cell failed (naming the first); cancelled; io.
Expected<void> executeAssessment(const std::string& folder, const CellRunner& runner, const AssessmentListener& listener, const std::stop_token& stop);

/// An assessment from its files alone; works while another process computes it. Errors: those of reading.
Expected<protocol::AssessmentState> readAssessment(const std::string& folder);
/// The same as the process that computes it wrote it last, with the cell at work as its run is now: cheap, for whoever asks again and again.
/// Reads everything where summary.json does not stand for the folder: absent, older than the spec, of another place.
Expected<protocol::AssessmentState> readAssessmentSummary(const std::string& folder);
/// Those of a workspace, the newest first, without cells.
std::vector<protocol::AssessmentSummary> listAssessments(const std::string& workspace);

}  // namespace safequant
