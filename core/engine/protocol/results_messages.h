// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// Accuracy of one model on one task. `run/tasks` {folder} -> [TaskRate]: of the tasks that a run has finished so far.
struct TaskRate {
    std::string model;  ///< "base" or "quantized".
    std::string task;
    Rate accuracy;
};

/// Adds the names of tasks that are not among `names` yet, in their order.
void addTaskNames(std::vector<std::string>& names, const std::vector<TaskRate>& tasks);
/// The accuracy of `model` on a task; of no items where there is none.
Rate accuracyOf(const std::vector<TaskRate>& tasks, std::string_view task, std::string_view model);

/// `run/results` {workspace} -> [RunResults]: what finished runs measured, newest first; runs without measurements are left out.
struct RunResults {
    RunSummary summary;
    std::string method;                 ///< Its title, with that of its patch; empty when nothing was quantized.
    std::vector<ModelMetrics> metrics;
    std::vector<TaskRate> tasks;
    double quantizeSeconds = -1.0;      ///< With the patch; -1: not quantized.
    double baseBytes = -1.0;            ///< Of the checkpoint's files; -1: not known.
    double quantizedBytes = -1.0;       ///< Of an export in the run's format, within a few percent; -1: not quantized, or not known.
};

/// Two models on one measure, prompt by prompt.
struct PairedRow {
    std::string measure, first, second;
    Rate firstRate, secondRate;
    double difference = 0.0;                         ///< second - first.
    Interval interval;                               ///< 95%, bootstrap over near-duplicate clusters.
    double p = 1.0, pHolm = 1.0;                     ///< McNemar, exact; Holm's correction over the table.
    std::vector<std::string> onlyFirst, onlySecond;  ///< Prompts with yes by one model alone.
    std::uint64_t unpaired = 0;                      ///< Items that one of the two lacks.
};

/// `run/compare` {folders} -> ComparisonTable: every model of every run against the first, on the prompts they have in common.
struct ComparisonTable {
    std::string judge;
    std::vector<PairedRow> rows;
};

nlohmann::json toJson(const TaskRate& message);
nlohmann::json toJson(const RunResults& message);
nlohmann::json toJson(const PairedRow& message);
nlohmann::json toJson(const ComparisonTable& message);
void fromJson(const nlohmann::json& json, TaskRate& message);
void fromJson(const nlohmann::json& json, RunResults& message);
void fromJson(const nlohmann::json& json, PairedRow& message);
void fromJson(const nlohmann::json& json, ComparisonTable& message);

}  // namespace safequant::protocol
