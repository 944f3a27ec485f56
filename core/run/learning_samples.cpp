// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/learning_samples.h"

#include <algorithm>
#include <initializer_list>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/base/random.h"
#include "core/evaluate/judge_refusal_22.h"
#include "core/model/generation.h"
#include "core/quantize/method.h"

namespace safequant {
namespace {

/// A row learned from costs about as much as this many rows that are only passed through: forward, two products back, and the weights'
/// fake quantization, shared by the rows of a batch.
constexpr double kLearnedRowCost = 9.0;
/// A row calibrated on goes through parts of the block 2.2 times, and its products with itself are added up in double precision.
constexpr double kCalibratedRowCost = 3.4;
/// Multiplications of two Cholesky factorisations and an inverse in double precision, by columns^3.
constexpr double kFactorisation = 4.0 / 3.0;
/// Linears that share one Hessian, in the mean.
constexpr double kLinearsOfAGroup = 7.0 / 4.0;
/// Rows that take as long as one AQLM codebook of a linear does in one round, whatever its size.
constexpr double kCodebookRows = 2e4;

Expected<std::string> readResource(const std::string& name) {
    const auto path = resolveResource(name);
    if (!path) return fail(path.error());
    return readTextFile(*path);
}

/// Byte offset of a character of UTF-8 text; its size when there are fewer.
std::size_t offsetOf(const std::string& text, int characters) {
    std::size_t at = 0;
    for (int seen = 0; at < text.size() && seen < characters; ++seen) {
        ++at;
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) ++at;
    }
    return at;
}

class Drawing {
public:
    Drawing(const RunInputs& inputs, const CalibrationParts& parts, const std::stop_token& stop) : m_inputs(inputs), m_parts(parts), m_stop(stop) {}

    Expected<std::vector<LearningSample>> all() {
        if (auto drawn = drawPrompts(SampleKind::Malicious, m_parts.malicious, {PromptLabel::Malicious}); !drawn) return fail(drawn.error());
        if (auto drawn = drawPrompts(SampleKind::Benign, m_parts.benign, {PromptLabel::Benign, PromptLabel::HardBenign}); !drawn)
            return fail(drawn.error());
        if (auto drawn = drawTexts(); !drawn) return fail(drawn.error());
        if (auto drawn = drawTasks(); !drawn) return fail(drawn.error());
        if (m_parts.answerTokens > 0) {
            if (auto added = addAnswers(m_inputs.checkpoint, {SampleKind::Benign, SampleKind::Task}); !added) return fail(added.error());
            if (m_inputs.aligned != nullptr)
                if (auto added = addAnswers(m_inputs.aligned, {SampleKind::Malicious}); !added) return fail(added.error());
        }
        if (auto drawn = drawIdentityShift(); !drawn) return fail(drawn.error());
        return std::move(m_samples);
    }

private:
    template <typename T>
    void choose(std::vector<T>& items, SampleKind kind, int count) const {
        RandomStream random(m_inputs.spec.seed, std::string("calibration, ") + sampleKindName(kind));
        random.shuffle(items);
        items.resize(std::min(items.size(), static_cast<std::size_t>(count)));
    }

    Expected<void> drawPrompts(SampleKind kind, int count, const std::vector<PromptLabel>& labels) {
        std::vector<std::size_t> candidates;
        for (const PromptLabel label : labels) {
            const auto indices = m_inputs.prompts.indices(label, PromptSplit::Calibration);
            candidates.insert(candidates.end(), indices.begin(), indices.end());
        }
        if (count > 0 && candidates.empty())
            return fail(ErrorKind::BadInput, std::string("The calibration split has no ") + sampleKindName(kind) + " prompts.", "calibration");
        choose(candidates, kind, count);
        for (const std::size_t index : candidates)
            if (auto added = addChat(m_inputs.prompts.prompts[index].id, kind, m_inputs.prompts.prompts[index].text); !added) return added;
        return {};
    }

    Expected<void> drawIdentityShift() {
        if (m_parts.identityShift == 0) return {};
        auto candidates = m_inputs.prompts.indices(PromptLabel::Benign, PromptSplit::Calibration);
        if (candidates.empty()) return fail(ErrorKind::BadInput, "The calibration split has no benign prompts to put behind an identity shift.", "calibration");
        RandomStream(m_inputs.spec.seed, "calibration, identity shift").shuffle(candidates);
        candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(m_parts.identityShift)));
        for (const std::size_t index : candidates) {
            const Prompt& prompt = m_inputs.prompts.prompts[index];
            if (auto added = addChat(prompt.id + ", identity shift", SampleKind::Benign, kIdentityShift + prompt.text); !added) return added;
        }
        return {};
    }

    Expected<void> drawTexts() {
        const TextPassages texts{m_parts.texts, m_parts.text, m_parts.textFrom, m_parts.textTokens};
        auto passages = drawPassages(*m_inputs.format.tokenizer, texts,
                                     RandomStream(m_inputs.spec.seed, std::string("calibration, ") + sampleKindName(SampleKind::Text)));
        if (!passages) return fail(passages.error());
        for (TextPassage& passage : *passages)
            m_samples.push_back({"text-token-" + std::to_string(passage.first), SampleKind::Text, std::move(passage.tokens)});
        return {};
    }

    Expected<void> drawTasks() {
        if (m_parts.tasks == 0) return {};
        const auto content = readResource(m_parts.taskPrompts);
        if (!content) return fail(content.error());
        std::vector<std::pair<std::string, std::string>> tasks;
        std::size_t line = 0;
        for (std::size_t at = 0; at < content->size();) {
            const std::size_t end = std::min(content->find('\n', at), content->size());
            ++line;
            if (end > at) {
                const auto json = nlohmann::json::parse(content->substr(at, end - at), nullptr, false);
                auto task = taskPrompt(json);
                if (!task)
                    return fail(ErrorKind::BadInput, "Line " + std::to_string(line) + " is no task: " + task.error().message, m_parts.taskPrompts);
                tasks.emplace_back(json.value("id", "task-" + std::to_string(line)), std::move(*task));
            }
            at = end + 1;
        }
        choose(tasks, SampleKind::Task, m_parts.tasks);
        for (const auto& [id, prompt] : tasks)
            if (auto added = addChat(id, SampleKind::Task, prompt); !added) return added;
        return {};
    }

    /// The prompt itself, or a question with its choices as one.
    static Expected<std::string> taskPrompt(const nlohmann::json& json) {
        if (json.is_object() && json.contains("prompt") && json["prompt"].is_string()) return json["prompt"].get<std::string>();
        if (!json.is_object() || !json.contains("question") || !json["question"].is_string() || !json.contains("choices") ||
            !json["choices"].is_array())
            return fail(ErrorKind::BadInput, "it needs a \"prompt\", or a \"question\" with \"choices\".");
        std::string prompt = json["question"].get<std::string>() + "\nAnswer with one intent: ";
        for (std::size_t i = 0; i < json["choices"].size(); ++i) {
            if (!json["choices"][i].is_string()) return fail(ErrorKind::BadInput, "a choice is no text.");
            prompt += (i > 0 ? ", " : "") + json["choices"][i].get<std::string>();
        }
        return prompt + ".";
    }

    Expected<void> addChat(const std::string& id, SampleKind kind, const std::string& prompt) {
        auto tokens = m_inputs.format.encodePrompt(prompt);
        if (!tokens) {
            Error error = tokens.error();
            error.context = "prompt " + id;
            return fail(std::move(error));
        }
        if (tokens->empty()) return fail(ErrorKind::BadInput, "It has no tokens once the chat template is applied.", "prompt " + id);
        m_samples.push_back({id, kind, std::move(*tokens)});
        return {};
    }

    /// A model's answers behind the prompts of some kinds; behind malicious ones refusals alone.
    Expected<void> addAnswers(const std::shared_ptr<const Checkpoint>& checkpoint, std::initializer_list<SampleKind> kinds) {
        std::vector<LearningSample*> asked;
        std::vector<std::vector<std::int32_t>> prompts;
        for (LearningSample& sample : m_samples)
            if (std::find(kinds.begin(), kinds.end(), sample.kind) != kinds.end()) {
                asked.push_back(&sample);
                prompts.push_back(sample.tokens);
            }
        if (asked.empty()) return {};
        auto model = LanguageModel::load(checkpoint, checkpointBlocks(checkpoint), Progress{m_stop, {}});
        if (!model) return fail(model.error());
        DecodingOptions decoding;
        decoding.maxNewTokens = m_parts.answerTokens;
        const auto answers = (*model)->generate(prompts, decoding, {}, Progress{m_stop, {}});
        if (!answers) return fail(answers.error());
        const Refusal22 refusal;
        for (std::size_t i = 0; i < asked.size(); ++i) {
            const std::vector<std::int32_t>& answer = (*answers)[i].tokens;
            if (asked[i]->kind == SampleKind::Malicious && !refusal.refused(m_inputs.format.tokenizer->decode(answer, true))) continue;
            asked[i]->tokens.insert(asked[i]->tokens.end(), answer.begin(), answer.end());
            asked[i]->answerTokens = static_cast<std::int32_t>(answer.size());
        }
        return {};
    }

    const RunInputs& m_inputs;
    const CalibrationParts& m_parts;
    std::stop_token m_stop;
    std::vector<LearningSample> m_samples;
};

}  // namespace

Expected<std::vector<TextPassage>> drawPassages(const Tokenizer& tokenizer, const TextPassages& texts, RandomStream random) {
    if (texts.count == 0) return std::vector<TextPassage>();
    const auto text = readResource(texts.text);
    if (!text) return fail(text.error());
    const auto tokens = tokenizer.encode(text->substr(offsetOf(*text, texts.from)), SpecialTokens::Text);
    const auto length = static_cast<std::size_t>(texts.tokens);
    std::vector<std::size_t> firsts;
    for (std::size_t first = 0; first + length <= tokens.size(); first += length) firsts.push_back(first);
    if (firsts.empty())
        return fail(
            ErrorKind::BadInput,
            "The text has no passage of " + std::to_string(length) + " tokens from character " + std::to_string(texts.from) + " on.",
            texts.text);
    random.shuffle(firsts);
    firsts.resize(std::min(firsts.size(), static_cast<std::size_t>(texts.count)));
    std::vector<TextPassage> passages;
    for (const std::size_t first : firsts)
        passages.push_back(
            {first, {tokens.begin() + static_cast<std::ptrdiff_t>(first), tokens.begin() + static_cast<std::ptrdiff_t>(first + length)}});
    return passages;
}

Expected<std::vector<LearningSample>> drawLearningSamples(const RunInputs& inputs, const std::stop_token& stop) {
    return drawLearningSamples(inputs, inputs.spec.calibration, stop);
}

Expected<std::vector<LearningSample>> drawLearningSamples(const RunInputs& inputs, const CalibrationParts& parts, const std::stop_token& stop) {
    return Drawing(inputs, parts, stop).all();
}

double calibrationRows(const RunSpec& spec, double rowsPerPrompt) {
    const auto method = findQuantizationMethod(spec.method);
    if (!method || !(*method)->keepsBlocks() || (*method)->tunes || !spec.hasStage("quantize")) return 0.0;
    const CalibrationParts& parts = spec.calibration;
    return (rowsPerPrompt + parts.answerTokens) * (parts.malicious + parts.benign + parts.tasks + parts.identityShift) +
           static_cast<double>(parts.texts) * parts.textTokens;
}

double calibrationCost(const RunSpec& spec, const DecoderConfig& config, double rowsPerPrompt) {
    const double rows = calibrationRows(spec, rowsPerPrompt);
    const auto method = findQuantizationMethod(spec.method);
    if (rows == 0.0 || !method) return 0.0;
    if ((*method)->learned()) return kLearnedRowCost * rows * (spec.learning.earlyEpochs + spec.learning.learning.epochs) / 2.0;
    // AWQ tries scales: with attention and feed-forward layer on all rows, and on the Hessians of what enters the output and down linears.
    const double tries = spec.method == "awq" ? spec.options.awq.steps : 0.0;
    if ((*method)->format == WeightFormat::Codebooks)
        return kCalibratedRowCost * rows + kCodebookRows * spec.options.aqlm.rounds * std::clamp(spec.scheme.weightBits, 2, 4);
    double weights = 0.0, solving = 0.0;
    for (int i = 0; i < kLinearsPerBlock; ++i) {
        const auto role = static_cast<LinearRole>(i);
        const auto [out, in] = linearShape(config, role);
        const double product = static_cast<double>(out) * in * in;
        weights += static_cast<double>(out) * in;
        if (role == LinearRole::Output || role == LinearRole::Down) solving += tries * product;
        solving += tries > 0.0 ? 0.0 : product + kFactorisation * static_cast<double>(in) * in * in / kLinearsOfAGroup;
    }
    return (kCalibratedRowCost + tries) * rows + solving / weights;
}

Expected<std::string> learningFilesHash(const RunSpec& spec) {
    const auto method = findQuantizationMethod(spec.method);
    if (!method) return fail(method.error());
    const bool pairs = spec.patch && !spec.patch->pairs.empty(), texts = spec.patch && spec.patch->texts.count > 0;
    if ((!(*method)->keepsBlocks() && !pairs && !texts) || !spec.hasStage("quantize")) return std::string();
    Sha256 hash;
    for (const auto& [given, name] : {std::pair{pairs, pairs ? spec.patch->pairs : ""}, {texts, texts ? spec.patch->texts.text : ""}}) {
        if (!given) continue;
        const auto content = readResource(name);
        if (!content) return fail(content.error());
        hash.update(*content + "\n");
    }
    if (!(*method)->keepsBlocks()) return hash.hex();
    const int passages = (*method)->tunes ? 0 : spec.calibration.texts;
    for (const auto& [count, name] : {std::pair{passages, spec.calibration.text},
                                      std::pair{spec.calibration.tasks, spec.calibration.taskPrompts}}) {
        if (count == 0) continue;
        const auto content = readResource(name);
        if (!content) return fail(content.error());
        hash.update(*content + "\n");
    }
    return hash.hex();
}

}  // namespace safequant
