// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <filesystem>

#include "core/base/grid_bits.h"
#include "core/quantize/method.h"
#include "core/run/base_reuse.h"
#include "core/run/calibrated_blocks.h"
#include "core/run/coded_blocks.h"
#include "core/run/learned_blocks.h"
#include "core/run/patch_parts.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

/// Fewer than one malicious prompt in so many that makes a pair is few.
constexpr int kFewPairs = 5;

/// Patches the quantized model of a run: its blocks as the quantizer made them lie in unpatched/, answers and steps in patch/, and the
/// blocks that everything after reads appear in blocks/ at the end.
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
        return m_spec.kind == PatchKind::Keep ? keepPatch(m_session, m_unpatched, *pairs) : learnPatch(m_session, m_unpatched, *pairs);
    }

private:
    int blockCount() const { return m_inputs.checkpoint->config().blocks; }

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
        if (!m_spec.takesAnswers()) return std::vector<AnswerPair>();
        auto kept = readAnswerPairs(m_session.folder());
        if (kept || kept.error().kind != ErrorKind::NotFound) return kept;
        const BlockSource quantized = [&](int block) -> Expected<BlockWeights> {
            auto coded = readCodedBlock(m_unpatched, m_inputs.checkpoint->config(), planOfBlock(m_inputs.plan, block), block);
            if (!coded) return fail(coded.error());
            return std::move(coded->weights);
        };
        const Progress progress{m_session.stop(), [&](std::uint64_t done, std::uint64_t) {
                                    // A progress event that cannot be written shows again, and is reported, at the next step.
                                    m_session.schedule().advance("patch", std::min(done, static_cast<std::uint64_t>(m_spec.asked())));
                                    (void)m_session.tellProgress("patch");
                                }};
        const auto known = reuseChosenAnswers(m_session);
        if (!known) return fail(known.error());
        auto pairs = makeAnswerPairs(m_inputs, quantized, *known, progress);
        if (!pairs) return pairs;
        if (auto written = writeAnswerPairs(m_session.folder(), *pairs); !written) return fail(written.error());
        const auto taken = std::ranges::count_if(*pairs, [&](const AnswerPair& pair) { return known->contains(pair.id); });
        if (taken > 0) m_session.manifest().json()["reused"]["right answers"] = taken;
        if (auto saved = keepChosenAnswers(m_session); !saved) return fail(saved.error());
        if (taken == 0) return pairs;
        if (auto said = m_session.say("info", std::to_string(taken) + " of " + std::to_string(pairs->size()) +
                                                  " right answers are taken over from other runs: same models, prompts and length."); !said)
            return fail(said.error());
        return pairs;
    }

    Expected<void> tellPairs(const std::vector<AnswerPair>& pairs) {
        protocol::PatchProgress news;
        news.method = m_spec.method;
        news.kind = patchKindName(m_spec.kind);
        news.plannedSteps = m_spec.kind == PatchKind::Keep ? 0 : m_spec.options.steps;
        news.pairs = pairCountsByLabel(pairs);
        if (auto told = m_session.tellPatch(std::move(news)); !told) return told;
        if (pairs.empty()) return {};
        std::string text = m_spec.kind == PatchKind::Pairs ? kPairsNote : kAnswersNote;
        const std::string leftOut = m_spec.kind == PatchKind::Align ? " left off their prompts (" : " left out (";
        for (const auto& [what, count] : pairCounts(pairs))
            text += " " + std::to_string(count) +
                    (what == "used"         ? std::string(" used,")
                     : what == "used alone" ? std::string(" with the chosen answer alone (both models refuse),")
                                            : leftOut + what + "),");
        text.back() = '.';
        if (auto noted = m_session.note(text); !noted) return noted;
        return tellFewMalicious(pairs);
    }

    /// A quantized model that refuses as the one before it did gives few malicious pairs, and a patch then learns from the others.
    Expected<void> tellFewMalicious(const std::vector<AnswerPair>& pairs) {
        if (m_spec.kind != PatchKind::Pairs) return {};
        int asked = 0, used = 0, others = 0;
        for (const AnswerPair& pair : pairs) {
            const bool malicious = pair.label == "malicious";
            asked += malicious ? 1 : 0;
            used += malicious && pair.leftOut.empty() ? 1 : 0;
            others += !malicious && pair.leftOut.empty() ? 1 : 0;
        }
        if (kFewPairs * used >= asked || others <= used) return {};
        return m_session.note("Only " + std::to_string(used) + " of " + std::to_string(asked) +
                              " malicious prompts give a pair, beside " + std::to_string(others) +
                              " harmless ones: there is little for this patch to repair, and learned from harmless prompts it may take refusals away. Compare the "
                              "harmful score before and after.");
    }

    Session& m_session;
    const RunInputs& m_inputs;
    const PatchSpec& m_spec;
    std::string m_unpatched;
};

void removeWork(const std::string& folder) {
    std::error_code ignored;
    for (const std::string& path : {patchStatePath(folder), patchReferencePath(folder), patchChoicePath(folder)}) fs::remove(path, ignored);
    fs::remove_all(folder + "/unpatched", ignored);
}

/// The plan's sizes are of codes alone.
void tellSize(Session& session) {
    auto& manifest = session.manifest().json();
    const RunInputs& inputs = session.inputs();
    if (inputs.spec.patch->kind != PatchKind::Keep || exportFormatName(inputs.spec.exporting.format) == "bf16") return;
    double bytes = manifest["model_bytes"].value("quantized", 0.0);
    for (const LinearPlan& linear : inputs.plan) {
        if (!linear.quantized()) continue;
        const auto& entry = manifest["patch"]["linears"][linear.name];
        const int columns = linearShape(inputs.checkpoint->config(), linear.role).second;
        const double planned = gridBitsPerWeight(linear.actual.weightBits, linear.actual.symmetric, linear.actual.groupSize > 0 ? linear.actual.groupSize : columns);
        bytes += entry.value("weights", 0.0) * (entry.value("bits", planned) - planned) / 8.0;
    }
    manifest["model_bytes"]["quantized"] = static_cast<std::uint64_t>(bytes);
}

}  // namespace

Expected<void> runPatchStage(Session& session) {
    auto& schedule = session.schedule();
    const auto total = schedule.progress("patch").total;
    // The manifest is told last.
    if (session.manifest().json().contains("patch")) {
        removeWork(session.folder());
        tellSize(session);
        schedule.setFound("patch", total);
        return session.tellProgress("patch");
    }
    schedule.begin("patch");
    if (auto patched = Patching(session).run(); !patched) return patched;
    tellSize(session);
    if (auto saved = session.manifest().save(); !saved) return saved;
    removeWork(session.folder());
    schedule.advance("patch", total);
    schedule.end("patch");
    if (auto told = session.tellProgress("patch"); !told) return told;
    return session.keepTiming("patch");
}

}  // namespace safequant
