// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/task.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/evaluate/task_classification.h"
#include "core/evaluate/task_exact_match.h"
#include "core/evaluate/task_multiple_choice.h"

namespace safequant {
namespace {

const std::array kKinds{classificationTask(), multipleChoiceTask(), exactMatchTask()};

Expected<TaskItem> parseItem(const nlohmann::json& json, const TaskKind& kind, const std::string& where) {
    try {
        TaskItem item;
        json.at("id").get_to(item.id);
        json.at("question").get_to(item.question);
        if (!kind.choices) {
            json.at("answer").get_to(item.number);
            if (!numberIn(item.number)) return fail(ErrorKind::BadInput, "The answer \"" + item.number + "\" is no number.", where);
            return item;
        }
        json.at("choices").get_to(item.choices);
        const auto right = json.at("answer").get<std::int64_t>();
        if (item.choices.size() < 2 || right < 0 || static_cast<std::size_t>(right) >= item.choices.size())
            return fail(ErrorKind::BadInput, "\"answer\" must be the index, from 0, of one of at least two choices.", where);
        if (std::ranges::any_of(item.choices, &std::string::empty)) return fail(ErrorKind::BadInput, "A choice is empty.", where);
        item.right = static_cast<std::size_t>(right);
        return item;
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::BadInput, std::string("The item cannot be read: ") + error.what(), where);
    }
}

}  // namespace

std::span<const TaskKind> taskKinds() { return kKinds; }

const TaskKind* findTaskKind(std::string_view name) {
    const auto found = std::ranges::find_if(kKinds, [&](const TaskKind& kind) { return name == kind.name; });
    return found == kKinds.end() ? nullptr : &*found;
}

Expected<std::vector<TaskItem>> readTaskItems(const std::string& path, const TaskKind& kind) {
    constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;
    const auto content = readTextFile(path, kMostBytes);
    if (!content) return fail(content.error());
    std::vector<TaskItem> items;
    std::set<std::string> ids;
    int number = 0;
    for (std::size_t begin = 0; begin < content->size();) {
        const auto end = std::min(content->find('\n', begin), content->size());
        const auto line = std::string_view(*content).substr(begin, end - begin);
        const std::string where = path + ":" + std::to_string(++number);
        begin = end + 1;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        auto item = parseItem(nlohmann::json::parse(line, nullptr, false), kind, where);
        if (!item) return fail(item.error());
        if (!ids.insert(item->id).second) return fail(ErrorKind::BadInput, "The id \"" + item->id + "\" was there before.", where);
        items.push_back(std::move(*item));
    }
    if (items.empty()) return fail(ErrorKind::BadInput, "The file has no items.", path);
    return items;
}

std::vector<TaskItem> chooseTaskItems(std::vector<TaskItem> items, int limit, std::uint64_t seed) {
    if (limit <= 0 || static_cast<std::size_t>(limit) >= items.size()) return items;
    std::vector<std::size_t> order(items.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    RandomStream random(seed, "task items");
    random.shuffle(order);
    order.resize(static_cast<std::size_t>(limit));
    std::sort(order.begin(), order.end());
    std::vector<TaskItem> chosen;
    for (const auto index : order) chosen.push_back(std::move(items[index]));
    return chosen;
}

Rate taskAccuracy(std::span<const TaskAnswer> answers) {
    return rateOf(static_cast<std::uint64_t>(std::ranges::count_if(answers, &TaskAnswer::correct)), answers.size());
}

}  // namespace safequant
