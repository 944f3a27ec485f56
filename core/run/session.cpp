// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/session.h"

#include <algorithm>

#include "core/run/learning_samples.h"

namespace safequant {
namespace {

constexpr double kQuantizedBlockCost = 1.15;
/// A decoded token costs more than a captured one: products with few rows are bound by memory.
constexpr double kDecodedTokenCost = 2.5;
/// Share of a captured block's time that its forward pass takes; the rest is fitting probes.
constexpr double kForwardShare = 0.6;
constexpr double kTokensOfAPrompt = 25.0;
constexpr double kExportedBlockCost = 0.3;

protocol::RunEvent eventOf(const char* type) {
    protocol::RunEvent event;
    event.type = type;
    return event;
}

}  // namespace

std::vector<PlannedStage> planStages(const RunInputs& inputs) {
    const auto& spec = inputs.spec;
    const auto blocks = static_cast<std::uint64_t>(inputs.checkpoint->config().blocks);
    // Costs are in blocks of the captured prompts; without them, of a thousand.
    const double captured = kTokensOfAPrompt * static_cast<double>(inputs.layout.prompts.empty() ? 1000 : inputs.layout.prompts.size());
    std::vector<PlannedStage> stages;
    if (spec.hasStage("capture")) stages.push_back({"capture", "blocks", blocks, 1.0, 1.0});
    if (spec.hasStage("tune")) {
        const auto units = static_cast<std::uint64_t>(spec.tuning.asked(spec.calibration) + spec.tuning.learned());
        const double cost = kForwardShare * static_cast<double>(blocks) * spec.tuning.cost(spec.calibration, kTokensOfAPrompt) / captured;
        stages.push_back({"tune", "answers", units, cost / static_cast<double>(units), 32.0});
    }
    if (spec.hasStage("patch")) {
        const std::uint64_t units = spec.patch->units();
        const double cost = kForwardShare * static_cast<double>(blocks) * spec.patch->cost(kTokensOfAPrompt) / captured;
        stages.push_back({"patch", "answers", units, cost / static_cast<double>(units), 32.0});
    }
    if (spec.hasStage("quantize")) {
        const double learned = kForwardShare * calibrationCost(spec, inputs.checkpoint->config(), kTokensOfAPrompt) / captured;
        stages.push_back({"quantize", "blocks", blocks, kQuantizedBlockCost + learned, 1.0});
    }
    if (spec.hasStage("evaluate")) {
        const auto answers = inputs.asked.size() * inputs.evaluatedModels().size();
        const double answered = kTokensOfAPrompt + kDecodedTokenCost * spec.decoding.maxNewTokens;
        const double cost = kForwardShare * static_cast<double>(blocks) * answered / std::max(captured, kTokensOfAPrompt * 1000.0);
        // Perplexity alone is one unit of work a model.
        const auto units = answers > 0 ? answers : inputs.evaluatedModels().size();
        stages.push_back({"evaluate", answers > 0 ? "answers" : "models", units, cost, 64.0});
    }
    if (spec.hasStage("export"))
        stages.push_back({"export", "tensors", inputs.plan.size(), kExportedBlockCost / kLinearsPerBlock, 7.0});
    return stages;
}

Session::Session(std::string folder, RunInputs inputs, Manifest& manifest, EventLog& log, protocol::RunState& state,
                 std::stop_token stop)
    : m_folder(std::move(folder)),
      m_inputs(std::move(inputs)),
      m_manifest(manifest),
      m_log(log),
      m_state(state),
      m_stop(std::move(stop)),
      m_schedule(planStages(m_inputs)) {
    const auto timings = m_manifest.json().value("timings", nlohmann::json::object());
    for (const auto& stage : m_schedule.stages())
        if (timings.contains(stage.name))
            m_schedule.setEarlierSeconds(stage.name, timings[stage.name].value("seconds", 0.0));
}

Expected<void> Session::tell(protocol::RunEvent event) {
    return m_log.append(std::move(event), m_state);
}

Expected<void> Session::tellBlock(const protocol::BlockSeparability& block) {
    for (const auto& known : m_state.blocks)
        if (known.model == block.model && known.block == block.block && toJson(known) == toJson(block)) return {};
    auto event = eventOf("block");
    event.block = block;
    return tell(std::move(event));
}

Expected<void> Session::tellLearning(const protocol::LearnedBlock& block) {
    auto event = eventOf("learning");
    event.learning = block;
    return tell(std::move(event));
}

Expected<void> Session::tellPatch(protocol::PatchProgress news) {
    if (m_state.patch) {
        protocol::PatchProgress known = *m_state.patch;
        addPatchNews(known, news);
        if (toJson(known) == toJson(*m_state.patch)) return {};
    }
    auto event = eventOf("patch");
    event.patch = std::move(news);
    return tell(std::move(event));
}

Expected<void> Session::tellControl(const protocol::WordControl& control) {
    if (m_state.control && toJson(*m_state.control) == toJson(control)) return {};
    auto event = eventOf("control");
    event.control = control;
    return tell(std::move(event));
}

Expected<void> Session::tellAnswer(protocol::AnswerItem answer) {
    answer.text.clear();
    for (const auto& known : m_state.answers)
        if (known.model == answer.model && known.prompt == answer.prompt && toJson(known) == toJson(answer)) return {};
    auto event = eventOf("answer");
    event.answer = std::move(answer);
    return tell(std::move(event));
}

Expected<void> Session::tellMetrics(const protocol::ModelMetrics& metrics) {
    auto event = eventOf("metrics");
    event.metrics = metrics;
    return tell(std::move(event));
}

Expected<void> Session::note(const std::string& text) {
    auto& notes = m_manifest.json()["notes"];
    if (!notes.is_array()) notes = nlohmann::json::array();
    if (std::find(notes.begin(), notes.end(), text) == notes.end()) {
        notes.push_back(text);
        if (auto saved = m_manifest.save(); !saved) return saved;
    }
    if (std::find(m_state.notes.begin(), m_state.notes.end(), text) != m_state.notes.end()) return {};
    auto event = eventOf("note");
    event.message = text;
    return tell(std::move(event));
}

Expected<void> Session::say(const std::string& level, const std::string& text) {
    auto event = eventOf("log");
    event.level = level;
    event.message = text;
    return tell(std::move(event));
}

Expected<void> Session::tellProgress(const std::string& stage) {
    auto event = eventOf("stage");
    event.stage = m_schedule.progress(stage);
    return tell(std::move(event));
}

Expected<void> Session::keepTiming(const std::string& stage) {
    m_manifest.json()["timings"][stage]["seconds"] = m_schedule.elapsedSeconds(stage);
    m_manifest.json()["detail"] = m_state.summary.detail;
    m_manifest.json()["updated"] = utcNow();
    return m_manifest.save();
}

}  // namespace safequant
