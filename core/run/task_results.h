// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/evaluate/task.h"
#include "core/run/base_reuse.h"
#include "core/run/session.h"

namespace safequant {

/// One task of one model: tasks/TASK-MODEL.json in the run folder.
struct TaskResult {
    std::string task, kind, scoring, model;
    int version = 1;        ///< Of the kind.
    std::string itemsHash;  ///< SHA-256 of the file of items.
    int newTokens = 0;      ///< Of an answer at most; 0: nothing was generated.
    std::vector<TaskAnswer> answers;
};

/// The tasks a run has finished, in the order of the spec, base before quantized. Errors: bad_input, io.
Expected<std::vector<TaskResult>> readTaskResults(const std::string& folder);

/// The base model's results of a session's tasks.
std::vector<BaseFile> baseTaskFiles(const Session& session);
/// Whether tasks of a model are still to be done.
bool tasksMissing(const Session& session, const std::string& model);
/// Does them, one file each; those that stand there are kept.
Expected<void> runTasks(Session& session, const std::string& model, LanguageModel& language);

}  // namespace safequant
