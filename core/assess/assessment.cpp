// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/assess/assessment.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "core/assess/assessment_findings.h"
#include "core/assess/cell_results.h"
#include "core/base/files.h"
#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "core/run/run_lock.h"
#include "core/run/timed_folder.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

std::string specPath(const std::string& folder) { return folder + "/assessment.json"; }

/// What tells cells apart: their run specs without names.
std::string keyOf(const RunSpec& spec) {
    nlohmann::json json = runSpecToJson(spec);
    json.erase("name");
    return json.dump();
}

/// An assessment's cells, each with its run where there is one.
class CellMatrix {
public:
    static Expected<CellMatrix> read(const std::string& folder) {
        auto spec = readAssessmentSpec(specPath(folder));
        if (!spec) return fail(spec.error());
        auto planned = planCells(*spec);
        if (!planned) return fail(planned.error());
        CellMatrix matrix(folder, std::move(*spec));
        matrix.findRuns();
        for (PlannedCell& cell : *planned)
            if (auto added = matrix.add(std::move(cell)); !added) return fail(added.error());
        if (auto added = matrix.addRepeats(); !added) return fail(added.error());
        return matrix;
    }

    const std::vector<PlannedCell>& planned() const { return m_planned; }
    const std::vector<protocol::AssessmentCell>& cells() const { return m_cells; }
    bool ended(std::size_t cell) const { return m_cells[cell].status == "finished" || m_cells[cell].status == "failed"; }

    Expected<std::string> folderOf(std::size_t cell) {
        if (!m_cells[cell].folder.empty()) return m_cells[cell].folder;
        auto made = createRunFolder(m_folder, m_planned[cell].spec);
        if (!made) return made;
        m_cells[cell].folder = *made;
        return made;
    }

    Expected<void> refresh(std::size_t cell) {
        protocol::AssessmentCell fresh = cellOf(m_planned[cell]);
        if (auto read = readCellResults(m_cells[cell].folder, fresh); !read) return read;
        m_cells[cell] = std::move(fresh);
        return {};
    }

    /// Once all cells of the matrix have ended, the worst ones' repeats. They depend on what is finished alone.
    Expected<void> addRepeats() {
        if (m_repeated || m_spec.repeatSeeds.empty()) return {};
        for (std::size_t i = 0; i < m_cells.size(); ++i)
            if (!ended(i)) return {};
        m_repeated = true;
        const auto findings = findingsOf(m_cells);
        const auto count = std::min(findings.size(), static_cast<std::size_t>(m_spec.repeatedFindings));
        for (std::size_t i = 0; i < count; ++i)
            for (const std::uint64_t seed : m_spec.repeatSeeds) {
                auto cell = repeatedCell(m_spec, m_planned[static_cast<std::size_t>(findings[i].cell)], seed);
                if (!cell) return fail(cell.error());
                if (auto added = add(std::move(*cell)); !added) return added;
            }
        return {};
    }

    /// A cell whose process ended without leaving an error itself.
    void setFailed(std::size_t cell, const std::string& why) {
        m_cells[cell].status = "failed";
        m_cells[cell].detail = why;
    }

    protocol::AssessmentState state(bool running) const {
        protocol::AssessmentState state;
        state.summary.folder = m_folder;
        state.summary.name = m_spec.name;
        for (const CalibrationRisk& risk : m_spec.risks) {
            state.risks.push_back(risk.name);
            state.riskTexts.push_back(risk.text);
        }
        state.cells = m_cells;
        state.findings = findingsOf(m_cells);
        countCells(state);
        const bool whole = state.summary.finished == state.summary.cells && (m_repeated || m_spec.repeatSeeds.empty() || m_spec.repeatedFindings == 0);
        state.summary.status = running ? "running" : whole ? "finished" : "stopped";
        describe(state);
        state.secondsLeft = secondsLeft();
        return state;
    }

private:
    CellMatrix(std::string folder, AssessmentSpec spec) : m_folder(std::move(folder)), m_spec(std::move(spec)) {}

    void findRuns() {
        std::error_code code;
        for (fs::directory_iterator entry(fs::path(m_folder) / "runs", code), end; !code && entry != end; entry.increment(code)) {
            const auto spec = readRunSpec((entry->path() / "spec.json").string());
            if (spec) m_runs[keyOf(*spec)] = entry->path().string();
        }
    }

    Expected<void> add(PlannedCell planned) {
        auto whole = completedRunSpec(planned.spec);
        if (!whole) return fail(whole.error());
        planned.spec = std::move(*whole);
        protocol::AssessmentCell cell = cellOf(planned);
        if (const auto run = m_runs.find(keyOf(planned.spec)); run != m_runs.end())
            if (auto read = readCellResults(run->second, cell); !read) return read;
        m_planned.push_back(std::move(planned));
        m_cells.push_back(std::move(cell));
        return {};
    }

    /// What the folder's name and any cell's manifest tell.
    void describe(protocol::AssessmentState& state) const {
        for (const auto& cell : m_cells) {
            if (cell.folder.empty()) continue;
            const auto manifest = Manifest::read(cell.folder);
            if (!manifest) continue;
            if (state.summary.model.empty()) state.summary.model = manifest->text("model");
            const std::string created = manifest->text("created");
            if (state.summary.created.empty() || created < state.summary.created) state.summary.created = created;
        }
    }

    /// By what cells of the same method took, else all.
    double secondsLeft() const {
        std::map<std::string, std::pair<double, int>> byMethod;
        double sum = 0.0;
        int count = 0;
        for (const auto& cell : m_cells) {
            if (cell.status != "finished") continue;
            byMethod[cell.method].first += cell.seconds;
            ++byMethod[cell.method].second;
            sum += cell.seconds;
            ++count;
        }
        if (count == 0) return -1.0;
        double left = 0.0;
        for (const auto& cell : m_cells) {
            if (cell.status == "finished") continue;
            const auto known = byMethod.find(cell.method);
            left += known != byMethod.end() ? known->second.first / known->second.second : sum / count;
        }
        return left;
    }

    std::string m_folder;
    AssessmentSpec m_spec;
    std::map<std::string, std::string> m_runs;
    std::vector<PlannedCell> m_planned;
    std::vector<protocol::AssessmentCell> m_cells;
    bool m_repeated = false;
};

/// summary.json, where it stands for what is in the folder.
std::optional<protocol::AssessmentState> keptSummary(const std::string& folder) {
    std::error_code code;
    const auto written = fs::last_write_time(folder + "/summary.json", code);
    if (code) return {};
    if (const auto asked = fs::last_write_time(specPath(folder), code); code || written < asked) return {};
    const auto text = readTextFile(folder + "/summary.json");
    const auto json = text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
    if (!json.is_object()) return {};
    auto state = protocol::parseMessage<protocol::AssessmentState>(json);
    if (!state || state->summary.folder != folder) return {};
    return std::move(*state);
}

Expected<void> writeSummary(const std::string& folder, const protocol::AssessmentState& state) {
    return writeFileAtomically(folder + "/summary.json", protocol::toJson(state).dump(1) + "\n");
}

}  // namespace

Expected<std::string> createAssessmentFolder(const std::string& workspace, const AssessmentSpec& spec) {
    auto folder = makeTimedFolder((fs::absolute(workspace).lexically_normal() / "assessments").string(), spec.name.empty() ? "assessment" : spec.name);
    if (!folder) return folder;
    if (auto written = writeFileAtomically(specPath(*folder), assessmentSpecToJson(spec).dump(2) + "\n"); !written) return fail(written.error());
    return folder;
}

Expected<void> executeAssessment(const std::string& folder, const CellRunner& runner, const AssessmentListener& listener, const std::stop_token& stop) {
    const auto lock = RunLock::acquire(folder);
    if (!lock) return fail(lock.error());
    auto matrix = CellMatrix::read(folder);
    if (!matrix) return fail(matrix.error());
    const auto tell = [&](bool running) -> Expected<void> {
        const protocol::AssessmentState state = matrix->state(running);
        if (listener) listener(state);
        return writeSummary(folder, state);
    };
    std::optional<Error> failure;
    for (std::size_t i = 0; i < matrix->cells().size(); ++i) {
        if (matrix->cells()[i].status == "finished") continue;
        if (stop.stop_requested()) return fail(cancelledError());
        auto run = matrix->folderOf(i);
        if (!run) return fail(run.error());
        if (auto read = matrix->refresh(i); !read) return read;
        if (auto told = tell(true); !told) return told;
        const auto done = runner(*run, stop);
        if (auto read = matrix->refresh(i); !read) return read;
        if (!done && done.error().kind == ErrorKind::Cancelled) {
            if (auto told = tell(false); !told) return told;
            return done;
        }
        if (!done) matrix->setFailed(i, done.error().message);
        if (!done && !failure) failure = Error{done.error().kind, cellTitle(matrix->cells()[i]) + ": " + done.error().message, *run};
        if (auto added = matrix->addRepeats(); !added) return added;
        if (auto told = tell(true); !told) return told;
    }
    if (auto told = tell(false); !told) return told;
    if (failure) return fail(*failure);
    return {};
}

Expected<protocol::AssessmentState> readAssessment(const std::string& folder) {
    const auto matrix = CellMatrix::read(folder);
    if (!matrix) return fail(matrix.error());
    return matrix->state(runOwner(folder).has_value());
}

Expected<protocol::AssessmentState> readAssessmentSummary(const std::string& folder) {
    // Asked first: a process that ends now has written its last word.
    const bool running = runOwner(folder).has_value();
    auto state = keptSummary(folder);
    if (!state) return readAssessment(folder);
    if (running) state->summary.status = "running";
    for (auto& cell : state->cells) {
        if (cell.folder.empty() || (cell.status != "running" && cell.status != "stopped")) continue;
        const auto run = readRunSummary(cell.folder);
        if (!run) return fail(run.error());
        if (run->status == "finished" && running) continue;
        // What a run finished after the assessment's process was killed has to be read.
        if (run->status == "finished") return readAssessment(folder);
        cell.status = run->status == "interrupted" ? "stopped" : run->status;
        cell.detail = run->detail;
    }
    if (!running && state->summary.status == "running") state->summary.status = "stopped";
    return std::move(*state);
}

std::vector<protocol::AssessmentSummary> listAssessments(const std::string& workspace) {
    std::vector<protocol::AssessmentSummary> all;
    std::error_code code;
    for (fs::directory_iterator entry(fs::path(workspace) / "assessments", code), end; !code && entry != end; entry.increment(code)) {
        if (!isFile(specPath(entry->path().string()))) continue;
        auto state = readAssessmentSummary(entry->path().string());
        if (state) all.push_back(std::move(state->summary));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.folder > b.folder; });
    return all;
}

}  // namespace safequant
