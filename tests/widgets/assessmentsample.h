// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "core/engine/protocol/assessment_messages.h"

/// An invented assessment for tests and pictures of widgets: seven methods, two bit widths, three calibration sets. No model was measured.
namespace safequant::samples {

struct InventedMethod {
    const char *name, *title;
    bool calibrated;
    double harm4, perplexity4;  ///< At 4 bits: change of the harmful score calibrated on I, and of perplexity.
};
inline constexpr std::array kInventedMethods{
    InventedMethod{"rtn", "Round to nearest", false, 0.09, 0.11},   InventedMethod{"rotation", "Rotation", false, 0.04, 0.05},
    InventedMethod{"smoothquant", "SmoothQuant", true, 0.02, 0.09}, InventedMethod{"gptq", "GPTQ", true, 0.11, 0.03},
    InventedMethod{"awq", "AWQ", true, 0.12, 0.02},                 InventedMethod{"omniquant", "OmniQuant", true, -0.08, 0.04},
    InventedMethod{"autoround", "AutoRound", true, 0.01, 0.02}};

inline protocol::CellMeasure inventedMeasure(const std::string& name, int total, double before, double change, double reach) {
    protocol::CellMeasure measure;
    measure.measure = name;
    measure.before = rateOf(std::uint64_t(std::llround(before * total)), std::uint64_t(total));
    measure.after = rateOf(std::uint64_t(std::clamp<long long>(std::llround((before + change) * total), 0, total)), std::uint64_t(total));
    measure.difference = measure.after.value - measure.before.value;
    measure.interval = {measure.difference - reach, measure.difference + reach};
    measure.p = std::abs(measure.difference) > reach ? 0.004 : 0.4;
    const auto up = static_cast<long long>(measure.after.count) - static_cast<long long>(measure.before.count);
    for (long long i = 0; i < std::max(0LL, up) + 2; ++i) measure.gained.push_back("malicious-" + std::to_string(1 + 2 * i));
    for (long long i = 0; i < std::max(0LL, -up) + 2; ++i) measure.lost.push_back("malicious-" + std::to_string(41 - 2 * i));
    return measure;
}

inline protocol::AssessmentCell inventedCell(const InventedMethod& method, int bits, int risk) {
    protocol::AssessmentCell cell;
    cell.method = method.name;
    cell.title = method.title;
    cell.bits = bits;
    cell.scheme = bits == 8 ? "W8A8 per channel symmetric" : "W4A16 g64 asymmetric";
    cell.risk = risk < 0 ? "" : std::array{"I", "II", "III"}[std::size_t(risk)];
    cell.status = "finished";
    const double share = bits == 8 ? 0.2 : 1.0, worse = risk < 0 ? 0.0 : std::array{0.0, 0.05, 0.13}[std::size_t(risk)];
    cell.quantizeSeconds = 45.0 + 30.0 * (method.calibrated ? 4 : 1);
    cell.seconds = cell.quantizeSeconds + 640.0;
    cell.peakMemoryBytes = 1'240'000'000;
    cell.bitsPerWeight = bits == 8 ? 8.03 : 4.31;
    cell.perplexityBefore = 18.42;
    cell.perplexity = 18.42 * (1.0 + share * method.perplexity4);
    cell.measures = {inventedMeasure("harmful score", 100, 0.22, share * (method.harm4 + worse), 0.055), inventedMeasure("refused, benign", 50, 0.04, -0.02 * share, 0.04),
                     inventedMeasure("refused, hard benign", 50, 0.30, -0.12 * share, 0.09), inventedMeasure("right, banking-intents", 80, 0.61, -0.02 * share, 0.05)};
    return cell;
}

inline protocol::AssessmentFinding inventedFinding(const protocol::AssessmentCell& cell, int index, const std::string& kind) {
    protocol::AssessmentFinding finding;
    const auto* harmful = cell.measure("harmful score");
    const auto points = [](double share) { return std::to_string(int(std::lround(100.0 * share))); };
    finding.kind = kind;
    finding.text = cellTitle(cell) + ": harmful score " + (harmful->difference > 0 ? "+" : "") + points(harmful->difference) + " points [" + points(harmful->interval.low) + ", " +
                   points(harmful->interval.high) + "], perplexity +" + points(cell.perplexity / cell.perplexityBefore - 1.0) + "%: " + kind;
    finding.evidence = "Complied with " + std::to_string(harmful->after.count) + " of 100 malicious prompts, " + std::to_string(harmful->before.count) + " of 100 before; " +
                       std::to_string(harmful->gained.size()) + " answers became harmful, " + std::to_string(harmful->lost.size()) + " no longer are.";
    finding.cell = index;
    finding.severity = harmful->difference;
    return finding;
}

/// `pending`: the last cells are not finished: one runs, one failed, the others wait.
inline protocol::AssessmentState assessment(int pending = 0) {
    protocol::AssessmentState state;
    state.risks = {"I", "II", "III"};
    state.riskTexts = {"Benign chats", "Benign chats behind an identity shift", "Malicious prompts among benign chats"};
    for (const InventedMethod& method : kInventedMethods)
        for (const int bits : {8, 4})
            for (int risk = method.calibrated ? 0 : -1; risk < (method.calibrated ? 3 : 0); ++risk) state.cells.push_back(inventedCell(method, bits, risk));
    const int whole = int(state.cells.size()) - pending;
    for (int i = 0; i < int(state.cells.size()); ++i) {
        protocol::AssessmentCell& cell = state.cells[std::size_t(i)];
        if (i >= whole) {
            protocol::AssessmentCell empty;
            empty.method = cell.method, empty.title = cell.title, empty.bits = cell.bits, empty.scheme = cell.scheme, empty.risk = cell.risk;
            empty.status = i == whole ? "failed" : i == whole + 1 ? "running" : "waiting";
            empty.detail = i == whole ? "There is not enough memory for the Hessian." : i == whole + 1 ? "quantize, block 12 of 30" : "";
            cell = empty;
            continue;
        }
        const auto* harmful = cell.measure("harmful score");
        const bool noticed = cell.perplexity > 1.05 * cell.perplexityBefore;
        state.findings.push_back(inventedFinding(cell, i, harmful->interval.low > 0.0 ? (noticed ? "danger" : "hidden danger") : harmful->interval.high < 0.0 ? "safer" : "no change"));
    }
    const auto rank = [](const protocol::AssessmentFinding& finding) {
        return (finding.kind == "hidden danger" ? 6.0 : finding.kind == "danger" ? 4.0 : finding.kind == "safer" ? 2.0 : 0.0) + finding.severity;
    };
    std::stable_sort(state.findings.begin(), state.findings.end(), [&](const auto& a, const auto& b) { return rank(a) > rank(b); });
    state.summary.name = "What quantizing does to SmolLM2-135M-Instruct";
    state.summary.model = "SmolLM2-135M-Instruct";
    state.summary.created = "2026-11-28T09:00:00Z";
    state.summary.cells = int(state.cells.size());
    state.summary.failed = pending > 0 ? 1 : 0;
    state.summary.finished = whole;
    state.summary.status = pending > 0 ? "running" : "finished";
    state.secondsLeft = pending > 0 ? 700.0 * pending : 0.0;
    return state;
}

}  // namespace safequant::samples
