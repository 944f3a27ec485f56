// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/results_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<TaskRate> M>
void visitFields(V& visit, M& m) {
    visit("model", m.model);
    visit("task", m.task);
    visit("accuracy", m.accuracy);
}

template <typename V, MessageOf<RunResults> M>
void visitFields(V& visit, M& m) {
    visit("summary", m.summary);
    visit("method", m.method);
    visit("metrics", m.metrics);
    visit("tasks", m.tasks);
    visit("quantize_seconds", m.quantizeSeconds);
    visit("base_bytes", m.baseBytes);
    visit("quantized_bytes", m.quantizedBytes);
}

template <typename V, MessageOf<PairedRow> M>
void visitFields(V& visit, M& m) {
    visit("measure", m.measure);
    visit("first", m.first);
    visit("second", m.second);
    visit("first_rate", m.firstRate);
    visit("second_rate", m.secondRate);
    visit("difference", m.difference);
    visit("interval", m.interval);
    visit("p", m.p);
    visit("p_holm", m.pHolm);
    visit("only_first", m.onlyFirst);
    visit("only_second", m.onlySecond);
    visit("unpaired", m.unpaired);
}

template <typename V, MessageOf<ComparisonTable> M>
void visitFields(V& visit, M& m) {
    visit("judge", m.judge);
    visit("rows", m.rows);
}

}  // namespace

void addTaskNames(std::vector<std::string>& names, const std::vector<TaskRate>& tasks) {
    for (const TaskRate& each : tasks)
        if (std::find(names.begin(), names.end(), each.task) == names.end()) names.push_back(each.task);
}

Rate accuracyOf(const std::vector<TaskRate>& tasks, std::string_view task, std::string_view model) {
    const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const TaskRate& each) { return each.task == task && each.model == model; });
    return found == tasks.end() ? Rate{} : found->accuracy;
}

SAFEQUANT_DEFINE_MESSAGE(TaskRate);
SAFEQUANT_DEFINE_MESSAGE(RunResults);
SAFEQUANT_DEFINE_MESSAGE(PairedRow);
SAFEQUANT_DEFINE_MESSAGE(ComparisonTable);

}  // namespace safequant::protocol
