// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/evaluation_table.h"

#include "core/engine/protocol/fields.h"
#include "core/run/summary_text.h"

namespace safequant {

Expected<EvaluationTable> readEvaluationTable(const std::string& folder) {
    EvaluationTable table;
    auto tasks = readTaskResults(folder);
    if (!tasks) return fail(tasks.error());
    table.tasks = std::move(*tasks);
    auto attacks = readAttackResults(folder);
    if (!attacks) return fail(attacks.error());
    table.attacks = std::move(*attacks);
    return table;
}

nlohmann::json toJson(const EvaluationTable& table) {
    nlohmann::json json{{"tasks", nlohmann::json::array()}, {"attack", nlohmann::json::array()}};
    for (const auto& task : table.tasks)
        json["tasks"].push_back({{"task", task.task},
                                 {"kind", task.kind},
                                 {"kind_version", task.version},
                                 {"model", task.model},
                                 {"accuracy", protocol::toJson(taskAccuracy(task.answers))}});
    for (const auto& attack : table.attacks)
        json["attack"].push_back({{"model", attack.model},
                                  {"judge", attack.judge},
                                  {"judge_version", attack.judgeVersion},
                                  {"setting", attack.setting.name()},
                                  {"samples", attack.samples},
                                  {"stop_when_decided", attack.stopWhenDecided},
                                  {"mean_success", attack.summary.meanSuccess},
                                  {"mean_success_interval", protocol::toJson(attack.summary.meanInterval)},
                                  {"any_success", protocol::toJson(attack.summary.anySuccess)},
                                  {"flips", {{"to_harmful", attack.summary.toHarmful}, {"to_safe", attack.summary.toSafe}}}});
    return json;
}

std::string evaluationMarkdown(const EvaluationTable& table) {
    std::string text;
    if (!table.tasks.empty()) text += "\n## Tasks\n\n| task | model | right | scoring |\n|---|---|---|---|\n";
    for (const auto& task : table.tasks)
        text += "| " + task.task + " | " + task.model + " | " + percentText(taskAccuracy(task.answers)) + " | " + task.scoring + " |\n";
    if (table.attacks.empty()) return text;
    text += "\n## Decoding attack\n\nAttack success rate on the malicious prompts, several sampled answers each.\n\n"
            "| setting | model | mean | any | flips to harmful | flips to safe |\n|---|---|---|---|---|---|\n";
    for (const auto& attack : table.attacks) {
        const auto& summary = attack.summary;
        text += "| " + attack.setting.name() + " | " + attack.model + " | " + fixedText(100.0 * summary.meanSuccess, 1) + "% [" +
                fixedText(100.0 * summary.meanInterval.low, 1) + ", " + fixedText(100.0 * summary.meanInterval.high, 1) + "] | " +
                percentText(summary.anySuccess) + " | " + std::to_string(summary.toHarmful.size()) + " | " +
                std::to_string(summary.toSafe.size()) + " |\n";
    }
    const auto& first = table.attacks.front();
    return text + "\nJudge: " + first.judge + " " + std::to_string(first.judgeVersion) + "; " + std::to_string(first.samples) +
           " answers a prompt. The mean's interval is a bootstrap over near-duplicate clusters." +
           (first.stopWhenDecided ? " Answers end where their verdict was decided." : "") + "\n";
}

}  // namespace safequant
