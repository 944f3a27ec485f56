// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/messages.h"
#include "core/exporting/export_model.h"
#include "core/run/run_spec.h"

namespace safequant {

/// As the spec.json of a run folder holds it: paths absolute, with a name.
Expected<RunSpec> completedRunSpec(RunSpec spec);
/// Makes a run folder "<workspace>/runs/<time>-<slug>" with spec.json in it.
Expected<std::string> createRunFolder(const std::string& workspace, const RunSpec& spec);

/// Called for every event after it stands in events.jsonl.
using EventListener = std::function<void(const protocol::RunEvent&)>;

/// Runs or resumes the run in a folder until it is finished, stopped or failed; holds the folder's lock meanwhile. A resumed run
/// continues at the last finished block; when checkpoint, prompts or spec differ from what the folder was made with, it refuses
/// and says what differs (mismatch). Errors end up in manifest and events as well.
Expected<void> executeRun(const std::string& folder, const EventListener& listener, const std::stop_token& stop);

/// State of a run folder from its files alone. Works while another process runs it.
Expected<protocol::RunState> readRunState(const std::string& folder);
Expected<protocol::RunSummary> readRunSummary(const std::string& folder);
std::vector<protocol::RunSummary> listRuns(const std::string& workspace);

/// Coordinates of a block, base and quantized, from blocks/ or results.h5, and scores of `probe` (see ProjectionResult).
Expected<protocol::ProjectionResult> readProjection(const std::string& folder, int block, const std::string& kind,
                                                    const std::string& probe = "transferred");
/// Answers with text, base before quantized, then by prompt; no prompts given: all of them.
Expected<std::vector<protocol::AnswerItem>> readAnswers(const std::string& folder, const std::vector<int>& prompts);

/// Plan and estimate; times one real block on this machine when `timeOneBlock`.
Expected<protocol::RunPlan> planRun(const RunSpec& spec, const std::string& workspace, bool timeOneBlock);

/// Exports the quantized model of a finished or evaluated run.
Expected<protocol::ExportPreflight> preflightRunExport(const std::string& folder, const std::string& target,
                                                       const ExportOptions& options = {});
Expected<protocol::ExportOutcome> exportRun(const std::string& folder, const std::string& target, const Progress& progress,
                                            const ExportOptions& options = {});

/// Recomputes hashes of inputs and results against the manifest; returns the list of differences, empty when all agree.
Expected<std::vector<std::string>> verifyRun(const std::string& folder, const Progress& progress);

/// Hashes of a finished run's outputs that must be equal for equal specs (exports, answers, data sets; not timings).
Expected<nlohmann::json> resultHashes(const std::string& folder);

}  // namespace safequant
