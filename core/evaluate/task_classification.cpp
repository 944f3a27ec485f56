// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/task_classification.h"

#include "core/evaluate/answer_text.h"
#include "core/evaluate/task_generation.h"

namespace safequant {
namespace {

std::string question(const TaskItem& item) {
    std::string text = item.question + "\nAnswer with one intent: ";
    for (std::size_t i = 0; i < item.choices.size(); ++i) text += (i > 0 ? ", " : "") + item.choices[i];
    return text + ".";
}

Expected<std::vector<TaskAnswer>> run(LanguageModel& model, const ChatFormat& format, std::span<const TaskItem> items, int newTokens,
                                      const Progress& progress) {
    return answerTask(
        model, format, items, newTokens, question,
        [](const TaskItem& item, const std::string& said) { return withoutLeadingSpace(said).starts_with(item.choices[item.right]); },
        progress);
}

}  // namespace

TaskKind classificationTask() {
    return {"classification", 1, "The greedy answer begins with the right one of the choices named in the prompt.", true, 12, run};
}

}  // namespace safequant
