// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/task_results.h"

#include <cstdio>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/run/event_log.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTaskFormat = "safequant-task";
constexpr int kFormatVersion = 1;

std::string resultPath(const std::string& folder, const std::string& task, const std::string& model) {
    return folder + "/tasks/" + task + "-" + model + ".json";
}

nlohmann::json toJson(const TaskResult& result) {
    const Rate accuracy = taskAccuracy(result.answers);
    nlohmann::json answers = nlohmann::json::array();
    for (const auto& answer : result.answers) answers.push_back({{"id", answer.id}, {"correct", answer.correct}, {"said", answer.said}});
    return {{"format", kTaskFormat},
            {"format_version", kFormatVersion},
            {"task", result.task},
            {"kind", result.kind},
            {"kind_version", result.version},
            {"scoring", result.scoring},
            {"model", result.model},
            {"items_sha256", result.itemsHash},
            {"max_new_tokens", result.newTokens},
            {"accuracy", accuracy.value},
            {"correct", accuracy.count},
            {"total", accuracy.total},
            {"interval", {accuracy.wilson.low, accuracy.wilson.high}},
            {"answers", std::move(answers)}};
}

Expected<TaskResult> readResult(const std::string& path) {
    const auto text = readTextFile(path);
    if (!text) return fail(text.error());
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    try {
        TaskResult result;
        json.at("task").get_to(result.task);
        json.at("kind").get_to(result.kind);
        json.at("kind_version").get_to(result.version);
        json.at("scoring").get_to(result.scoring);
        json.at("model").get_to(result.model);
        json.at("items_sha256").get_to(result.itemsHash);
        json.at("max_new_tokens").get_to(result.newTokens);
        for (const auto& answer : json.at("answers")) result.answers.push_back({answer.at("id"), answer.at("correct"), answer.at("said")});
        return result;
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::BadInput, std::string("The task's result cannot be read: ") + error.what(), path);
    }
}

}  // namespace

Expected<std::vector<TaskResult>> readTaskResults(const std::string& folder) {
    const auto spec = readRunSpec(folder + "/spec.json");
    if (!spec) return fail(spec.error());
    std::vector<TaskResult> results;
    for (const auto& task : spec->tasks)
        for (const char* model : {"base", "quantized"}) {
            const auto path = resultPath(folder, task.name, model);
            if (!isFile(path)) continue;
            auto result = readResult(path);
            if (!result) return fail(result.error());
            results.push_back(std::move(*result));
        }
    return results;
}

std::vector<BaseFile> baseTaskFiles(const Session& session) {
    std::vector<BaseFile> files;
    for (const auto& task : session.inputs().tasks) {
        const auto& kind = *findTaskKind(task.choice.kind);
        const nlohmann::json print{answersFingerprint(session.inputs()), task.hash,       task.choice.limit,
                                   task.choice.newTokens,                kind.name, kind.version};
        files.push_back({resultPath({}, task.choice.name, "base").substr(1), sha256Hex(print.dump())});
    }
    return files;
}

bool tasksMissing(const Session& session, const std::string& model) {
    for (const auto& task : session.inputs().tasks)
        if (!isFile(resultPath(session.folder(), task.choice.name, model))) return true;
    return false;
}

Expected<void> runTasks(Session& session, const std::string& model, LanguageModel& language) {
    for (const auto& task : session.inputs().tasks) {
        const auto path = resultPath(session.folder(), task.choice.name, model);
        if (isFile(path)) continue;
        const auto& kind = *findTaskKind(task.choice.kind);
        TaskResult result{task.choice.name, kind.name, kind.scoring, model, kind.version, task.hash, 0, {}};
        if (kind.newTokens > 0) result.newTokens = task.choice.newTokens > 0 ? task.choice.newTokens : kind.newTokens;
        auto answers = kind.run(language, session.inputs().format, task.items, result.newTokens, Progress{session.stop(), {}});
        if (!answers) return fail(answers.error());
        result.answers = std::move(*answers);
        std::error_code code;
        fs::create_directories(fs::path(path).parent_path(), code);
        if (code) return fail(ErrorKind::Io, "The folder cannot be made: " + code.message() + ".", path);
        // Bytes of a model's answer that are no UTF-8 are replaced, as in generations.jsonl.
        const auto text = toJson(result).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
        if (auto written = writeFileAtomically(path, text); !written) return written;
        const Rate accuracy = taskAccuracy(result.answers);
        char share[16];
        std::snprintf(share, sizeof(share), "%.1f", 100.0 * accuracy.value);
        if (auto said = session.say("info", "Task " + result.task + ", " + model + ": " + share + "% of " + std::to_string(accuracy.total) + " right."); !said)
            return said;
    }
    return {};
}

}  // namespace safequant
