// SPDX-License-Identifier: GPL-3.0-or-later
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "core/base/files.h"
#include "core/run/coded_blocks.h"
#include "core/run/session.h"
#include "core/run/tuning_texts.h"
#include "core/tuning/tuner.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

/// Steps between two lines about them.
constexpr int kTellEvery = 10;
/// Steps between states that a killed tuning goes on from: of all weights they are large.
constexpr int kKeepEvery = 20;

std::string shortText(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", value);
    return text;
}

/// Tunes the model of a run: texts and steps lie in tuning/, and the blocks that everything after reads appear in blocks/ at the end.
class Tuning {
public:
    explicit Tuning(Session& session) : m_session(session), m_inputs(session.inputs()), m_spec(session.inputs().spec.tuning) {}

    Expected<void> run() {
        std::error_code code;
        for (const char* folder : {"/tuning", "/blocks"}) fs::create_directories(m_session.folder() + folder, code);
        if (code) return fail(ErrorKind::Io, "The folders of the tuning cannot be made: " + code.message() + ".", m_session.folder());
        auto texts = this->texts();
        if (!texts) return fail(texts.error());
        if (auto told = tellTexts(*texts); !told) return told;
        if (auto begun = begin(*texts); !begun) return begun;
        if (auto tuned = tune(); !tuned) return tuned;
        return write();
    }

private:
    int blockCount() const { return m_inputs.checkpoint->config().blocks; }
    std::string statePath() const { return m_session.folder() + "/tuning/state.safetensors"; }
    std::string stepsPath() const { return m_session.folder() + "/tuning/steps.jsonl"; }
    /// A text asked for is a unit of work, and so is a sample learned from.
    std::uint64_t unitsAsked() const { return static_cast<std::uint64_t>(m_spec.asked(m_inputs.spec.calibration)); }
    std::uint64_t unitsOfSteps(int steps) const {
        return static_cast<std::uint64_t>(steps) * static_cast<std::uint64_t>(m_spec.options.batch);
    }
    Expected<void> advance(std::uint64_t done) {
        m_session.schedule().advance("tune", done);
        return m_session.tellProgress("tune");
    }

    Expected<std::vector<TuningText>> texts() {
        auto kept = readTuningTexts(m_session.folder());
        if (kept) m_session.schedule().setFound("tune", unitsAsked());
        if (kept || kept.error().kind != ErrorKind::NotFound) return kept;
        const Progress progress{m_session.stop(), [&](std::uint64_t done, std::uint64_t) {
                                    // A progress event that cannot be written shows again, and is reported, at the next step.
                                    (void)advance(std::min(done, unitsAsked()));
                                }};
        auto texts = makeTuningTexts(m_inputs, progress);
        if (!texts) return texts;
        if (auto written = writeTuningTexts(m_session.folder(), m_inputs.format, *texts); !written) return fail(written.error());
        return texts;
    }

    Expected<void> tellTexts(const std::vector<TuningText>& texts) {
        std::string text = kTextsNote;
        for (const auto& [what, count] : tuningCounts(texts)) text += " " + std::to_string(count) + " " + what + ",";
        text.back() = '.';
        return m_session.note(text + " Answers to malicious prompts are learned only where judge " + m_inputs.spec.judge +
                              " calls them refusals.");
    }

    Expected<void> begin(const std::vector<TuningText>& texts) {
        const DecoderConfig& config = m_inputs.checkpoint->config();
        const bool adapter = m_inputs.spec.method == "qlora";
        m_tuner = adapter ? Tuner::adapterOnNormalFloats(m_inputs.checkpoint, m_spec.options)
                          : Tuner::latentWeights(m_inputs.checkpoint, m_spec.options);
        for (int block = 0; block < blockCount(); ++block) {
            if (m_session.stop().stop_requested()) return fail(cancelledError());
            auto weights = loadBlock(*m_inputs.checkpoint, block);
            if (!weights) return fail(weights.error());
            m_tuner->add(std::move(*weights), planOfBlock(m_inputs.plan, block));
        }
        auto samples = adapter ? answerSamples(config, texts) : wholeSamples(config, texts);
        if (samples.empty())
            return fail(ErrorKind::BadInput, "No prompt of the calibration has an answer that may be learned; its note says why.",
                        "calibration");
        if (auto begun = m_tuner->begin(std::move(samples), Progress{m_session.stop(), {}}); !begun) return begun;
        if (!fs::exists(statePath())) return {};
        if (auto restored = m_tuner->restore(statePath()); !restored) return restored;
        m_session.schedule().setFound("tune", unitsAsked() + unitsOfSteps(m_tuner->done()));
        return {};
    }

    Expected<void> tune() {
        const int steps = m_spec.options.steps;
        std::vector<nlohmann::json> lines;
        auto file = JsonLines::open(stepsPath(), lines);
        if (!file) return fail(file.error());
        while (m_tuner->done() < steps) {
            const auto start = std::chrono::steady_clock::now();
            const auto step = m_tuner->step(m_session.stop());
            if (!step) {
                if (step.error().kind == ErrorKind::Cancelled)
                    if (auto saved = m_tuner->save(statePath()); !saved) return saved;
                return fail(step.error());
            }
            const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            // A step that came before a kill and is not in the state comes again, the same to the bit.
            if (auto kept = file->append({{"step", step->step},
                                          {"loss", step->loss},
                                          {"divergence", step->divergence},
                                          {"targets", step->targets},
                                          {"learning_rate", step->learningRate},
                                          {"gradient_norm", step->gradientNorm},
                                          {"seconds", seconds}});
                !kept)
                return kept;
            if (auto told = advance(unitsAsked() + unitsOfSteps(step->step)); !told) return told;
            if (step->step % kKeepEvery == 0 || step->step == steps)
                if (auto saved = m_tuner->save(statePath()); !saved) return saved;
            if (step->step % kTellEvery == 0 || step->step == steps)
                if (auto said = say(*step); !said) return said;
        }
        return {};
    }

    Expected<void> say(const TuningStep& step) {
        std::string text =
            "Tuning, step " + std::to_string(step.step) + " of " + std::to_string(m_spec.options.steps) + ": loss " + shortText(step.loss);
        if (step.divergence != step.loss) text += ", of which " + shortText(step.divergence) + " from the full-precision model";
        return m_session.say("info", text + ", nats a token.");
    }

    Expected<void> write() {
        for (int block = 0; block < blockCount(); ++block)
            if (auto written = writeCodedBlock(m_session.folder(), m_inputs.checkpoint->config(), m_tuner->tuned(block)); !written)
                return written;
        m_session.manifest().json()["tuning"] = {{"steps", m_spec.options.steps}, {"samples", m_spec.learned()}};
        if (auto saved = m_session.manifest().save(); !saved) return saved;
        std::error_code ignored;
        fs::remove(statePath(), ignored);
        return {};
    }

    Session& m_session;
    const RunInputs& m_inputs;
    const TuningSpec& m_spec;
    std::unique_ptr<Tuner> m_tuner;
};

}  // namespace

Expected<void> runTuneStage(Session& session) {
    auto& schedule = session.schedule();
    const auto total = schedule.progress("tune").total;
    // The manifest is told last.
    if (session.manifest().json().contains("tuning")) {
        std::error_code ignored;
        fs::remove(session.folder() + "/tuning/state.safetensors", ignored);
        schedule.setFound("tune", total);
        return session.tellProgress("tune");
    }
    schedule.begin("tune");
    if (auto tuned = Tuning(session).run(); !tuned) return tuned;
    schedule.advance("tune", total);
    schedule.end("tune");
    if (auto told = session.tellProgress("tune"); !told) return told;
    return session.keepTiming("tune");
}

}  // namespace safequant
