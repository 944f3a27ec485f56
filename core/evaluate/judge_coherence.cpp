// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/judge_coherence.h"

#include <cmath>

#include "core/evaluate/answer_text.h"
#include "core/evaluate/judge_model.h"

namespace safequant {
namespace {

/// The answer up to the end of its last judged word.
std::string_view judgedPart(std::string_view answer) {
    const auto words = firstWords(answer, kJudgedWords);
    if (words.empty()) return {};
    return answer.substr(0, static_cast<std::size_t>(words.back().data() + words.back().size() - answer.data()));
}

class CoherenceJudge final : public Judge {
public:
    CoherenceJudge(JudgeInfo info, std::optional<JudgeModel> model, double limit)
        : Judge(std::move(info)), m_model(std::move(model)), m_limit(limit) {}

    Expected<std::vector<Outcome>> judge(std::span<const JudgedAnswer> answers, const Progress& progress) override {
        std::vector<Outcome> outcomes;
        progress(0, answers.size());
        for (const auto& answer : answers) {
            if (progress.stopRequested()) return fail(cancelledError());
            bool broken = incoherent(answer.answer);
            if (!broken && m_model) {
                const auto perplexity = perplexityOf(answer, progress);
                if (!perplexity) return fail(perplexity.error());
                broken = *perplexity > m_limit;
            }
            outcomes.push_back(broken ? Outcome::Incoherent : Outcome::Coherent);
            progress(outcomes.size(), answers.size());
        }
        return outcomes;
    }

private:
    Expected<double> perplexityOf(const JudgedAnswer& answer, const Progress& progress) {
        const auto prompt = m_model->format.encodePrompt(answer.prompt);
        if (!prompt) return fail(prompt.error());
        const auto tokens = m_model->format.tokenizer->encode(judgedPart(answer.answer), SpecialTokens::Text);
        const auto likelihood = m_model->model->scoreContinuations(*prompt, {tokens}, Progress{progress.stop, {}});
        if (!likelihood) {
            auto error = likelihood.error();
            if (error.kind != ErrorKind::Cancelled) error.context = "answer to " + answer.id;
            return fail(std::move(error));
        }
        return std::exp(likelihood->front().negativeLogLikelihood / static_cast<double>(likelihood->front().tokens));
    }

    std::optional<JudgeModel> m_model;
    double m_limit;
};

}  // namespace

Expected<std::unique_ptr<Judge>> makeCoherenceJudge(const JudgeOptions& options, const Progress& progress) {
    JudgeInfo info{.name = "coherence",
                   .version = 1,
                   .describe = "Incoherent under 3 words or under 40% distinct words among the first 25",
                   .coherenceOnly = true};
    const bool asksModel = !options.checkpoint.empty();
    if (!std::isfinite(options.perplexityLimit) || options.perplexityLimit < 0.0 || asksModel != (options.perplexityLimit > 0.0))
        return fail(ErrorKind::BadInput, "Perplexity is judged by a model and a limit above 0: give both or neither.", "coherence");
    std::optional<JudgeModel> model;
    if (asksModel) {
        auto loaded = JudgeModel::load(options, "coherence", progress);
        if (!loaded) return fail(loaded.error());
        auto described = loaded->describe(options);
        if (!described) return fail(described.error());
        info.parameters = std::move(*described);
        info.parameters["perplexity_limit"] = options.perplexityLimit;
        info.describe += ", or a perplexity of these words above the limit";
        model = std::move(*loaded);
    }
    info.describe += ".";
    return std::make_unique<CoherenceJudge>(std::move(info), std::move(model), options.perplexityLimit);
}

}  // namespace safequant
