// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>

#include <algorithm>
#include <map>

#include "core/assess/assessment.h"
#include "core/assess/assessment_spec.h"
#include "core/assess/cell_results.h"
#include "core/base/files.h"
#include "core/base/model_path.h"
#include "core/engine/engine_files.h"
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"
#include "core/run/run_folder.h"
#include "core/run/run_lock.h"

namespace safequant {
namespace {

using nlohmann::json;

/// What stands in a spec's place of its own: the model, what is merged into it, and the assessment's name.
Expected<AssessmentSpec> withOwnModel(AssessmentSpec spec, const json& params) {
    const auto model = fieldOr<std::string>(params, "model", {});
    const auto name = fieldOr<std::string>(params, "name", {});
    if (!model) return fail(model.error());
    if (!name) return fail(name.error());
    if (!model->empty()) spec.run["checkpoint"] = absoluteModelPath(*model, {});
    if (!name->empty()) spec.name = *name;
    if (params.contains("adapters")) {
        const auto adapters = field<std::vector<std::string>>(params, "adapters");
        if (!adapters) return fail(adapters.error());
        spec.run["adapters"] = *adapters;
    }
    return assessmentSpecFromJson(assessmentSpecToJson(spec), "assessment");
}

/// The spec that a request asks for.
Expected<AssessmentSpec> askedAssessment(const json& params) {
    const auto example = fieldOr(params, "example", false);
    const auto file = fieldOr<std::string>(params, "file", {});
    const auto model = fieldOr<std::string>(params, "model", {});
    if (!example) return fail(example.error());
    if (!file) return fail(file.error());
    if (!model) return fail(model.error());
    if (int(*example) + int(!file->empty()) + int(params.contains("spec")) != 1)
        return fail(ErrorKind::BadInput, "Name a spec, a file or the example, and one of them alone.", "spec");
    if (params.contains("spec")) {
        auto spec = assessmentSpecFromJson(params["spec"], "spec");
        return spec ? withOwnModel(std::move(*spec), params) : spec;
    }
    if (*example && model->empty()) return fail(ErrorKind::BadInput, "The bundled assessment needs a model.", "model");
    const auto path = *example ? resolveResource("builtin:assessment") : Expected<std::string>(pathFromHome(*file));
    if (!path) return fail(path.error());
    auto spec = readAssessmentSpec(*path, *model);
    return spec ? withOwnModel(std::move(*spec), params) : spec;
}

}  // namespace

Expected<json> EngineRequests::listAssessmentsRequest(const json& params) {
    const auto workspace = askedWorkspace(params);
    if (!workspace) return fail(workspace.error());
    json list = json::array();
    for (const auto& summary : listAssessments(*workspace)) list.push_back(protocol::toJson(summary));
    return list;
}

Expected<json> EngineRequests::openAssessment(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    auto state = readAssessmentSummary(*folder);
    if (!state) return fail(state.error());
    if (state->summary.status == "running") followAssessment(*folder, 0);
    const std::scoped_lock lock(m_mutex);
    // One that was just launched may not hold the folder's lock yet.
    const auto follower = m_assessments.find(*folder);
    if (follower != m_assessments.end() && !follower->second->ended()) state->summary.status = "running";
    return protocol::toJson(*state);
}

Expected<json> EngineRequests::planAssessment(const json& params) {
    const auto spec = askedAssessment(params);
    if (!spec) return fail(spec.error());
    const auto cells = planCells(*spec);
    if (!cells) return fail(cells.error());
    protocol::AssessmentState state;
    state.summary.name = spec->name;
    state.summary.model = spec->run.value("checkpoint", std::string());
    state.summary.cells = static_cast<int>(cells->size());
    for (const CalibrationRisk& risk : spec->risks) {
        state.risks.push_back(risk.name);
        state.riskTexts.push_back(risk.text);
    }
    for (const PlannedCell& cell : *cells) state.cells.push_back(cellOf(cell));
    return protocol::toJson(state);
}

Expected<json> EngineRequests::startAssessment(const json& params) {
    const auto workspace = askedWorkspace(params);
    if (!workspace) return fail(workspace.error());
    const auto spec = askedAssessment(params);
    if (!spec) return fail(spec.error());
    const auto folder = createAssessmentFolder(*workspace, *spec);
    if (!folder) return fail(folder.error());
    return launchAssessment(*folder);
}

Expected<json> EngineRequests::resumeAssessment(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    if (!isFile(*folder + "/assessment.json")) return fail(ErrorKind::NotFound, "There is no assessment in this folder.", *folder);
    if (runOwner(*folder)) {
        followAssessment(*folder, 0);
        return protocol::toJson(protocol::RunRef{*folder});
    }
    return launchAssessment(*folder);
}

Expected<json> EngineRequests::launchAssessment(const std::string& folder) {
    const auto child = startAssessmentProcess(m_program, folder);
    if (!child) return fail(child.error());
    followAssessment(folder, *child);
    return protocol::toJson(protocol::RunRef{folder});
}

void EngineRequests::followAssessment(const std::string& folder, pid_t child) {
    const std::scoped_lock lock(m_mutex);
    auto& follower = m_assessments[folder];
    if (follower && !follower->ended() && child == 0) return;
    follower = std::make_unique<AssessmentFollower>(
        folder, child, [this](const protocol::AssessmentState& state) { m_connection.notify("assessment/changed", protocol::toJson(state)); });
}

Expected<json> EngineRequests::cancelAssessment(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    pid_t worker = runOwner(*folder).value_or(0);
    if (worker == 0) {
        const std::scoped_lock lock(m_mutex);
        const auto follower = m_assessments.find(*folder);
        if (follower != m_assessments.end() && !follower->second->ended()) worker = follower->second->child();
    }
    if (auto told = stopFolderProcess(worker, SIGTERM, "computes", "assessment", *folder); !told) return fail(told.error());
    return json(nullptr);
}

Expected<json> EngineRequests::flippedPrompts(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto ids = field<std::vector<std::string>>(params, "ids");
    if (!folder) return fail(folder.error());
    if (!ids) return fail(ids.error());
    const auto state = readRunState(*folder);
    if (!state) return fail(state.error());
    std::map<std::string, int> indices;
    for (std::size_t i = 0; i < state->prompts.size(); ++i) indices.emplace(state->prompts[i].id, static_cast<int>(i));
    std::map<int, std::pair<std::string, std::string>> outcomes;
    for (const protocol::AnswerItem& answer : state->answers)
        (answer.model == "base" ? outcomes[answer.prompt].first : outcomes[answer.prompt].second) = answer.outcome;
    json list = json::array();
    for (const std::string& id : *ids) {
        const auto index = indices.find(id);
        if (index == indices.end()) return fail(ErrorKind::Mismatch, "The run has no prompt \"" + id + "\".", *folder);
        const auto& [before, after] = outcomes[index->second];
        list.push_back(protocol::toJson(protocol::FlippedPrompt{index->second, state->prompts[static_cast<std::size_t>(index->second)], before, after}));
    }
    return list;
}

}  // namespace safequant
