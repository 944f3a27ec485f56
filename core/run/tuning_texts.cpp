// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/tuning_texts.h"

#include <algorithm>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/evaluate/judge.h"
#include "core/run/event_log.h"
#include "core/run/learning_samples.h"

namespace safequant {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr const char* kGenerated = "generated";
constexpr const char* kIdentityShifting = "identity_shift";
/// Tokens at the start of a generated sequence that are the most likely ones, the drawn start token among them: these in turn.
constexpr int kLeastGreedy = 3, kMostGreedy = 5;

std::string textsPath(const std::string& folder) {
    return folder + "/tuning/texts.jsonl";
}

/// The model at work on what it is tuned on.
class Speaking {
public:
    Speaking(const RunInputs& inputs, const Progress& progress) : m_inputs(inputs), m_progress(progress) {}

    Expected<std::vector<TuningText>> all() {
        CalibrationParts parts = m_inputs.spec.calibration;
        parts.texts = parts.answerTokens = parts.identityShift = 0;
        auto prompts = drawLearningSamples(m_inputs, parts, m_progress.stop);
        if (!prompts) return fail(prompts.error());
        parts.malicious = parts.benign = parts.tasks = 0;
        parts.identityShift = m_inputs.spec.calibration.identityShift;
        auto shifting = drawLearningSamples(m_inputs, parts, m_progress.stop);
        if (!shifting) return fail(shifting.error());
        m_total = prompts->size() + static_cast<std::size_t>(m_inputs.spec.tuning.generated);
        auto model = LanguageModel::load(m_inputs.checkpoint, checkpointBlocks(m_inputs.checkpoint), Progress{m_progress.stop, {}});
        if (!model) return fail(model.error());
        m_model = std::move(*model);
        if (auto made = generate(); !made) return fail(made.error());
        if (auto answered = answer(*prompts); !answered) return fail(answered.error());
        for (LearningSample& prompt : *shifting) {
            const auto length = static_cast<std::int32_t>(prompt.tokens.size());
            m_texts.push_back({prompt.id, kIdentityShifting, std::move(prompt.tokens), length, false, "not asked for"});
        }
        return std::move(m_texts);
    }

private:
    Expected<std::vector<GeneratedAnswer>> ask(const std::vector<Ids>& prompts, const DecodingOptions& decoding, bool counts) {
        if (prompts.empty()) return std::vector<GeneratedAnswer>{};
        auto answers = m_model->generate(prompts, decoding, {}, Progress{m_progress.stop, [&](std::uint64_t done, std::uint64_t) {
                                                                             if (counts) m_progress(m_done + done, m_total);
                                                                         }});
        if (answers && counts) m_done += prompts.size();
        return answers;
    }

    /// Start tokens of all sequences.
    std::vector<std::int32_t> starts() const {
        std::vector<std::int32_t> ordinary;
        const auto vocabulary =
            std::min(static_cast<std::size_t>(m_inputs.checkpoint->config().vocabulary), m_inputs.format.tokenizer->vocabularySize());
        for (std::size_t id = 0; id < vocabulary; ++id)
            if (!m_inputs.format.tokenizer->isSpecial(static_cast<std::int32_t>(id))) ordinary.push_back(static_cast<std::int32_t>(id));
        RandomStream(m_inputs.spec.seed, "tuning, start tokens").shuffle(ordinary);
        std::vector<std::int32_t> chosen;
        if (ordinary.empty()) return chosen;
        for (int i = 0; i < m_inputs.spec.tuning.generated; ++i) chosen.push_back(ordinary[static_cast<std::size_t>(i) % ordinary.size()]);
        return chosen;
    }

    Expected<void> generate() {
        const auto starts = this->starts();
        std::vector<TuningText> texts(starts.size());
        for (int greedy = kLeastGreedy; greedy <= kMostGreedy; ++greedy) {
            std::vector<std::size_t> going;
            std::vector<Ids> begun;
            for (std::size_t i = static_cast<std::size_t>(greedy - kLeastGreedy); i < starts.size(); i += kMostGreedy - kLeastGreedy + 1) {
                texts[i] = {"generated-" + std::to_string(i + 1), kGenerated, {starts[i]}, 0, false, {}};
                going.push_back(i);
                begun.push_back(texts[i].tokens);
            }
            DecodingOptions decoding;
            decoding.maxNewTokens = greedy - 1;
            if (auto grown = grow(texts, going, decoding, false); !grown) return grown;
            decoding.sample = true;
            decoding.seed = m_inputs.spec.seed + static_cast<std::uint64_t>(greedy);
            decoding.maxNewTokens = m_inputs.spec.tuning.sequenceTokens - greedy;
            if (auto grown = grow(texts, going, decoding, true); !grown) return grown;
        }
        m_texts = std::move(texts);
        return {};
    }

    /// Lets chosen sequences go on; those that ended do not.
    Expected<void> grow(std::vector<TuningText>& texts, const std::vector<std::size_t>& chosen, const DecodingOptions& decoding,
                        bool counts) {
        std::vector<TuningText*> going;
        std::vector<Ids> begun;
        for (const std::size_t i : chosen) {
            if (texts[i].ended) continue;
            going.push_back(&texts[i]);
            begun.push_back(texts[i].tokens);
        }
        const auto answers = ask(begun, decoding, counts);
        if (!answers) return fail(answers.error());
        for (std::size_t i = 0; i < going.size(); ++i) {
            const GeneratedAnswer& answer = (*answers)[i];
            going[i]->tokens.insert(going[i]->tokens.end(), answer.tokens.begin(), answer.tokens.end());
            going[i]->ended = answer.ended;
        }
        return {};
    }

    Expected<void> answer(const std::vector<LearningSample>& prompts) {
        std::vector<Ids> asked;
        for (const LearningSample& prompt : prompts) asked.push_back(prompt.tokens);
        DecodingOptions decoding;
        decoding.maxNewTokens = m_inputs.spec.tuning.answerTokens;
        const auto answers = ask(asked, decoding, true);
        if (!answers) return fail(answers.error());
        for (std::size_t i = 0; i < prompts.size(); ++i) m_texts.push_back(tuningText(m_inputs, prompts[i], (*answers)[i]));
        return {};
    }

    const RunInputs& m_inputs;
    const Progress& m_progress;
    std::unique_ptr<LanguageModel> m_model;
    std::vector<TuningText> m_texts;
    std::uint64_t m_done = 0, m_total = 0;
};

/// The sample whose targets are the tokens from `first` on; its end is learned where the model ended it.
void addSample(std::vector<TrainingSample>& samples, const DecoderConfig& config, const TuningText& text, std::size_t first) {
    Ids tokens = text.tokens;
    if (text.ended && !config.endTokens.empty()) tokens.push_back(config.endTokens.front());
    first = std::max<std::size_t>(first, 1);
    if (tokens.size() <= first) return;
    TrainingSample sample;
    sample.tokens.assign(tokens.begin(), tokens.end() - 1);
    for (std::size_t i = 1; i < tokens.size(); ++i) sample.targets.push_back(i >= first ? tokens[i] : -1);
    samples.push_back(std::move(sample));
}

/// Tokens that all prompts begin with; 0 of a single one.
std::size_t sharedStart(const std::vector<TuningText>& texts) {
    const TuningText* first = nullptr;
    std::size_t length = 0, prompts = 0;
    for (const TuningText& text : texts) {
        if (text.promptTokens == 0) continue;
        ++prompts;
        const auto prompt = static_cast<std::ptrdiff_t>(text.promptTokens);
        if (first == nullptr) {
            first = &text;
            length = static_cast<std::size_t>(prompt);
            continue;
        }
        length = std::min(length, static_cast<std::size_t>(prompt));
        const auto differs =
            std::mismatch(first->tokens.begin(), first->tokens.begin() + static_cast<std::ptrdiff_t>(length), text.tokens.begin());
        length = static_cast<std::size_t>(differs.first - first->tokens.begin());
    }
    return prompts > 1 ? length : 0;
}

}  // namespace

TuningText tuningText(const RunInputs& inputs, const LearningSample& prompt, const GeneratedAnswer& answer) {
    TuningText text{prompt.id, sampleKindName(prompt.kind), prompt.tokens, static_cast<std::int32_t>(prompt.tokens.size()), false, {}};
    const bool refused =
        findTextJudge(inputs.spec.judge)->outcome(inputs.format.tokenizer->decode(answer.tokens, true)) == Outcome::Refused;
    if (answer.tokens.empty())
        text.noAnswer = "the answer is empty";
    else if (prompt.kind == SampleKind::Malicious && !refused)
        text.noAnswer = "the answer is no refusal";
    else if (prompt.kind != SampleKind::Malicious && refused)
        text.noAnswer = "the answer refuses";
    if (!text.noAnswer.empty()) return text;
    text.tokens.insert(text.tokens.end(), answer.tokens.begin(), answer.tokens.end());
    text.ended = answer.ended;
    return text;
}

Expected<std::vector<TuningText>> makeTuningTexts(const RunInputs& inputs, const Progress& progress) {
    return Speaking(inputs, progress).all();
}

Expected<std::vector<TuningText>> readTuningTexts(const std::string& folder) {
    const std::string path = textsPath(folder);
    if (!std::filesystem::exists(path)) return fail(ErrorKind::NotFound, "There are no texts yet.", path);
    const auto lines = readJsonLines(path);
    if (!lines) return fail(lines.error());
    std::vector<TuningText> texts;
    for (const auto& line : *lines) {
        try {
            texts.push_back(
                {line.at("id"), line.at("kind"), line.at("tokens"), line.at("prompt_tokens"), line.at("ended"), line.at("no_answer")});
        } catch (const nlohmann::json::exception& error) {
            return fail(ErrorKind::BadInput, std::string("A line is no text to be tuned on: ") + error.what(), path);
        }
        const TuningText& text = texts.back();
        if (text.tokens.empty() || text.promptTokens < 0 || static_cast<std::size_t>(text.promptTokens) > text.tokens.size())
            return fail(ErrorKind::BadInput, "A text has no tokens, or fewer than its prompt.", path);
    }
    return texts;
}

Expected<void> writeTuningTexts(const std::string& folder, const ChatFormat& format, const std::vector<TuningText>& texts) {
    std::string lines;
    for (const TuningText& text : texts) {
        const std::span<const std::int32_t> answer = std::span(text.tokens).subspan(static_cast<std::size_t>(text.promptTokens));
        lines += JsonLines::lineOf({{"id", text.id},
                                    {"kind", text.kind},
                                    {"tokens", text.tokens},
                                    {"prompt_tokens", text.promptTokens},
                                    {"ended", text.ended},
                                    {"no_answer", text.noAnswer},
                                    {"answer", format.tokenizer->decode(answer, true)}});
    }
    return writeFileAtomically(textsPath(folder), lines);
}

std::vector<TrainingSample> wholeSamples(const DecoderConfig& config, const std::vector<TuningText>& texts) {
    const std::size_t shared = sharedStart(texts);
    std::vector<TrainingSample> samples;
    for (const TuningText& text : texts) addSample(samples, config, text, text.promptTokens > 0 ? shared : 0);
    return samples;
}

std::vector<TrainingSample> answerSamples(const DecoderConfig& config, const std::vector<TuningText>& texts) {
    std::vector<TrainingSample> samples;
    for (const TuningText& text : texts)
        if (text.noAnswer.empty()) addSample(samples, config, text, static_cast<std::size_t>(text.promptTokens));
    return samples;
}

std::map<std::string, int> tuningCounts(const std::vector<TuningText>& texts) {
    std::map<std::string, int> counts;
    for (const TuningText& text : texts) {
        if (text.kind == kGenerated)
            ++counts["generated"];
        else
            ++counts[text.kind + (text.noAnswer.empty() ? " with an answer" : " without one (" + text.noAnswer + ")")];
    }
    return counts;
}

}  // namespace safequant
