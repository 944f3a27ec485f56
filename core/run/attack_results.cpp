// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/attack_results.h"

#include <cstdio>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/evaluate/verdicts.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAttackFormat = "safequant-attack";
constexpr int kFormatVersion = 1;

std::string resultPath(const std::string& folder, const std::string& model, const AttackSetting& setting) {
    return folder + "/attack/" + model + "-" + setting.name() + ".json";
}

nlohmann::json toJson(const AttackResult& result) {
    const auto& summary = result.summary;
    nlohmann::json answers = nlohmann::json::array();
    for (const auto& answer : result.answers)
        answers.push_back({{"id", answer.id},
                           {"sample", answer.sample},
                           {"text", answer.text},
                           {"outcome", outcomeName(answer.outcome)},
                           {"tokens", answer.tokens},
                           {"stopped", answer.stopped}});
    return {{"format", kAttackFormat},
            {"format_version", kFormatVersion},
            {"model", result.model},
            {"judge", {{"name", result.judge}, {"version", result.judgeVersion}}},
            {"setting", {{"temperature", result.setting.temperature}, {"top_k", result.setting.topK}, {"top_p", result.setting.topP}}},
            {"samples", result.samples},
            {"max_new_tokens", result.newTokens},
            {"stop_when_decided", result.stopWhenDecided},
            {"mean_success", summary.meanSuccess},
            {"mean_success_interval", {summary.meanInterval.low, summary.meanInterval.high}},
            {"any_success",
             {{"count", summary.anySuccess.count},
              {"total", summary.anySuccess.total},
              {"interval", {summary.anySuccess.wilson.low, summary.anySuccess.wilson.high}}}},
            {"flips", {{"to_harmful", summary.toHarmful}, {"to_safe", summary.toSafe}}},
            {"answers", std::move(answers)}};
}

Expected<AttackResult> readResult(const std::string& path) {
    const auto text = readTextFile(path);
    if (!text) return fail(text.error());
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    try {
        AttackResult result;
        json.at("model").get_to(result.model);
        json.at("judge").at("name").get_to(result.judge);
        json.at("judge").at("version").get_to(result.judgeVersion);
        const auto& setting = json.at("setting");
        result.setting = {setting.at("temperature"), setting.at("top_k"), setting.at("top_p")};
        json.at("samples").get_to(result.samples);
        json.at("max_new_tokens").get_to(result.newTokens);
        json.at("stop_when_decided").get_to(result.stopWhenDecided);
        auto& summary = result.summary;
        json.at("mean_success").get_to(summary.meanSuccess);
        summary.meanInterval = {json.at("mean_success_interval").at(0), json.at("mean_success_interval").at(1)};
        summary.anySuccess = rateOf(json.at("any_success").at("count"), json.at("any_success").at("total"));
        json.at("flips").at("to_harmful").get_to(summary.toHarmful);
        json.at("flips").at("to_safe").get_to(summary.toSafe);
        for (const auto& answer : json.at("answers"))
            result.answers.push_back({answer.at("id"), answer.at("sample"), answer.at("text"),
                                      outcomeOf(answer.at("outcome").get<std::string>()).value_or(Outcome::Unparsed), answer.at("tokens"),
                                      answer.at("stopped")});
        return result;
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::BadInput, std::string("The attack's result cannot be read: ") + error.what(), path);
    }
}

}  // namespace

Expected<std::vector<AttackResult>> readAttackResults(const std::string& folder) {
    const auto spec = readRunSpec(folder + "/spec.json");
    if (!spec) return fail(spec.error());
    std::vector<AttackResult> results;
    if (spec->attack.samples == 0) return results;
    for (const char* model : {"base", "quantized"})
        for (const auto& setting : attackSettings(spec->attack)) {
            const auto path = resultPath(folder, model, setting);
            if (!isFile(path)) continue;
            auto result = readResult(path);
            if (!result) return fail(result.error());
            results.push_back(std::move(*result));
        }
    return results;
}

std::vector<BaseFile> baseAttackFiles(const Session& session) {
    const auto& spec = session.inputs().spec;
    std::vector<BaseFile> files;
    if (spec.attack.samples == 0) return files;
    const JudgeInfo& judge = findTextJudge(spec.judge)->info();
    for (const auto& setting : attackSettings(spec.attack)) {
        const nlohmann::json print{answersFingerprint(session.inputs()), setting.name(), spec.attack.samples, spec.attack.stopWhenDecided, judge.name, judge.version};
        files.push_back({resultPath({}, "base", setting).substr(1), sha256Hex(print.dump())});
    }
    return files;
}

bool attackMissing(const Session& session, const std::string& model) {
    const auto& grid = session.inputs().spec.attack;
    if (grid.samples == 0) return false;
    for (const auto& setting : attackSettings(grid))
        if (!isFile(resultPath(session.folder(), model, setting))) return true;
    return false;
}

Expected<void> runAttack(Session& session, const std::string& model, LanguageModel& language, const std::vector<protocol::AnswerItem>& own) {
    const auto& inputs = session.inputs();
    const auto& spec = inputs.spec;
    if (spec.attack.samples == 0) return {};
    const TextJudge& judge = *findTextJudge(spec.judge);
    std::vector<AttackPrompt> prompts;
    std::map<std::string, int> clusters;
    for (const auto index : inputs.asked) {
        const auto& prompt = inputs.prompts.prompts[index];
        if (prompt.label != PromptLabel::Malicious) continue;
        prompts.push_back({prompt.id, prompt.text});
        clusters[prompt.id] = prompt.cluster;
    }
    std::map<std::string, bool> before;
    for (const auto& answer : own) before[answer.id] = countsAsHarmful(outcomeOf(answer.outcome).value_or(Outcome::Unparsed));
    for (const auto& setting : attackSettings(spec.attack)) {
        const auto path = resultPath(session.folder(), model, setting);
        if (isFile(path)) continue;
        AttackResult result{model, judge.info().name, judge.info().version, setting, spec.attack.samples, spec.decoding.maxNewTokens,
                            spec.attack.stopWhenDecided, {}, {}};
        auto answers = attackWith(language, inputs.format, prompts, setting, spec.attack, spec.decoding.maxNewTokens, spec.seed, judge,
                                  Progress{session.stop(), {}});
        if (!answers) return fail(answers.error());
        result.answers = std::move(*answers);
        result.summary = summariseAttack(result.answers, clusters, before, spec.seed);
        std::error_code code;
        fs::create_directories(fs::path(path).parent_path(), code);
        if (code) return fail(ErrorKind::Io, "The folder cannot be made: " + code.message() + ".", path);
        const auto text = toJson(result).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
        if (auto written = writeFileAtomically(path, text); !written) return written;
        char shares[96];
        std::snprintf(shares, sizeof(shares), "%.1f%% of answers, %.1f%% of prompts with any", 100.0 * result.summary.meanSuccess,
                      100.0 * result.summary.anySuccess.value);
        if (auto said = session.say("info", "Attack success at " + setting.name() + ", " + model + ": " + shares + "."); !said) return said;
    }
    return {};
}

}  // namespace safequant
