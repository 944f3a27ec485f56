// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stop_token>
#include <string>

#include "core/run/event_log.h"
#include "core/run/manifest.h"
#include "core/run/run_inputs.h"
#include "core/run/schedule.h"

namespace safequant {

/// One process's work on a run: its inputs, and everything that a stage tells the world through.
class Session {
public:
    /// `state` is the run so far, as the log's events add up; it is kept current.
    Session(std::string folder, RunInputs inputs, Manifest& manifest, EventLog& log, protocol::RunState& state,
            std::stop_token stop);

    const std::string& folder() const { return m_folder; }
    const RunInputs& inputs() const { return m_inputs; }
    Manifest& manifest() { return m_manifest; }
    Schedule& schedule() { return m_schedule; }
    const std::stop_token& stop() const { return m_stop; }
    /// The run so far: events of earlier sessions and of this one.
    const protocol::RunState& state() const { return m_state; }

    Expected<void> tell(protocol::RunEvent event);
    /// These write nothing when the run's events say the same already.
    Expected<void> tellBlock(const protocol::BlockSeparability& block);
    Expected<void> tellLearning(const protocol::LearnedBlock& block);
    Expected<void> tellPatch(protocol::PatchProgress news);
    Expected<void> tellControl(const protocol::WordControl& control);
    Expected<void> tellAnswer(protocol::AnswerItem answer);
    Expected<void> tellMetrics(const protocol::ModelMetrics& metrics);
    /// What a reader of the numbers must know; once a run, kept in the manifest as well.
    Expected<void> note(const std::string& text);
    Expected<void> say(const std::string& level, const std::string& text);
    Expected<void> tellProgress(const std::string& stage);

    /// Keeps the time a stage has taken in the manifest.
    Expected<void> keepTiming(const std::string& stage);

private:
    std::string m_folder;
    RunInputs m_inputs;
    Manifest& m_manifest;
    EventLog& m_log;
    protocol::RunState& m_state;
    std::stop_token m_stop;
    Schedule m_schedule;
};

/// The stages of a spec with their units and expected costs.
std::vector<PlannedStage> planStages(const RunInputs& inputs);

/// Each runs one stage from wherever it stands to its end. Errors: cancelled when stopped, those of the work.
Expected<void> runCaptureStage(Session& session);
Expected<void> runTuneStage(Session& session);
Expected<void> runPatchStage(Session& session);
Expected<void> runQuantizeStage(Session& session);
Expected<void> runEvaluateStage(Session& session);
Expected<void> runExportStage(Session& session);

/// Says before the first stage what would stop the export after the last: a folder in the way, a full disk. Error: bad_input.
Expected<void> checkExport(Session& session);

/// Notes on what this spec's numbers mean, and the control that sees words alone; told before any work.
Expected<void> tellWhatToKnow(Session& session);

/// Assembles results.h5, summary.json and summary.md, and keeps hashes of all results in the manifest.
Expected<void> finishResults(Session& session);

}  // namespace safequant
