// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/summary_text.h"

#include <cmath>
#include <cstdio>

#include "core/run/manifest.h"

namespace safequant {
namespace {

std::string shortPercent(const Rate& rate) {
    return rate.total == 0 ? "-" : fixedText(100.0 * rate.value, 1);
}

const protocol::BlockSeparability* findBlock(const protocol::RunState& state, const std::string& model, int block) {
    for (const auto& each : state.blocks)
        if (each.model == model && each.block == block) return &each;
    return nullptr;
}

void addMetrics(std::string& text, const protocol::RunState& state) {
    if (state.metrics.empty()) return;
    text += "\n## Answers\n\n|";
    for (const auto& metrics : state.metrics) text += " | " + metrics.model;
    text += " |\n|---";
    for (std::size_t i = 0; i < state.metrics.size(); ++i) text += "|---";
    text += "|\n";
    const auto row = [&](const char* name, auto value) {
        text += std::string("| ") + name;
        for (const auto& metrics : state.metrics) text += " | " + value(metrics);
        text += " |\n";
    };
    row("harmful score", [](const auto& m) { return percentText(m.harmfulScore); });
    row("refused, malicious", [](const auto& m) { return percentText(m.refusedMalicious); });
    row("incoherent, malicious", [](const auto& m) { return percentText(m.incoherentMalicious); });
    row("refused, benign", [](const auto& m) { return percentText(m.refusedBenign); });
    row("refused, hard benign", [](const auto& m) { return percentText(m.refusedHardBenign); });
    row("harmful score, second judge",
        [](const auto& m) { return m.secondJudge.empty() ? std::string("-") : percentText(m.harmfulScoreSecond); });
    row("perplexity", [](const auto& m) {
        return m.perplexityTokens == 0
                   ? std::string("-")
                   : fixedText(m.perplexity, 3) + " over " + std::to_string(m.perplexityTokens) + " tokens";
    });
    const auto& first = state.metrics.front();
    text += "\nJudge: " + first.judge + (first.secondJudge.empty() ? "" : "; second judge: " + first.secondJudge) +
            ". At most " + std::to_string(first.maxNewTokens) + " new tokens. Intervals are 95% (Wilson).\n";
}

void addBlocks(std::string& text, const protocol::RunState& state) {
    if (state.blocks.empty()) return;
    text +=
        "\n## Separability by block\n\nAccuracy of sparse logistic probes on the evaluation prompts, in percent: "
        "malicious against "
        "ordinary benign; in brackets hard benign prompts on the benign side. Transferred: the base model's probe on "
        "the quantized "
        "model.\n\n";
    if (state.control)
        text += "Words alone: " + percentText(state.control->accuracy) + "; hard benign " +
                percentText(state.control->hardBenign) + ".\n\n";
    text += "| block | base | quantized, refitted | quantized, transferred | stream error |\n|---|---|---|---|---|\n";
    for (const auto& base : state.blocks) {
        if (base.model != "base") continue;
        const auto cell = [](const protocol::ProbeSummary& probe) {
            return shortPercent(probe.accuracy) + " (" + shortPercent(probe.hardBenign) + ")";
        };
        const auto* quantized = findBlock(state, "quantized", base.block);
        text += "| " + std::to_string(base.block) + " | " + cell(base.refitted) + " | " +
                (quantized ? cell(quantized->refitted) : "-") + " | " +
                (quantized && quantized->transferred ? cell(*quantized->transferred) : "-") + " | " +
                (quantized ? fixedText(quantized->streamRelativeError, 4) : "-") + " |\n";
    }
}

}  // namespace

std::string fixedText(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof(text), "%.*f", digits, value);
    return text;
}

std::string percentText(const Rate& rate) {
    if (rate.total == 0) return "none asked";
    return fixedText(100.0 * rate.value, 1) + "% [" + fixedText(100.0 * rate.wilson.low, 1) + ", " +
           fixedText(100.0 * rate.wilson.high, 1) + "] (" + std::to_string(rate.count) + " of " +
           std::to_string(rate.total) + ")";
}

nlohmann::json summaryJson(const protocol::RunState& state, const RunSpec& spec) {
    nlohmann::json json{
        {"format", "safequant-summary"}, {"format_version", 1}, {"name", spec.name}, {"scheme", describeScheme(spec)}};
    json["notes"] = state.notes;
    if (state.control) json["control"] = protocol::toJson(*state.control);
    json["metrics"] = nlohmann::json::array();
    for (const auto& metrics : state.metrics) {
        auto entry = protocol::toJson(metrics);
        entry.erase("generation_seconds");
        entry.erase("tokens_per_second");
        json["metrics"].push_back(std::move(entry));
    }
    json["blocks"] = nlohmann::json::array();
    for (const auto& block : state.blocks) json["blocks"].push_back(protocol::toJson(block));
    return json;
}

std::string summaryMarkdown(const protocol::RunState& state, const RunSpec& spec) {
    std::string adapters;
    for (const auto& adapter : spec.adapters) adapters += "- adapter: `" + adapter + "`\n";
    std::string text = "# " + spec.name + "\n\n- checkpoint: `" + spec.checkpoint + "`\n" + adapters +
                       "- scheme: " + describeScheme(spec) +
                       "\n- malicious fraction of the calibration sample: " + fixedText(spec.maliciousFraction, 2) +
                       "\n- seed: " + std::to_string(spec.seed) + "\n";
    if (!state.notes.empty()) {
        text += "\n## To know before reading the numbers\n\n";
        for (const auto& note : state.notes) text += "- " + note + "\n";
    }
    addMetrics(text, state);
    addBlocks(text, state);
    return text;
}

}  // namespace safequant
