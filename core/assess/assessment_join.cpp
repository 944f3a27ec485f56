// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/assess/assessment_join.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>

#include "core/assess/assessment.h"
#include "core/assess/assessment_findings.h"
#include "core/assess/cell_results.h"
#include "core/checkpoint/json_file.h"

namespace safequant {
namespace {

using protocol::AssessmentCell;
using protocol::AssessmentState;

/// What tells the cells of a matrix apart.
auto keyOf(const AssessmentCell& cell) { return std::tuple(cell.method, cell.bits, cell.scheme, cell.risk, cell.seed); }

/// Every finished cell has the base model's rates; all of one matrix have the same.
std::map<std::string, Rate> baseRates(const AssessmentState& state) {
    std::map<std::string, Rate> rates;
    for (const AssessmentCell& cell : state.cells)
        for (const auto& measure : cell.measures) rates.try_emplace(measure.measure, measure.before);
    return rates;
}

Expected<void> checkBase(const AssessmentState& joined, const AssessmentState& part) {
    const auto known = baseRates(joined);
    for (const auto& [measure, rate] : baseRates(part)) {
        const auto found = known.find(measure);
        if (found == known.end() || (found->second.count == rate.count && found->second.total == rate.total)) continue;
        return fail(ErrorKind::BadInput,
                    "Before quantizing, \"" + measure + "\" is " + std::to_string(rate.count) + " of " + std::to_string(rate.total) + " here and " +
                        std::to_string(found->second.count) + " of " + std::to_string(found->second.total) +
                        " in the parts before it: they are of another model or of other prompts, and cannot be one matrix.",
                    part.summary.name);
    }
    return {};
}

Expected<void> addRisks(AssessmentState& joined, const AssessmentState& part) {
    for (std::size_t i = 0; i < part.risks.size(); ++i) {
        const std::string text = i < part.riskTexts.size() ? part.riskTexts[i] : std::string();
        const auto found = std::find(joined.risks.begin(), joined.risks.end(), part.risks[i]);
        if (found == joined.risks.end()) {
            joined.risks.push_back(part.risks[i]);
            joined.riskTexts.push_back(text);
        } else if (joined.riskTexts[static_cast<std::size_t>(found - joined.risks.begin())] != text) {
            return fail(ErrorKind::BadInput, "Calibration set " + part.risks[i] + " is \"" + text + "\" here and another one in the parts before it.", part.summary.name);
        }
    }
    return {};
}

void addCells(AssessmentState& joined, const AssessmentState& part) {
    for (const AssessmentCell& cell : part.cells) {
        const auto found = std::find_if(joined.cells.begin(), joined.cells.end(), [&](const AssessmentCell& each) { return keyOf(each) == keyOf(cell); });
        if (found == joined.cells.end()) joined.cells.push_back(cell);
        else if (cell.status == "finished" || found->status != "finished") *found = cell;
    }
}

}  // namespace

Expected<AssessmentState> readAssessmentAt(const std::string& place) {
    const std::string whole = std::filesystem::absolute(place).lexically_normal().string();
    if (std::filesystem::is_directory(whole)) return readAssessment(whole);
    const auto json = readJsonObject(whole);
    if (!json) return fail(json.error());
    if (!json->contains("cells")) return fail(ErrorKind::BadInput, "This is no assessment's NAME.json: it has no cells.", place);
    auto state = protocol::parseMessage<AssessmentState>(*json);
    if (!state) return fail(ErrorKind::BadInput, state.error().message, place);
    return std::move(*state);
}

Expected<AssessmentState> joinAssessments(const std::vector<AssessmentState>& parts) {
    if (parts.empty()) return fail(ErrorKind::BadInput, "There is nothing to join.");
    AssessmentState joined = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const AssessmentState& part = parts[i];
        if (joined.summary.model.empty()) joined.summary.model = part.summary.model;
        if (!part.summary.model.empty() && part.summary.model != joined.summary.model)
            return fail(ErrorKind::BadInput, "It is of " + part.summary.model + ", the parts before it of " + joined.summary.model + ".", part.summary.name);
        if (auto checked = checkBase(joined, part); !checked) return fail(checked.error());
        if (auto added = addRisks(joined, part); !added) return fail(added.error());
        if (!part.summary.created.empty()) joined.summary.created = std::min(joined.summary.created, part.summary.created);
        addCells(joined, part);
    }
    countCells(joined);
    const bool running = std::ranges::find(joined.cells, "running", &AssessmentCell::status) != joined.cells.end();
    joined.summary.status = running ? "running" : joined.summary.finished == joined.summary.cells ? "finished" : "stopped";
    joined.secondsLeft = -1.0;
    joined.findings = findingsOf(joined.cells);
    return joined;
}

}  // namespace safequant
