// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/evaluation_spec.h"

#include <algorithm>
#include <cmath>

#include "core/evaluate/task.h"

namespace safequant {
namespace {

constexpr int kMany = 10'000'000;
constexpr std::size_t kLongestName = 64;

const std::vector<TaskChoice>& bundledTasks() {
    static const std::vector<TaskChoice> tasks{{"banking-intents", "classification", "builtin:banking-intents-test"},
                                               {"arc-easy", "multiple-choice", "builtin:arc-easy"},
                                               {"gsm8k", "exact-match", "builtin:gsm8k"}};
    return tasks;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "\"" : ", \"") + name + "\"";
    return text;
}

bool fitForFileName(const std::string& name) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    return !name.empty() && name.size() <= kLongestName && name.front() != '.' && std::ranges::all_of(name, fits);
}

void readTask(SpecReader& evaluation, const nlohmann::json& json, const std::string& path, TaskChoice& task) {
    SpecReader reader(json, path, evaluation.where());
    reader.text("name", task.name);
    if (const auto* bundled = findBundledTask(task.name)) task = *bundled;
    reader.text("kind", task.kind);
    reader.text("file", task.file);
    reader.whole("limit", task.limit, 0, kMany);
    reader.whole("max_new_tokens", task.newTokens, 0, 100'000);
    if (json.is_object()) {
        if (!fitForFileName(task.name)) reader.reject("name", "must be made of letters, digits, '-', '_' and '.', up to 64 of them.");
        std::vector<std::string> kinds;
        for (const auto& kind : taskKinds()) kinds.emplace_back(kind.name);
        if (findTaskKind(task.kind) == nullptr) reader.reject("kind", "must be one of " + listed(kinds) + ".");
        if (task.file.empty()) reader.reject("file", "is missing; give a JSON Lines file of items.");
    }
    evaluation.finishInner(reader);
}

template <typename T, typename Fits>
void readList(SpecReader& reader, const char* field, std::vector<T>& target, const char* needed, const Fits& fits) {
    const auto* json = reader.child(field);
    if (json == nullptr) return;
    const bool sound = json->is_array() && !json->empty() && std::ranges::all_of(*json, [&](const auto& each) { return fits(each); });
    if (!sound) return reader.reject(field, std::string("must be a list of ") + needed + ".");
    target = json->template get<std::vector<T>>();
    std::sort(target.begin(), target.end());
    target.erase(std::unique(target.begin(), target.end()), target.end());
}

}  // namespace

const TaskChoice* findBundledTask(const std::string& name) {
    for (const auto& task : bundledTasks())
        if (task.name == name) return &task;
    return nullptr;
}

std::vector<std::string> bundledTaskNames() {
    std::vector<std::string> names;
    for (const auto& task : bundledTasks()) names.push_back(task.name);
    return names;
}

void readTasks(SpecReader& evaluation, std::vector<TaskChoice>& tasks) {
    const auto* json = evaluation.child("tasks");
    if (json == nullptr) return;
    if (!json->is_array()) return evaluation.reject("tasks", std::string("must be a list, not ") + json->type_name() + ".");
    tasks.clear();
    for (std::size_t i = 0; i < json->size(); ++i) {
        const auto field = "tasks[" + std::to_string(i) + "]";
        const auto& entry = (*json)[i];
        TaskChoice task;
        if (entry.is_string()) {
            const auto* bundled = findBundledTask(entry.get<std::string>());
            if (bundled == nullptr)
                return evaluation.reject(field, "names no bundled task: " + entry.dump() + ". Those are " + listed(bundledTaskNames()) +
                                                    "; describe others by name, kind and file.");
            task = *bundled;
        } else {
            readTask(evaluation, entry, evaluation.pathOf(field), task);
        }
        if (std::ranges::any_of(tasks, [&](const TaskChoice& known) { return known.name == task.name; }))
            return evaluation.reject(field, "has the name of an earlier task.");
        tasks.push_back(std::move(task));
    }
}

void readAttack(SpecReader& evaluation, AttackGrid& grid) {
    const auto* json = evaluation.child("attack");
    if (json == nullptr) return;
    SpecReader reader(*json, evaluation.pathOf("attack"), evaluation.where());
    const auto numberIn = [](double low, double high) {
        return [=](const nlohmann::json& each) { return each.is_number() && each.get<double>() > low && each.get<double>() <= high; };
    };
    readList(reader, "temperatures", grid.temperatures, "numbers above 0, up to 100", numberIn(0.0, 100.0));
    readList(reader, "top_p", grid.topPs, "numbers above 0, up to 1", numberIn(0.0, 1.0));
    readList(reader, "top_k", grid.topKs, "whole numbers of 0 (all) or more", [](const nlohmann::json& each) {
        return each.is_number_integer() && each.get<std::int64_t>() >= 0 && each.get<std::int64_t>() <= kMany;
    });
    reader.whole("samples", grid.samples, 0, 10'000);
    reader.truth("stop_when_decided", grid.stopWhenDecided);
    evaluation.finishInner(reader);
}

nlohmann::json tasksToJson(const std::vector<TaskChoice>& tasks) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& task : tasks)
        list.push_back({{"name", task.name}, {"kind", task.kind}, {"file", task.file}, {"limit", task.limit}, {"max_new_tokens", task.newTokens}});
    return list;
}

nlohmann::json attackToJson(const AttackGrid& grid) {
    return {{"temperatures", grid.temperatures},
            {"top_k", grid.topKs},
            {"top_p", grid.topPs},
            {"samples", grid.samples},
            {"stop_when_decided", grid.stopWhenDecided}};
}

}  // namespace safequant
