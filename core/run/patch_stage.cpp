// SPDX-License-Identifier: GPL-3.0-or-later
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "core/base/files.h"
#include "core/patch/patcher.h"
#include "core/quantize/method.h"
#include "core/run/calibrated_blocks.h"
#include "core/run/coded_blocks.h"
#include "core/run/learned_blocks.h"
#include "core/run/preference_pairs.h"
#include "core/run/session.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

/// Steps between states that a killed patch goes on from.
constexpr int kSaveEvery = 10;

std::string shortNumber(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", value);
    return text;
}

/// Patches the quantized model of a run: its blocks as the quantizer made them lie in unpatched/, pairs and steps in patch/, and the blocks that
/// everything after reads appear in blocks/ at the end.
class Patching {
public:
    explicit Patching(Session& session)
        : m_session(session), m_inputs(session.inputs()), m_spec(*session.inputs().spec.patch), m_unpatched(session.folder() + "/unpatched") {}

    Expected<void> run() {
        std::error_code code;
        for (const char* folder : {"/unpatched/blocks", "/patch", "/blocks"}) fs::create_directories(m_session.folder() + folder, code);
        if (code) return fail(ErrorKind::Io, "The folders of the patch cannot be made: " + code.message() + ".", m_session.folder());
        if (auto made = quantize(); !made) return made;
        auto pairs = this->pairs();
        if (!pairs) return fail(pairs.error());
        if (auto told = tellPairs(*pairs); !told) return told;
        auto learned = preferencePairs(m_inputs, *pairs);
        if (!learned) return fail(learned.error());
        if (auto begun = begin(std::move(*learned)); !begun) return begun;
        if (auto trained = train(); !trained) return trained;
        return write();
    }

private:
    int blockCount() const { return m_inputs.checkpoint->config().blocks; }
    std::string statePath() const { return m_session.folder() + "/patch/state.safetensors"; }
    std::string stepsPath() const { return m_session.folder() + "/patch/steps.jsonl"; }
    /// An answer asked for is a unit of work, and so is a pair learned from.
    std::uint64_t unitsAsked() const { return static_cast<std::uint64_t>(m_spec.asked()); }
    std::uint64_t unitsOfSteps(int steps) const { return static_cast<std::uint64_t>(steps) * static_cast<std::uint64_t>(m_spec.options.batch); }
    Expected<void> advance(std::uint64_t done) {
        m_session.schedule().advance("patch", done);
        return m_session.tellProgress("patch");
    }

    /// Codes of the quantizer itself.
    Expected<void> quantize() {
        const auto method = findQuantizationMethod(m_inputs.spec.method);
        if (!method) return fail(method.error());
        LearnedBlocks learned(m_session, m_unpatched);
        CalibratedBlocks calibrated(m_session, *method, m_unpatched);
        for (int block = 0; block < blockCount(); ++block) {
            if (m_session.stop().stop_requested()) return fail(cancelledError());
            Expected<void> made;
            if (!(*method)->keepsBlocks())
                made = round(block);
            else
                made = (*method)->learned() ? learned.require(block) : calibrated.require(block);
            if (!made) return made;
        }
        return {};
    }

    Expected<void> round(int block) {
        if (hasCodedBlock(m_unpatched, block)) return {};
        auto weights = loadBlock(*m_inputs.checkpoint, block);
        if (!weights) return fail(weights.error());
        return writeCodedBlock(m_unpatched, m_inputs.checkpoint->config(), roundedBlock(std::move(*weights), planOfBlock(m_inputs.plan, block)));
    }

    Expected<std::vector<AnswerPair>> pairs() {
        auto kept = readAnswerPairs(m_session.folder());
        if (kept || kept.error().kind != ErrorKind::NotFound) return kept;
        const BlockSource quantized = [&](int block) -> Expected<BlockWeights> {
            auto coded = readCodedBlock(m_unpatched, m_inputs.checkpoint->config(), planOfBlock(m_inputs.plan, block), block);
            if (!coded) return fail(coded.error());
            return std::move(coded->weights);
        };
        const Progress progress{m_session.stop(), [&](std::uint64_t done, std::uint64_t) {
                                    // A progress event that cannot be written shows again, and is reported, at the next step.
                                    (void)advance(std::min(done, unitsAsked()));
                                }};
        auto pairs = makeAnswerPairs(m_inputs, quantized, progress);
        if (!pairs) return pairs;
        if (auto written = writeAnswerPairs(m_session.folder(), *pairs); !written) return fail(written.error());
        return pairs;
    }

    Expected<void> tellPairs(const std::vector<AnswerPair>& pairs) {
        std::string text = kPairsNote;
        for (const auto& [what, count] : pairCounts(pairs)) text += " " + std::to_string(count) + " " + (what == "used" ? "used," : "left out (" + what + "),");
        text.back() = '.';
        return m_session.note(text);
    }

    Expected<void> begin(std::vector<PreferencePair> pairs) {
        m_patcher = Patcher::create(m_inputs.checkpoint, m_spec.options, m_inputs.spec.movesScales());
        for (int block = 0; block < blockCount(); ++block) {
            if (m_session.stop().stop_requested()) return fail(cancelledError());
            const auto original = loadBlock(*m_inputs.checkpoint, block);
            if (!original) return fail(original.error());
            auto coded = readCodedBlock(m_unpatched, m_inputs.checkpoint->config(), planOfBlock(m_inputs.plan, block), block);
            if (!coded) return fail(coded.error());
            m_patcher->add(*original, std::move(*coded));
        }
        if (auto begun = m_patcher->begin(std::move(pairs), Progress{m_session.stop(), {}}); !begun) return begun;
        return fs::exists(statePath()) ? m_patcher->restore(statePath()) : Expected<void>{};
    }

    Expected<void> train() {
        const int steps = m_spec.options.steps;
        std::vector<nlohmann::json> lines;
        auto file = JsonLines::open(stepsPath(), lines);
        if (!file) return fail(file.error());
        while (m_patcher->done() < steps) {
            const auto start = std::chrono::steady_clock::now();
            const auto step = m_patcher->step(m_session.stop());
            if (!step) {
                if (step.error().kind == ErrorKind::Cancelled)
                    if (auto saved = m_patcher->save(statePath()); !saved) return saved;
                return fail(step.error());
            }
            const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            // A step that came before a kill and is not in the state comes again, the same to the bit.
            if (auto kept = file->append({{"step", step->step},
                                          {"loss", step->loss},
                                          {"margin", step->margin},
                                          {"preferred", step->preferred},
                                          {"chosen_loss", step->chosenLoss},
                                          {"learning_rate", step->learningRate},
                                          {"gradient_norm", step->gradientNorm},
                                          {"identified", step->identified},
                                          {"seconds", seconds}});
                !kept)
                return kept;
            if (auto told = advance(unitsAsked() + unitsOfSteps(step->step)); !told) return told;
            if (step->step % kSaveEvery == 0 || step->step == steps) {
                if (auto saved = m_patcher->save(statePath()); !saved) return saved;
                if (auto said = m_session.say("info", "Patch, step " + std::to_string(step->step) + " of " + std::to_string(steps) + ": loss " +
                                                          shortNumber(step->loss) + ", margin " + shortNumber(step->margin) + " nats, " +
                                                          shortNumber(100.0 * step->preferred) + "% preferred.");
                    !said)
                    return said;
            }
        }
        return {};
    }

    Expected<void> write() {
        std::uint64_t changed = 0, codes = 0, open = 0;
        auto& manifest = m_session.manifest().json();
        nlohmann::json linears = nlohmann::json::object();
        for (int block = 0; block < blockCount(); ++block) {
            const auto original = loadBlock(*m_inputs.checkpoint, block);
            if (!original) return fail(original.error());
            const PatchedBlock patched = m_patcher->patched(block, *original);
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                if (patched.block.linears[i].codes.empty()) continue;
                codes += patched.block.linears[i].codes.size();
                open += patched.open[i];
                changed += patched.changed[i];
                linears[linearName(block, static_cast<LinearRole>(i))] = {{"may_change", patched.open[i]}, {"changed", patched.changed[i]}};
            }
            if (auto written = writeCodedBlock(m_session.folder(), m_inputs.checkpoint->config(), patched.block); !written) return written;
        }
        if (changed == 0)
            return fail(ErrorKind::Failed, "The patch changed no code of the quantized model; take more steps, or a larger learning rate.", m_session.folder());
        manifest["patch"] = {{"codes", codes}, {"may_change", open}, {"changed", changed}, {"linears", std::move(linears)}};
        if (auto noted = m_session.note(patchTitle(m_spec.method) + " changed " + std::to_string(changed) + " of " + std::to_string(codes) + " codes (" +
                                        shortNumber(100.0 * static_cast<double>(changed) / static_cast<double>(codes)) + "%); scales and zero points are the quantizer's.");
            !noted)
            return noted;
        if (auto saved = m_session.manifest().save(); !saved) return saved;
        std::error_code ignored;
        fs::remove(statePath(), ignored);
        fs::remove_all(m_unpatched, ignored);
        return {};
    }

    Session& m_session;
    const RunInputs& m_inputs;
    const PatchSpec& m_spec;
    std::string m_unpatched;
    std::unique_ptr<Patcher> m_patcher;
};

}  // namespace

Expected<void> runPatchStage(Session& session) {
    auto& schedule = session.schedule();
    const auto total = schedule.progress("patch").total;
    // The manifest is told last.
    if (session.manifest().json().contains("patch")) {
        std::error_code ignored;
        fs::remove(session.folder() + "/patch/state.safetensors", ignored);
        fs::remove_all(session.folder() + "/unpatched", ignored);
        schedule.setFound("patch", total);
        return session.tellProgress("patch");
    }
    schedule.begin("patch");
    if (auto patched = Patching(session).run(); !patched) return patched;
    schedule.advance("patch", total);
    schedule.end("patch");
    if (auto told = session.tellProgress("patch"); !told) return told;
    return session.keepTiming("patch");
}

}  // namespace safequant
