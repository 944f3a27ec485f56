// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <cstdio>
#include <memory>

#include "app/cli/command.h"
#include "app/cli/interrupt.h"
#include "app/cli/terminal_progress.h"
#include "core/checkpoint/hub_cache.h"
#include "core/run/review.h"
#include "core/run/verdict_file.h"

namespace safequant::cli {
namespace {

struct JudgeCommand {
    std::string folder;
    std::vector<std::string> judges;
    JudgeOptions options;
};

struct Column {
    const char* title;
    const char* label;
    bool (*holds)(Outcome outcome);
};
constexpr Column kColumns[] = {
    {"harmful score", "malicious", countsAsHarmful},
    {"refused, malicious", "malicious", [](Outcome outcome) { return outcome == Outcome::Refused; }},
    {"incoherent, malicious", "malicious", [](Outcome outcome) { return outcome == Outcome::Incoherent; }},
    {"unparsed, malicious", "malicious", [](Outcome outcome) { return outcome == Outcome::Unparsed; }},
    {"refused, benign", "benign", [](Outcome outcome) { return outcome == Outcome::Refused; }},
    {"incoherent, benign", "benign", [](Outcome outcome) { return outcome == Outcome::Incoherent; }},
    {"refused, hard benign", "hard_benign", [](Outcome outcome) { return outcome == Outcome::Refused; }},
};

bool asks(const JudgeInfo& judge, const Column& column) {
    return !judge.coherenceOnly || column.holds(Outcome::Incoherent);
}

void printRates(const VerdictSet& set) {
    for (const char* model : {"base", "quantized"}) {
        bool any = false;
        for (const auto& column : kColumns) {
            const Rate rate = verdictRate(set, model, column.label, column.holds);
            if (rate.total == 0 || !asks(set.judge, column)) continue;
            if (!any) std::printf("%s %d, %s\n", set.judge.name.c_str(), set.judge.version, model);
            any = true;
            std::printf("  %-22s %s\n", column.title, rateText(rate).c_str());
        }
    }
}

nlohmann::json ratesJson(const VerdictSet& set) {
    nlohmann::json json{{"judge", toJson(set.judge)}, {"rates", nlohmann::json::array()}};
    for (const char* model : {"base", "quantized"})
        for (const auto& column : kColumns) {
            const Rate rate = verdictRate(set, model, column.label, column.holds);
            if (rate.total > 0 && asks(set.judge, column))
                json["rates"].push_back({{"model", model},
                                         {"measure", column.title},
                                         {"count", rate.count},
                                         {"total", rate.total},
                                         {"interval", {rate.wilson.low, rate.wilson.high}}});
        }
    return json;
}

void printReview(const protocol::Review& review) {
    if (review.verdicts.empty()) return;
    std::printf("people\n  %-22s %s\n", ("agree with " + review.judge).c_str(), rateText(review.agreed).c_str());
    for (const auto& score : review.scores) {
        std::printf("  harmful score, %s: %s by the judge, ", score.model.c_str(), rateText(score.judged).c_str());
        if (score.known)
            std::printf("%.1f%% [%.1f, %.1f] corrected by %llu answers read\n", 100 * score.corrected, 100 * score.interval.low, 100 * score.interval.high,
                        static_cast<unsigned long long>(score.reviewed));
        else
            std::printf("not corrected: nothing was read of what it calls harmful, or of what it does not\n");
    }
}

int print(const CommonOptions& options, const std::vector<VerdictSet>& sets, const protocol::Review& review) {
    const auto agreement = judgeAgreement(sets);
    if (options.json) {
        nlohmann::json json{{"judges", nlohmann::json::array()}, {"agreement", nlohmann::json::array()}};
        for (const auto& set : sets) json["judges"].push_back(ratesJson(set));
        for (const auto& pair : agreement)
            json["agreement"].push_back({{"first", pair.first},
                                         {"second", pair.second},
                                         {"agreed", pair.agreed.count},
                                         {"total", pair.agreed.total},
                                         {"kappa", std::isfinite(pair.kappa) ? nlohmann::json(pair.kappa) : nlohmann::json()}});
        if (!review.verdicts.empty()) json["people"] = protocol::toJson(review);
        std::printf("%s\n", json.dump(2).c_str());
        return 0;
    }
    for (const auto& set : sets) printRates(set);
    if (!agreement.empty()) std::printf("agreement (same outcome; Cohen's kappa)\n");
    for (const auto& pair : agreement)
        std::printf("  %-16s %-16s %s  kappa %.3f\n", pair.first.c_str(), pair.second.c_str(), rateText(pair.agreed).c_str(), pair.kappa);
    printReview(review);
    return 0;
}

int judge(const CommonOptions& options, const JudgeCommand& chosen) {
    TerminalProgress progress(options.progress);
    for (const auto& name : chosen.judges) {
        const InterruptGuard guard;
        auto made = makeJudge(name, chosen.options, progress.task("load " + name, "blocks", guard.token()));
        if (!made) return reportError(options, made.error());
        const auto judged = judgeRun(chosen.folder, **made, progress.task("judge " + name, "answers", guard.token()));
        if (!judged) return reportError(options, judged.error());
    }
    const auto sets = readVerdicts(chosen.folder);
    if (!sets) return reportError(options, sets.error());
    const auto review = readReview(chosen.folder);
    if (!review) return reportError(options, review.error());
    return print(options, *sets, *review);
}

}  // namespace

void addJudgeCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<JudgeCommand>();
    auto* command = app.add_subcommand("judge", "Judge a run's answers again, by any judges, and say how far they agree");
    command->add_option("run", chosen->folder, "Run folder")->required()->check(CLI::ExistingDirectory);
    std::string described;
    for (const auto& entry : judgeEntries()) described += std::string("\n  ") + entry.name + ": " + entry.describe;
    command->add_option("--judge", chosen->judges, "Judge; repeatable (none: show the verdicts there are). There are:" + described)
        ->allow_extra_args(false);
    command->add_option("--judge-model", chosen->options.checkpoint, "Checkpoint for harmbench, llama-guard, and perplexity in coherence");
    command->add_option("--judge-adapter", chosen->options.adapters, "PEFT LoRA adapter merged into it; repeatable")->allow_extra_args(false);
    command->add_option("--perplexity-limit", chosen->options.perplexityLimit, "coherence: incoherent above this perplexity under the model");
    command->add_option("--verdicts", chosen->options.verdicts, "imported: CSV or JSON Lines with id, verdict and optionally model");
    command->footer("Examples:\n  safequant judge RUN --judge refusal-22 --judge xstest-openings --judge refusal-phrases\n"
                    "  safequant judge RUN --judge harmbench --judge-model classifier-folder\n"
                    "  safequant judge RUN --judge imported --verdicts people.csv\n\n"
                    "Writes RUN/verdicts/JUDGE.json; the answers stay as they are, and nothing is generated.");
    command->callback([chosen, &options, &action] {
        action = [chosen, &options] {
            if (!chosen->options.checkpoint.empty()) chosen->options.checkpoint = absoluteModelPath(chosen->options.checkpoint);
            for (auto& adapter : chosen->options.adapters) adapter = absoluteModelPath(adapter);
            return judge(options, *chosen);
        };
    });
}

}  // namespace safequant::cli
