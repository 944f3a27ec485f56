// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/evaluate/attack.h"
#include "core/run/spec_reader.h"

namespace safequant {

/// A task of a run. In JSON an object of these fields, or the name of a bundled one: "banking-intents", "arc-easy", "gsm8k".
struct TaskChoice {
    std::string name;   ///< Letters, digits, '-', '_' and '.': results are named after it.
    std::string kind;   ///< "classification", "multiple-choice" or "exact-match".
    std::string file;   ///< JSON Lines, or a bundled file.
    int limit = 0;      ///< A seeded choice of so many items; 0: all.
    int newTokens = 0;  ///< 0: the kind's own number.
};

/// Reads "tasks" and "attack" of a spec's evaluation.
void readTasks(SpecReader& evaluation, std::vector<TaskChoice>& tasks);
void readAttack(SpecReader& evaluation, AttackGrid& grid);
nlohmann::json tasksToJson(const std::vector<TaskChoice>& tasks);
nlohmann::json attackToJson(const AttackGrid& grid);
/// The bundled task of a name; null when there is none.
const TaskChoice* findBundledTask(const std::string& name);
std::vector<std::string> bundledTaskNames();

}  // namespace safequant
