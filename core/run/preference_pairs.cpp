// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/preference_pairs.h"

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/evaluate/judge_refusal_22.h"
#include "core/model/generation.h"
#include "core/run/event_log.h"
#include "core/training/training_sample.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

bool isMalicious(const AnswerPair& pair) { return pair.label == promptLabelName(PromptLabel::Malicious); }

bool isBlank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

void judgePair(AnswerPair& pair, const PatchSpec& patch) {
    const Refusal22 refusal;
    // Otherwise there is no rejected answer to compare with.
    const bool two = patch.kind == PatchKind::Pairs;
    const bool right = isMalicious(pair) == refusal.refused(pair.chosen);
    const bool bothRefuse = two && right && isMalicious(pair) && refusal.refused(pair.rejected);
    if (isBlank(pair.chosen) || (two && isBlank(pair.rejected)))
        pair.leftOut = "an answer is empty";
    else if (bothRefuse && patch.keepsRefusals())
        pair.alone = true;
    else if (two && pair.chosen == pair.rejected)
        pair.leftOut = "both answers are the same";
    else if (!right)
        pair.leftOut = isMalicious(pair) ? "the chosen answer is no refusal" : "the chosen answer refuses a benign prompt";
    else if (bothRefuse)
        pair.leftOut = "the quantized model refuses as well";
}

class Asking {
public:
    Asking(const RunInputs& inputs, const BlockSource& quantized, const std::map<std::string, ChosenAnswer>& known, const Progress& progress)
        : m_inputs(inputs), m_quantized(quantized), m_known(known), m_progress(progress) {}

    Expected<std::vector<AnswerPair>> all() {
        const PatchSpec& patch = *m_inputs.spec.patch;
        draw(PromptLabel::Malicious, patch.malicious);
        draw(PromptLabel::Benign, patch.benign);
        draw(PromptLabel::HardBenign, patch.hardBenign);
        if (m_pairs.empty()) return fail(ErrorKind::BadInput, "The calibration split has no prompts that the models could answer.", "quantization.patch");
        const bool aligned = m_inputs.aligned != nullptr;
        const auto before = [&](const AnswerPair& pair) { return !aligned || !isMalicious(pair); };
        const bool single = patch.kind != PatchKind::Pairs;
        m_total = (single ? 1 : 2) * m_pairs.size();
        if (auto asked = ask(m_inputs.base, checkpointBlocks(m_inputs.base), before, true); !asked) return fail(asked.error());
        if (aligned)
            if (auto asked = ask(m_inputs.aligned, checkpointBlocks(m_inputs.aligned), isMalicious, true); !asked) return fail(asked.error());
        if (single) return std::move(m_pairs);
        if (auto asked = ask(m_inputs.checkpoint, m_quantized, [](const AnswerPair&) { return true; }, false); !asked) return fail(asked.error());
        return std::move(m_pairs);
    }

private:
    void draw(PromptLabel label, int count) {
        auto candidates = m_inputs.prompts.indices(label, PromptSplit::Calibration);
        RandomStream(m_inputs.spec.seed, std::string("patch, ") + promptLabelName(label)).shuffle(candidates);
        candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(count)));
        for (const std::size_t index : candidates) {
            const Prompt& prompt = m_inputs.prompts.prompts[index];
            m_pairs.push_back({prompt.id, prompt.text, promptLabelName(label)});
        }
    }

    template <typename Which>
    Expected<void> ask(const std::shared_ptr<const Checkpoint>& checkpoint, const BlockSource& blocks, const Which& which, bool chosen) {
        std::vector<AnswerPair*> asked;
        std::vector<std::vector<std::int32_t>> prompts;
        for (AnswerPair& pair : m_pairs) {
            if (!which(pair)) continue;
            if (const auto known = m_known.find(pair.id); chosen && known != m_known.end()) {
                pair.chosen = known->second.text;
                pair.chosenEnded = known->second.ended;
                m_progress(++m_done, m_total);
                continue;
            }
            auto ids = m_inputs.format.encodePrompt(pair.prompt);
            if (!ids) return fail(ids.error().kind, ids.error().message, "prompt " + pair.id);
            asked.push_back(&pair);
            prompts.push_back(std::move(*ids));
        }
        if (asked.empty()) return {};
        const auto model = LanguageModel::load(checkpoint, blocks, Progress{m_progress.stop, {}});
        if (!model) return fail(model.error());
        DecodingOptions decoding;
        decoding.maxNewTokens = m_inputs.spec.patch->answerTokens;
        const auto answers = (*model)->generate(
            prompts, decoding, {}, Progress{m_progress.stop, [&](std::uint64_t done, std::uint64_t) { m_progress(m_done + done, m_total); }});
        if (!answers) return fail(answers.error());
        m_done += asked.size();
        for (std::size_t i = 0; i < asked.size(); ++i) {
            const GeneratedAnswer& answer = (*answers)[i];
            (chosen ? asked[i]->chosen : asked[i]->rejected) = m_inputs.format.tokenizer->decode(answer.tokens, true);
            (chosen ? asked[i]->chosenEnded : asked[i]->rejectedEnded) = answer.ended;
        }
        return {};
    }

    const RunInputs& m_inputs;
    const BlockSource& m_quantized;
    const std::map<std::string, ChosenAnswer>& m_known;
    const Progress& m_progress;
    std::vector<AnswerPair> m_pairs;
    std::uint64_t m_done = 0, m_total = 0;
};

Expected<std::vector<AnswerPair>> importPairs(const std::string& path, bool single) {
    const auto lines = readJsonLines(path);
    if (!lines) return fail(lines.error());
    std::vector<AnswerPair> pairs;
    for (std::size_t i = 0; i < lines->size(); ++i) {
        const auto& line = (*lines)[i];
        AnswerPair pair;
        pair.id = "pair-" + std::to_string(i + 1);
        pair.label = promptLabelName(PromptLabel::Malicious);
        for (const auto& [name, target] : {std::pair{"prompt", &pair.prompt}, {"chosen", &pair.chosen}, {"rejected", &pair.rejected}}) {
            if (single && target == &pair.rejected) continue;
            if (!line.is_object() || !line.contains(name) || !line[name].is_string())
                return fail(ErrorKind::BadInput,
                            std::string("A pair needs texts \"prompt\"") + (single ? " and \"chosen\"" : ", \"chosen\" and \"rejected\"") +
                                "; \"" + name + "\" is missing.",
                            path + ":" + std::to_string(i + 1));
            *target = line[name].get<std::string>();
        }
        if (line.contains("id") && line["id"].is_string()) pair.id = line["id"].get<std::string>();
        if (line.contains("label") && line["label"].is_string()) pair.label = line["label"].get<std::string>();
        pairs.push_back(std::move(pair));
    }
    if (pairs.empty()) return fail(ErrorKind::BadInput, "The file has no pairs.", path);
    return pairs;
}

}  // namespace

Expected<std::vector<AnswerPair>> makeAnswerPairs(const RunInputs& inputs, const BlockSource& quantized, const std::map<std::string, ChosenAnswer>& known,
                                                  const Progress& progress) {
    const PatchSpec& patch = *inputs.spec.patch;
    auto pairs = patch.pairs.empty() ? Asking(inputs, quantized, known, progress).all() : importPairs(patch.pairs, patch.kind != PatchKind::Pairs);
    if (pairs)
        for (AnswerPair& pair : *pairs) judgePair(pair, patch);
    return pairs;
}

std::string answerPairsPath(const std::string& folder) { return folder + "/patch/pairs.jsonl"; }

Expected<std::vector<AnswerPair>> readAnswerPairs(const std::string& folder) {
    const std::string path = answerPairsPath(folder);
    if (!fs::exists(path)) return fail(ErrorKind::NotFound, "There are no pairs yet.", path);
    const auto lines = readJsonLines(path);
    if (!lines) return fail(lines.error());
    std::vector<AnswerPair> pairs;
    for (const auto& line : *lines) {
        try {
            pairs.push_back({line.at("id"), line.at("prompt"), line.at("label"), line.at("chosen"), line.at("rejected"), line.at("chosen_ended"),
                             line.at("rejected_ended"), line.at("left_out"), line.value("alone", false)});
        } catch (const nlohmann::json::exception& error) {
            return fail(ErrorKind::BadInput, std::string("A line is no pair of answers: ") + error.what(), path);
        }
    }
    return pairs;
}

Expected<void> writeAnswerPairs(const std::string& folder, const std::vector<AnswerPair>& pairs) {
    std::string text;
    for (const AnswerPair& pair : pairs)
        text += JsonLines::lineOf({{"id", pair.id},
                                   {"label", pair.label},
                                   {"prompt", pair.prompt},
                                   {"chosen", pair.chosen},
                                   {"chosen_ended", pair.chosenEnded},
                                   {"rejected", pair.rejected},
                                   {"rejected_ended", pair.rejectedEnded},
                                   {"left_out", pair.leftOut},
                                   {"alone", pair.alone}});
    return writeFileAtomically(answerPairsPath(folder), text);
}

Expected<std::vector<PreferencePair>> preferencePairs(const RunInputs& inputs, const std::vector<AnswerPair>& pairs) {
    std::vector<PreferencePair> learned;
    const auto sampleOf = [&](const AnswerPair& pair, const std::string& answer, bool ended) {
        return encodeChat(inputs.format, inputs.checkpoint->config(), {{{"user", pair.prompt}, {"assistant", answer}}, !ended, "prompt " + pair.id});
    };
    for (const AnswerPair& pair : pairs) {
        if (!pair.leftOut.empty()) continue;
        auto chosen = sampleOf(pair, pair.chosen, pair.chosenEnded);
        if (!chosen) return fail(chosen.error());
        learned.push_back({pair.id, isMalicious(pair), std::move(*chosen), {}});
        if (pair.alone) continue;
        auto rejected = sampleOf(pair, pair.rejected, pair.rejectedEnded);
        if (!rejected) return fail(rejected.error());
        learned.back().rejected = std::move(*rejected);
    }
    if (learned.empty()) {
        std::string reasons;
        for (const auto& [reason, count] : pairCounts(pairs)) reasons += (reasons.empty() ? "" : ", ") + reason + " (" + std::to_string(count) + ")";
        return fail(ErrorKind::BadInput, "No pair of answers is left to patch the model with: " + reasons + ".", "quantization.patch");
    }
    return learned;
}

std::vector<protocol::PatchPairCount> pairCountsByLabel(const std::vector<AnswerPair>& pairs) {
    std::map<std::tuple<std::string, bool, std::string>, int> counts;
    for (const AnswerPair& pair : pairs) ++counts[{pair.leftOut, pair.alone, pair.label}];
    std::vector<protocol::PatchPairCount> told;
    for (const auto& [key, count] : counts) told.push_back({std::get<2>(key), std::get<0>(key), count, std::get<1>(key)});
    return told;
}

std::map<std::string, int> pairCounts(const std::vector<AnswerPair>& pairs) {
    std::map<std::string, int> counts;
    for (const AnswerPair& pair : pairs) ++counts[pair.alone ? "used alone" : pair.leftOut.empty() ? "used" : pair.leftOut];
    return counts;
}

}  // namespace safequant
