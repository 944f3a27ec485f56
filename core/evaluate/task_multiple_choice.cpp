// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/task_multiple_choice.h"

#include <algorithm>
#include <limits>

namespace safequant {
namespace {

using Tokens = std::vector<std::int32_t>;

Expected<TaskAnswer> chooseAnswer(LanguageModel& model, const Tokenizer& tokenizer, const TaskItem& item, const std::stop_token& stop) {
    const std::string context = "Question: " + item.question + "\nAnswer:";
    Tokens prompt = tokenizer.affixes().before;
    const auto body = tokenizer.encode(context, SpecialTokens::Text);
    prompt.insert(prompt.end(), body.begin(), body.end());
    std::vector<Tokens> choices;
    for (const auto& choice : item.choices) {
        // Of the whole text, since some vocabularies write a leading space otherwise when it stands alone.
        const auto whole = tokenizer.encode(context + " " + choice, SpecialTokens::Text);
        choices.emplace_back(whole.begin() + static_cast<std::ptrdiff_t>(std::min(body.size(), whole.size())), whole.end());
    }
    const auto likelihoods = model.scoreContinuations(prompt, choices, Progress{stop, {}});
    if (!likelihoods) {
        auto error = likelihoods.error();
        if (error.kind != ErrorKind::Cancelled) error.context = "task item " + item.id;
        return fail(std::move(error));
    }
    std::size_t best = 0;
    double highest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < choices.size(); ++i) {
        const double score = -(*likelihoods)[i].negativeLogLikelihood / static_cast<double>(item.choices[i].size());
        if (score > highest) {
            highest = score;
            best = i;
        }
    }
    return TaskAnswer{item.id, best == item.right, item.choices[best]};
}

Expected<std::vector<TaskAnswer>> answerChoices(LanguageModel& model, const ChatFormat& format, std::span<const TaskItem> items, int,
                                      const Progress& progress) {
    std::vector<TaskAnswer> answers;
    for (const TaskItem& item : items) {
        if (progress.stopRequested()) return fail(cancelledError());
        auto answered = chooseAnswer(model, *format.tokenizer, item, progress.stop);
        if (!answered) return fail(answered.error());
        answers.push_back(std::move(*answered));
        progress(answers.size(), items.size());
    }
    return answers;
}

}  // namespace

TaskKind multipleChoiceTask() {
    return {"multiple-choice", 1, "The choice of the highest log-likelihood per byte, after the question without a template, is right.",
            true, 0, answerChoices};
}

}  // namespace safequant
