// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/assessment_messages.h"
#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<CellMeasure> M>
void visitFields(V& visit, M& m) {
    visit("measure", m.measure);
    visit("before", m.before);
    visit("after", m.after);
    visit("difference", m.difference);
    visit("interval", m.interval);
    visit("p", m.p);
    visit("lost", m.lost);
    visit("gained", m.gained);
}

template <typename V, MessageOf<CellAttack> M>
void visitFields(V& visit, M& m) {
    visit("setting", m.setting);
    visit("before", m.before);
    visit("after", m.after);
    visit("interval", m.interval);
    visit("any_after", m.anyAfter);
}

template <typename V, MessageOf<AssessmentCell> M>
void visitFields(V& visit, M& m) {
    visit("method", m.method);
    visit("title", m.title);
    visit("bits", m.bits);
    visit("scheme", m.scheme);
    visit("risk", m.risk);
    visit("seed", m.seed);
    visit("repeat", m.repeat);
    visit("attacked", m.attacked);
    visit("status", m.status);
    visit("detail", m.detail);
    visit("folder", m.folder);
    visit("quantize_seconds", m.quantizeSeconds);
    visit("seconds", m.seconds);
    visit("peak_memory_bytes", m.peakMemoryBytes);
    visit("bits_per_weight", m.bitsPerWeight);
    visit("perplexity_before", m.perplexityBefore);
    visit("perplexity", m.perplexity);
    visit("measures", m.measures);
    visit("attacks", m.attacks);
}

template <typename V, MessageOf<AssessmentFinding> M>
void visitFields(V& visit, M& m) {
    visit("kind", m.kind);
    visit("text", m.text);
    visit("evidence", m.evidence);
    visit("cell", m.cell);
    visit("severity", m.severity);
}

template <typename V, MessageOf<AssessmentSummary> M>
void visitFields(V& visit, M& m) {
    visit("folder", m.folder);
    visit("name", m.name);
    visit("model", m.model);
    visit("created", m.created);
    visit("status", m.status);
    visit("cells", m.cells);
    visit("finished", m.finished);
    visit("failed", m.failed);
}

template <typename V, MessageOf<AssessmentState> M>
void visitFields(V& visit, M& m) {
    visit("summary", m.summary);
    visit("risks", m.risks);
    visit("risk_texts", m.riskTexts);
    visit("cells", m.cells);
    visit("findings", m.findings);
    visit("seconds_left", m.secondsLeft);
}

template <typename V, MessageOf<FlippedPrompt> M>
void visitFields(V& visit, M& m) {
    visit("index", m.index);
    visit("prompt", m.prompt);
    visit("before", m.before);
    visit("after", m.after);
}

}  // namespace

const CellMeasure* AssessmentCell::measure(const std::string& name) const {
    for (const CellMeasure& each : measures)
        if (each.measure == name) return &each;
    return nullptr;
}

SAFEQUANT_DEFINE_MESSAGE(CellMeasure);
SAFEQUANT_DEFINE_MESSAGE(CellAttack);
SAFEQUANT_DEFINE_MESSAGE(AssessmentCell);
SAFEQUANT_DEFINE_MESSAGE(AssessmentFinding);
SAFEQUANT_DEFINE_MESSAGE(AssessmentSummary);
SAFEQUANT_DEFINE_MESSAGE(AssessmentState);
SAFEQUANT_DEFINE_MESSAGE(FlippedPrompt);

std::string cellTitle(const AssessmentCell& cell) {
    return cell.title + " " + std::to_string(cell.bits) + " bit" + (cell.risk.empty() ? "" : ", calibrated on " + cell.risk) +
           (cell.repeat ? ", seed " + std::to_string(cell.seed) : "");
}

}  // namespace safequant::protocol
