// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/base/statistics.h"
#include "core/model/generation.h"
#include "core/text/chat_template.h"

namespace safequant {

/// A question with one right answer.
struct TaskItem {
    std::string id, question;
    std::vector<std::string> choices;  ///< Empty: the answer is a number.
    std::size_t right = 0;             ///< Index into `choices`.
    std::string number;                ///< The right answer where there are no choices.
};

/// What a model did with one item.
struct TaskAnswer {
    std::string id;
    bool correct = false;
    std::string said;  ///< The choice it took, or the text it wrote.
};

/// A way of asking and scoring: one line of the registry, one pair of files.
struct TaskKind {
    const char* name;
    int version;             ///< Rises with every change that can change a score.
    const char* scoring;     ///< One sentence for reports.
    bool choices;            ///< Items have choices.
    int newTokens;           ///< Tokens of an answer at most; 0: nothing is generated.
    /// Answers to all items, in order. Progress counts items. Errors: those of template and model, cancelled.
    Expected<std::vector<TaskAnswer>> (*run)(LanguageModel& model, const ChatFormat& format, std::span<const TaskItem> items,
                                             int newTokens, const Progress& progress);
};
std::span<const TaskKind> taskKinds();
/// Kind by name; null when there is none.
const TaskKind* findTaskKind(std::string_view name);

/// Items of a JSON Lines file (`id, question, choices, answer`, `answer` an index; or a number as text without `choices`). Errors:
/// not_found, io, bad_input as "file:line: ...".
Expected<std::vector<TaskItem>> readTaskItems(const std::string& path, const TaskKind& kind);
/// A seeded choice of items, in the order of the file; nested: more contain the fewer. 0: all.
std::vector<TaskItem> chooseTaskItems(std::vector<TaskItem> items, int limit, std::uint64_t seed);

/// Share of right answers.
Rate taskAccuracy(std::span<const TaskAnswer> answers);

}  // namespace safequant
