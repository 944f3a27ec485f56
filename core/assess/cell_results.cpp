// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/assess/cell_results.h"

#include <algorithm>
#include <map>

#include "core/run/attack_results.h"
#include "core/run/manifest.h"
#include "core/run/run_comparison.h"
#include "core/run/run_folder.h"

namespace safequant {
namespace {

using nlohmann::json;

double secondsOf(const json& timings, const char* stage) {
    const auto found = timings.find(stage);
    return found != timings.end() && found->is_object() ? found->value("seconds", 0.0) : 0.0;
}

void addCosts(const json& manifest, protocol::AssessmentCell& cell) {
    const json timings = manifest.value("timings", json::object());
    for (const char* stage : {"capture", "patch", "quantize", "evaluate"}) cell.seconds += secondsOf(timings, stage);
    cell.quantizeSeconds = secondsOf(timings, "patch") + secondsOf(timings, "quantize");
    cell.bitsPerWeight = manifest.value("bits_per_weight", 0.0);
    for (const json& session : manifest.value("sessions", json::array()))
        cell.peakMemoryBytes = std::max(cell.peakMemoryBytes, session.value("peak_memory_bytes", std::uint64_t{0}));
}

Expected<void> addMeasures(const std::string& folder, protocol::AssessmentCell& cell) {
    const auto comparison = compareRuns({folder}, {});
    if (!comparison) return fail(comparison.error());
    for (const PairedComparison& row : comparison->rows)
        if (row.firstRate.total > 0)
            cell.measures.push_back({row.measure, row.firstRate, row.secondRate, row.difference, row.interval, row.p, row.onlyFirst, row.onlySecond});
    return {};
}

Expected<void> addAttacks(const std::string& folder, protocol::AssessmentCell& cell) {
    const auto results = readAttackResults(folder);
    if (!results) return fail(results.error());
    std::map<std::string, double> before;
    for (const AttackResult& result : *results)
        if (result.model == "base") before[result.setting.name()] = result.summary.meanSuccess;
    for (const AttackResult& result : *results)
        if (result.model != "base")
            cell.attacks.push_back({result.setting.name(), before[result.setting.name()], result.summary.meanSuccess, result.summary.meanInterval,
                                    result.summary.anySuccess});
    return {};
}

}  // namespace

protocol::AssessmentCell cellOf(const PlannedCell& planned) {
    protocol::AssessmentCell cell;
    cell.method = planned.method;
    cell.title = planned.title;
    cell.bits = planned.bits;
    cell.scheme = describeScheme(planned.spec);
    cell.risk = planned.risk;
    cell.seed = planned.seed;
    cell.repeat = planned.repeat;
    cell.attacked = planned.attacked;
    cell.status = "waiting";
    return cell;
}

Expected<void> readCellResults(const std::string& folder, protocol::AssessmentCell& cell) {
    const auto summary = readRunSummary(folder);
    if (!summary) return fail(summary.error());
    cell.folder = folder;
    cell.status = summary->status == "interrupted" ? "stopped" : summary->status;
    cell.detail = summary->detail;
    if (cell.status != "finished") return {};
    cell.detail.clear();
    const auto manifest = Manifest::read(folder);
    if (!manifest) return fail(manifest.error());
    addCosts(manifest->json(), cell);
    const auto state = readRunState(folder);
    if (!state) return fail(state.error());
    for (const protocol::ModelMetrics& metrics : state->metrics)
        if (metrics.perplexityTokens > 0) (metrics.model == "base" ? cell.perplexityBefore : cell.perplexity) = metrics.perplexity;
    if (auto added = addMeasures(folder, cell); !added) return added;
    return addAttacks(folder, cell);
}

void countCells(protocol::AssessmentState& state) {
    const auto count = [&](const char* status) {
        return static_cast<int>(std::ranges::count(state.cells, status, &protocol::AssessmentCell::status));
    };
    state.summary.cells = static_cast<int>(state.cells.size());
    state.summary.finished = count("finished");
    state.summary.failed = count("failed");
}

}  // namespace safequant
