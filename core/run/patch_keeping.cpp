// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include "core/patch/kept_block.h"
#include "core/run/coded_blocks.h"
#include "core/run/patch_parts.h"

namespace safequant {
namespace {

class PatchKeeping {
public:
    PatchKeeping(Session& session, const std::string& unpatched)
        : m_session(session), m_inputs(session.inputs()), m_spec(*session.inputs().spec.patch), m_unpatched(unpatched) {}

    Expected<void> run(const std::vector<AnswerPair>& pairs) {
        auto choice = this->choice(pairs);
        if (!choice) return fail(choice.error());
        return write(*choice);
    }

private:
    Expected<WeightChoice> choice(const std::vector<AnswerPair>& pairs) {
        std::vector<ScoredSample> samples;
        if (m_spec.takesAnswers()) {
            auto scored = scoredSamples(m_inputs, pairs);
            if (!scored) return fail(scored.error());
            samples = std::move(*scored);
        }
        for (const ScoredSample& sample : samples) (sample.refusal ? m_refusals : m_general) += 1;
        const std::string path = patchChoicePath(m_session.folder());
        if (std::filesystem::exists(path)) return readWeightChoice(path, m_inputs.checkpoint->config(), m_inputs.plan);
        const auto asked = static_cast<std::uint64_t>(m_spec.asked()), scored = static_cast<std::uint64_t>(m_spec.scored());
        const Progress progress{m_session.stop(), [&](std::uint64_t done, std::uint64_t total) {
                                    m_session.schedule().advance("patch", asked + scored * done / total);
                                    // A progress event that cannot be written shows again, and is reported, at the end.
                                    (void)m_session.tellProgress("patch");
                                }};
        auto choice = chooseCriticalWeights(m_inputs.checkpoint, m_inputs.plan, samples, m_spec.options, progress);
        if (!choice) return choice;
        if (auto written = writeWeightChoice(path, *choice); !written) return fail(written.error());
        return choice;
    }

    Expected<void> write(const WeightChoice& choice) {
        const DecoderConfig& config = m_inputs.checkpoint->config();
        std::uint64_t weights = 0, kept = 0;
        double bits = 0.0;
        nlohmann::json linears = nlohmann::json::object();
        protocol::PatchProgress news;
        news.finished = true;
        for (int block = 0; block < config.blocks; ++block) {
            if (m_session.stop().stop_requested()) return fail(cancelledError());
            const auto original = loadBlock(*m_inputs.checkpoint, block);
            if (!original) return fail(original.error());
            auto coded = readCodedBlock(m_unpatched, config, planOfBlock(m_inputs.plan, block), block);
            if (!coded) return fail(coded.error());
            const KeptBlock made = keepWeights(config, *original, std::move(*coded), choice, m_inputs.spec.movesScales());
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                const QuantizedLinear& linear = made.block.linears[i];
                if (linear.onGrid()) continue;
                weights += linear.values.size();
                kept += made.kept[i];
                bits += linear.bitsPerWeight() * static_cast<double>(linear.values.size());
                const std::string name = linearName(block, static_cast<LinearRole>(i));
                linears[name] = {{"weights", linear.values.size()}, {"kept", made.kept[i]}, {"bits", linear.bitsPerWeight()}};
                news.linears.push_back({name, block, linear.values.size(), 0, 0, made.kept[i], linear.bitsPerWeight()});
            }
            if (auto written = writeCodedBlock(m_session.folder(), config, made.block); !written) return written;
        }
        if (weights == 0) return fail(ErrorKind::BadInput, "No linear is quantized, so there is nothing to patch.", "quantization");
        bits /= static_cast<double>(weights);
        m_session.manifest().json()["patch"] = {
            {"weights", weights},           {"kept", kept}, {"bits", bits}, {"refusals_scored", m_refusals}, {"others_scored", m_general},
            {"linears", std::move(linears)}};
        if (auto told = m_session.tellPatch(std::move(news)); !told) return told;
        return m_session.note(patchTitle(m_spec.method) + " keeps " + std::to_string(kept) + " of " + std::to_string(weights) +
                              " weights (" + patchNumber(100.0 * static_cast<double>(kept) / static_cast<double>(weights)) +
                              "%) in 16 bits, chosen by " + chosenBy() +
                              "; with the codes of the others, their scales, and what says which are kept that is " + patchNumber(bits) +
                              " bits a weight. Such weights are on no integer grid: the model is exported as bfloat16 values only.");
    }

    std::string chosenBy() const {
        switch (m_spec.options.mask) {
            case PatchMask::SafeScore:
                return "SafeScore on " + std::to_string(m_refusals) + " refusals";
            case PatchMask::Protection:
                return "protection score on " + std::to_string(m_refusals) + " refusals and " + std::to_string(m_general) +
                       " benign answers and texts";
            case PatchMask::Random:
            case PatchMask::All:
                break;
        }
        return "the seed alone, a control";
    }

    Session& m_session;
    const RunInputs& m_inputs;
    const PatchSpec& m_spec;
    std::string m_unpatched;
    int m_refusals = 0, m_general = 0;  // Scored.
};

}  // namespace

std::string patchChoicePath(const std::string& folder) { return folder + "/patch/choice.safetensors"; }

Expected<void> keepPatch(Session& session, const std::string& unpatched, const std::vector<AnswerPair>& pairs) {
    return PatchKeeping(session, unpatched).run(pairs);
}

}  // namespace safequant
