// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/assess/assessment_page.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/assess/assessment_findings.h"
#include "core/base/csv.h"
#include "core/base/files.h"

namespace safequant {
namespace {

using protocol::AssessmentCell;
using protocol::AssessmentState;

constexpr double kBytesPerGib = 1024.0 * 1024.0 * 1024.0, kSecondsPerMinute = 60.0;

std::string decimals(double value, int places) {
    char text[48];
    std::snprintf(text, sizeof(text), "%.*f", places, value);
    return text;
}

std::string percentText(double share) { return decimals(100.0 * share, 1); }

std::string rateCell(const protocol::CellMeasure* measure, bool interval) {
    if (measure == nullptr) return "–";
    const Rate& rate = measure->after;
    return percentText(rate.value) + (interval ? " [" + percentText(rate.wilson.low) + ", " + percentText(rate.wilson.high) + "]" : "");
}

std::string changeCell(const protocol::CellMeasure* measure) {
    if (measure == nullptr) return "–";
    char text[64];
    std::snprintf(text, sizeof(text), "%+.1f [%+.1f, %+.1f]", 100.0 * measure->difference, 100.0 * measure->interval.low, 100.0 * measure->interval.high);
    return text;
}

std::string rowTitle(const AssessmentCell& cell) { return cell.title + " " + std::to_string(cell.bits) + " bit"; }

/// The tasks that any cell measured: "banking-intents".
std::vector<std::string> tasksOf(const AssessmentState& state) {
    const std::string prefix = "right, ";
    std::vector<std::string> tasks;
    for (const AssessmentCell& cell : state.cells)
        for (const auto& measure : cell.measures)
            if (measure.measure.starts_with(prefix) && std::find(tasks.begin(), tasks.end(), measure.measure.substr(prefix.size())) == tasks.end())
                tasks.push_back(measure.measure.substr(prefix.size()));
    return tasks;
}

/// Methods and bit widths against calibration sets: changes of the harmful score.
std::string matrixOf(const AssessmentState& state) {
    std::string text = "| | any |", rule = "|---|---|";
    for (const std::string& risk : state.risks) {
        text += " " + risk + " |";
        rule += "---|";
    }
    text += "\n" + rule + "\n";
    std::vector<std::string> done;
    for (const AssessmentCell& row : state.cells) {
        if (row.repeat || std::find(done.begin(), done.end(), rowTitle(row)) != done.end()) continue;
        done.push_back(rowTitle(row));
        text += "| " + rowTitle(row) + " |";
        std::vector<std::string> columns{""};
        columns.insert(columns.end(), state.risks.begin(), state.risks.end());
        for (const std::string& risk : columns) {
            const auto cell = std::find_if(state.cells.begin(), state.cells.end(), [&](const AssessmentCell& each) {
                return !each.repeat && rowTitle(each) == rowTitle(row) && each.risk == risk && each.seed == row.seed;
            });
            text += " " + (cell == state.cells.end() ? std::string() : cell->status == "finished" ? changeCell(cell->measure("harmful score")) : cell->status) + " |";
        }
        text += "\n";
    }
    return text;
}

std::string cellsTable(const AssessmentState& state) {
    const std::vector<std::string> tasks = tasksOf(state);
    std::string text = "| cell | scheme | harmful score | became harmful, no longer | incoherent | refused, benign | hard benign | perplexity |";
    std::string rule = "|---|---|---|---|---|---|---|---|";
    for (const std::string& task : tasks) {
        text += " " + task + " |";
        rule += "---|";
    }
    text += " bits a weight | minutes to quantize | in all | GiB |\n" + rule + "---|---|---|---|\n";
    for (const AssessmentCell& cell : state.cells) {
        if (cell.status != "finished") {
            text += "| " + cellTitle(cell) + " | " + cell.scheme + " | " + cell.status + (cell.detail.empty() ? "" : ": " + cell.detail) + " |\n";
            continue;
        }
        const auto* harmful = cell.measure("harmful score");
        text += "| " + cellTitle(cell) + " | " + cell.scheme + " | " + rateCell(harmful, true) + " | " +
                (harmful != nullptr ? std::to_string(harmful->gained.size()) + ", " + std::to_string(harmful->lost.size()) : "–") + " | " +
                rateCell(cell.measure("incoherent, malicious"), false) + " | " + rateCell(cell.measure("refused, benign"), false) + " | " +
                rateCell(cell.measure("refused, hard benign"), false) + " | " + (cell.perplexity > 0.0 ? decimals(cell.perplexity, 2) : "–") + " |";
        for (const std::string& task : tasks) text += " " + rateCell(cell.measure("right, " + task), false) + " |";
        text += " " + decimals(cell.bitsPerWeight, 2) + " | " + decimals(cell.quantizeSeconds / kSecondsPerMinute, 1) + " | " +
                decimals(cell.seconds / kSecondsPerMinute, 1) + " | " + decimals(static_cast<double>(cell.peakMemoryBytes) / kBytesPerGib, 2) + " |\n";
    }
    return text;
}

std::string attacksTable(const AssessmentState& state) {
    std::string rows;
    for (const AssessmentCell& cell : state.cells)
        for (const auto& attack : cell.attacks)
            rows += "| " + cellTitle(cell) + " | " + attack.setting + " | " + percentText(attack.before) + " | " + percentText(attack.after) + " [" +
                    percentText(attack.interval.low) + ", " + percentText(attack.interval.high) + "] | " + percentText(attack.anyAfter.value) + " |\n";
    if (rows.empty()) return {};
    return "\n## Attacks on decoding\n\nShare of sampled answers that are harmful, before and after quantizing; prompts with at least one.\n\n"
           "| cell | setting | before | after | any sample |\n|---|---|---|---|---|\n" + rows;
}

/// The base model's rates, which every cell has.
std::string baseLine(const AssessmentState& state) {
    const auto cell = std::find_if(state.cells.begin(), state.cells.end(), [](const AssessmentCell& each) { return each.status == "finished" && !each.measures.empty(); });
    if (cell == state.cells.end()) return {};
    std::string text = "Before quantizing:";
    for (const auto& measure : cell->measures)
        text += " " + measure.measure + " " + percentText(measure.before.value) + "% of " + std::to_string(measure.before.total) + ";";
    text += " perplexity " + decimals(cell->perplexityBefore, 2) + ".\n";
    return text;
}

AssessmentState withoutPaths(AssessmentState state) {
    state.summary.folder = std::filesystem::path(state.summary.folder).filename().string();
    for (AssessmentCell& cell : state.cells) cell.folder = std::filesystem::path(cell.folder).filename().string();
    return state;
}

}  // namespace

std::string assessmentMarkdown(const AssessmentState& state) {
    std::string text = "# " + state.summary.name + "\n\n" + state.summary.model + "; " + std::to_string(state.summary.finished) + " of " +
                       std::to_string(state.summary.cells) + " cells finished, " + std::to_string(state.summary.failed) + " failed.\n" + baseLine(state) +
                       "\nCalibration sets, of prompts alone:";
    for (std::size_t i = 0; i < state.risks.size(); ++i) text += std::string(i > 0 ? ";" : "") + " " + state.risks[i] + ", " + state.riskTexts[i];
    text += ".\n\n## Change of the harmful score\n\nIn points against the model before it was quantized, on the same prompts, with 95% intervals by bootstrap over\n"
            "near-duplicate clusters. \"any\": methods that see no calibration data.\n\n" +
            matrixOf(state);
    if (!state.findings.empty()) text += "\n## Findings, the gravest first\n\n";
    for (const auto& finding : state.findings) text += "- **" + finding.text + "**. " + finding.evidence + "\n";
    return text + "\n## All cells\n\nRates in percent; Wilson's 95% intervals.\n\n" + cellsTable(state) + attacksTable(state);
}

std::string assessmentCsv(const AssessmentState& state) {
    std::string text = "cell,method,bits,calibrated_on,seed,repeat,status,scheme,measure,before,after,total,difference,low,high,p\n";
    for (const AssessmentCell& cell : state.cells)
        for (const auto& measure : cell.measures) {
            const std::array<std::string, 16> fields{cellTitle(cell), cell.method, std::to_string(cell.bits), cell.risk, std::to_string(cell.seed), cell.repeat ? "yes" : "no",
                                                     cell.status, cell.scheme, measure.measure, std::to_string(measure.before.count), std::to_string(measure.after.count),
                                                     std::to_string(measure.after.total), decimals(measure.difference, 6), decimals(measure.interval.low, 6),
                                                     decimals(measure.interval.high, 6), decimals(measure.p, 6)};
            for (std::size_t i = 0; i < fields.size(); ++i) text += (i > 0 ? "," : "") + csvField(fields[i]);
            text += "\n";
        }
    return text;
}

Expected<void> writeAssessmentPages(const AssessmentState& state, const std::string& name, const std::string& command) {
    const AssessmentState shared = withoutPaths(state);
    nlohmann::json json = protocol::toJson(shared);
    json["command"] = command;
    if (auto written = writeFileAtomically(name + ".json", json.dump(1) + "\n"); !written) return written;
    if (auto written = writeFileAtomically(name + ".csv", assessmentCsv(shared)); !written) return written;
    return writeFileAtomically(name + ".md", assessmentMarkdown(shared) + "\nMade by `" + command + "`.\n");
}

}  // namespace safequant
