// SPDX-License-Identifier: GPL-3.0-or-later
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "core/base/files.h"
#include "core/patch/patcher.h"
#include "core/run/coded_blocks.h"
#include "core/run/event_log.h"
#include "core/run/patch_parts.h"
#include "core/run/patch_watch.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

class PatchLearning {
public:
    PatchLearning(Session& session, const std::string& unpatched)
        : m_session(session), m_inputs(session.inputs()), m_spec(*session.inputs().spec.patch), m_unpatched(unpatched) {}

    Expected<void> run(const std::vector<AnswerPair>& pairs) {
        if (auto begun = begin(pairs); !begun) return begun;
        m_watch.emplace(m_session, *m_patcher);
        if (auto looked = m_watch->lookBefore(); !looked) return looked;
        if (auto trained = train(); !trained) return trained;
        return write();
    }

private:
    int blockCount() const { return m_inputs.checkpoint->config().blocks; }
    std::string statePath() const { return patchStatePath(m_session.folder()); }
    std::string stepsPath() const { return m_session.folder() + "/patch/steps.jsonl"; }
    /// An answer asked for is a unit of work, and so is what is learned from.
    std::uint64_t unitsAsked() const { return static_cast<std::uint64_t>(m_spec.asked()); }
    std::uint64_t unitsOfSteps(int steps) const {
        return static_cast<std::uint64_t>(steps) * static_cast<std::uint64_t>(m_spec.options.batch);
    }
    Expected<void> advance(std::uint64_t done) {
        m_session.schedule().advance("patch", done);
        return m_session.tellProgress("patch");
    }

    nlohmann::json lineOf(const PatchStep& step, double seconds) const {
        nlohmann::json line{{"step", step.step},
                            {"loss", step.loss},
                            {"learning_rate", step.learningRate},
                            {"gradient_norm", step.gradientNorm},
                            {"identified", step.identified},
                            {"seconds", seconds}};
        if (m_spec.kind == PatchKind::Align)
            line.update({{"aligned", step.aligned}, {"pretrained", step.pretrained}, {"limited", step.limited}});
        else
            line.update({{"margin", step.margin}, {"preferred", step.preferred}, {"chosen_loss", step.chosenLoss}});
        return line;
    }

    std::string told(const PatchStep& step) const {
        const std::string loss = "loss " + patchNumber(step.loss) + ", ";
        if (m_spec.kind == PatchKind::Align)
            return loss + patchNumber(step.aligned) + " nats a token from the aligned model, " + patchNumber(step.pretrained) +
                   " from the pretrained one" + (step.limited ? ", at its limit." : ".");
        return loss + (step.preferred < 0.0 ? "chosen answers " + patchNumber(step.chosenLoss) + " nats a token."
                                            : "margin " + patchNumber(step.margin) + " nats, " + patchNumber(100.0 * step.preferred) + "% preferred.");
    }

    Expected<void> begin(const std::vector<AnswerPair>& pairs) {
        m_patcher = Patcher::create(m_inputs.checkpoint, m_spec.options, m_inputs.spec.movesScales());
        for (int block = 0; block < blockCount(); ++block) {
            if (m_session.stop().stop_requested()) return fail(cancelledError());
            const auto original = loadBlock(*m_inputs.checkpoint, block);
            if (!original) return fail(original.error());
            auto coded = readCodedBlock(m_unpatched, m_inputs.checkpoint->config(), planOfBlock(m_inputs.plan, block), block);
            if (!coded) return fail(coded.error());
            m_patcher->add(*original, std::move(*coded));
        }
        if (auto begun = m_spec.kind == PatchKind::Align ? beginAlignment(pairs) : beginPairs(pairs); !begun) return begun;
        return fs::exists(statePath()) ? m_patcher->restore(statePath()) : Expected<void>{};
    }

    Expected<void> beginPairs(const std::vector<AnswerPair>& pairs) {
        auto learned = preferencePairs(m_inputs, pairs);
        if (!learned) return fail(learned.error());
        return m_patcher->begin(std::move(*learned), patchReferencePath(m_session.folder()), Progress{m_session.stop(), {}});
    }

    Expected<void> beginAlignment(const std::vector<AnswerPair>& pairs) {
        auto samples = alignmentSamples(m_inputs, pairs);
        if (!samples) return fail(samples.error());
        const AlignmentTeachers teachers{m_inputs.checkpoint, m_inputs.aligned, m_inputs.pretrained};
        return m_patcher->begin(std::move(*samples), teachers, patchReferencePath(m_session.folder()), Progress{m_session.stop(), {}});
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
            if (auto kept = file->append(lineOf(*step, seconds)); !kept) return kept;
            if (auto told = m_watch->tellStep(*step, seconds); !told) return told;
            if (auto told = advance(unitsAsked() + unitsOfSteps(step->step)); !told) return told;
            if (step->step % kPatchLookEvery == 0 || step->step == steps) {
                if (auto saved = m_patcher->save(statePath()); !saved) return saved;
                if (auto looked = m_watch->look(); !looked) return looked;
                if (auto said = m_session.say(
                        "info", "Patch, step " + std::to_string(step->step) + " of " + std::to_string(steps) + ": " + told(*step));
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
        protocol::PatchProgress news;
        news.finished = true;
        for (int block = 0; block < blockCount(); ++block) {
            const auto original = loadBlock(*m_inputs.checkpoint, block);
            if (!original) return fail(original.error());
            const PatchedBlock patched = m_patcher->patched(block, *original);
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                if (patched.block.linears[i].codes.empty()) continue;
                codes += patched.block.linears[i].codes.size();
                open += patched.open[i];
                changed += patched.changed[i];
                const std::string name = linearName(block, static_cast<LinearRole>(i));
                linears[name] = {{"codes", patched.block.linears[i].codes.size()}, {"may_change", patched.open[i]}, {"changed", patched.changed[i]}};
                news.linears.push_back({name, block, patched.block.linears[i].codes.size(), patched.open[i], patched.changed[i]});
            }
            if (auto written = writeCodedBlock(m_session.folder(), m_inputs.checkpoint->config(), patched.block); !written) return written;
        }
        if (changed == 0)
            return fail(ErrorKind::Failed, "The patch changed no code of the quantized model; take more steps, or a larger learning rate.",
                        m_session.folder());
        manifest["patch"] = {{"codes", codes}, {"may_change", open}, {"changed", changed}, {"linears", std::move(linears)}};
        if (auto noted = m_session.note(patchTitle(m_spec.method) + " changed " + std::to_string(changed) + " of " + std::to_string(codes) +
                                        " codes (" + patchNumber(100.0 * static_cast<double>(changed) / static_cast<double>(codes)) +
                                        "%); scales and zero points are the quantizer's.");
            !noted)
            return noted;
        return m_session.tellPatch(std::move(news));
    }

    Session& m_session;
    const RunInputs& m_inputs;
    const PatchSpec& m_spec;
    std::string m_unpatched;
    std::unique_ptr<Patcher> m_patcher;
    std::optional<PatchWatch> m_watch;
};

}  // namespace

std::string patchStatePath(const std::string& folder) { return folder + "/patch/state.safetensors"; }
std::string patchReferencePath(const std::string& folder) { return folder + "/patch/reference.safetensors"; }

std::string patchNumber(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", value);
    return text;
}

Expected<void> learnPatch(Session& session, const std::string& unpatched, const std::vector<AnswerPair>& pairs) {
    return PatchLearning(session, unpatched).run(pairs);
}

}  // namespace safequant
