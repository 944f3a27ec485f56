// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {
namespace {

/// Replaces the item that `same` finds, or inserts the new one before the first that `after` says comes later.
template <typename T, typename Same, typename After>
void put(std::vector<T>& items, T item, Same same, After after) {
    const auto found = std::find_if(items.begin(), items.end(), same);
    if (found != items.end()) {
        *found = std::move(item);
        return;
    }
    items.insert(std::find_if(items.begin(), items.end(), after), std::move(item));
}

int modelRank(const std::string& model) {
    return model == "base" ? 0 : 1;
}

std::string stageDetail(const StageProgress& stage) {
    return stage.stage + ": " + std::to_string(stage.done) + " of " + std::to_string(stage.total) + " " + stage.unit;
}

}  // namespace

void applyEvent(RunState& state, const RunEvent& event) {
    // A follower that reads state and events side by side sees some events twice.
    if (event.sequence != 0 && event.sequence <= state.sequence) return;
    state.sequence = std::max(state.sequence, event.sequence);

    if (event.type == "started") {
        state.summary.status = "running";
        state.summary.detail = event.message;
        state.summary.resumable = false;
    } else if (event.type == "stage" && event.stage) {
        put(
            state.stages, *event.stage, [&](const auto& stage) { return stage.stage == event.stage->stage; },
            [](const auto&) { return false; });
        if (state.summary.status == "running") state.summary.detail = stageDetail(*event.stage);
    } else if (event.type == "control" && event.control) {
        state.control = event.control;
    } else if (event.type == "block" && event.block) {
        const auto key = [](const BlockSeparability& block) { return std::pair(modelRank(block.model), block.block); };
        const auto mine = key(*event.block);
        put(
            state.blocks, *event.block, [&](const auto& block) { return key(block) == mine; },
            [&](const auto& block) { return key(block) > mine; });
    } else if (event.type == "learning" && event.learning) {
        put(
            state.learning, *event.learning, [&](const auto& block) { return block.block == event.learning->block; },
            [&](const auto& block) { return block.block > event.learning->block; });
    } else if (event.type == "patch" && event.patch) {
        if (!state.patch) state.patch.emplace();
        addPatchNews(*state.patch, *event.patch);
    } else if (event.type == "answer" && event.answer) {
        AnswerItem answer = *event.answer;
        answer.text.clear();
        const auto key = [](const AnswerItem& item) { return std::pair(modelRank(item.model), item.prompt); };
        const auto mine = key(answer);
        put(
            state.answers, std::move(answer), [&](const auto& item) { return key(item) == mine; },
            [&](const auto& item) { return key(item) > mine; });
    } else if (event.type == "metrics" && event.metrics) {
        put(
            state.metrics, *event.metrics, [&](const auto& metrics) { return metrics.model == event.metrics->model; },
            [&](const auto& metrics) { return modelRank(metrics.model) > modelRank(event.metrics->model); });
    } else if (event.type == "note") {
        if (std::find(state.notes.begin(), state.notes.end(), event.message) == state.notes.end())
            state.notes.push_back(event.message);
    } else if (event.type == "log") {
        state.log.push_back(event);
    } else if (event.type == "finished") {
        state.summary.status = event.status;
        state.summary.resumable = event.status != "finished";
        if (event.error && event.status == "failed")
            state.summary.detail = event.error->describe();
        else if (event.status == "finished")
            state.summary.detail = event.message;
    }
}

}  // namespace safequant::protocol
