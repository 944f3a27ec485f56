// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/run/attack_results.h"
#include "core/run/task_results.h"

namespace safequant {

/// What an evaluation measured beside answers and perplexity.
struct EvaluationTable {
    std::vector<TaskResult> tasks;
    std::vector<AttackResult> attacks;
};
/// Errors: those of reading.
Expected<EvaluationTable> readEvaluationTable(const std::string& folder);

/// {"tasks": [...], "attack": [...]}: rates with intervals and counts, no texts.
nlohmann::json toJson(const EvaluationTable& table);
/// Sections for a run's summary.md; empty when there is nothing to say.
std::string evaluationMarkdown(const EvaluationTable& table);

}  // namespace safequant
