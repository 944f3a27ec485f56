// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

#include "core/evaluate/task.h"

namespace safequant {

/// Asks every item in the model's chat format, greedily, and scores what comes back: what the kinds that generate share.
Expected<std::vector<TaskAnswer>> answerTask(LanguageModel& model, const ChatFormat& format, std::span<const TaskItem> items, int newTokens,
                                             const std::function<std::string(const TaskItem&)>& question,
                                             const std::function<bool(const TaskItem&, const std::string&)>& right, const Progress& progress);

}  // namespace safequant
