// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <map>
#include <memory>

#include "app/cli/command.h"
#include "core/run/run_comparison.h"
#include "core/run/run_folder.h"

namespace safequant::cli {
namespace {

struct CompareCommand {
    std::vector<std::string> folders;
    ComparisonOptions options;
    std::string model;
    bool showText = false;
};

/// Answers of each compared model, by prompt.
using Texts = std::map<std::string, std::map<std::string, std::string>>;

Expected<Texts> textsOf(const RunComparison& comparison) {
    Texts texts;
    for (const auto& model : comparison.models) {
        const auto answers = readAnswers(model.folder, {});
        if (!answers) return fail(answers.error());
        for (const auto& answer : *answers)
            if (answer.model == model.model) texts[model.name][answer.id] = answer.text;
    }
    return texts;
}

void printFlips(const char* title, const std::vector<std::string>& ids, const PairedComparison& row, const Texts* texts) {
    if (ids.empty()) return;
    std::printf("    %s (%zu):", title, ids.size());
    if (texts == nullptr) {
        for (const auto& id : ids) std::printf(" %s", id.c_str());
        std::printf("\n");
        return;
    }
    std::printf("\n");
    for (const auto& id : ids)
        std::printf("      %s\n        first:  %s\n        second: %s\n", id.c_str(), texts->at(row.first).at(id).c_str(),
                    texts->at(row.second).at(id).c_str());
}

void print(const RunComparison& comparison, const Texts* texts) {
    std::printf("judge %s; compared with: %s\n", comparison.judge.c_str(), comparison.models.front().name.c_str());
    std::string second;
    for (const auto& row : comparison.rows) {
        if (row.firstRate.total == 0) continue;
        if (row.second != second) std::printf("%s\n", row.second.c_str());
        second = row.second;
        std::printf("  %-22s %5.1f%% -> %5.1f%% of %llu  difference %+.1f [%+.1f, %+.1f]  p %.4g, Holm %.4g\n", row.measure.c_str(),
                    100.0 * row.firstRate.value, 100.0 * row.secondRate.value, static_cast<unsigned long long>(row.firstRate.total),
                    100.0 * row.difference, 100.0 * row.interval.low, 100.0 * row.interval.high, row.p, row.pHolm);
        if (row.unpaired > 0) std::printf("    %llu prompts asked of one of the two only are left out\n", static_cast<unsigned long long>(row.unpaired));
        printFlips("only in the first", row.onlyFirst, row, texts);
        printFlips("only in the second", row.onlySecond, row, texts);
    }
    std::printf("Differences in points with 95%% intervals (bootstrap over near-duplicate clusters), exact McNemar, Holm over all rows.\n");
}

int compare(const CommonOptions& options, const CompareCommand& chosen) {
    const auto comparison = compareRuns(chosen.folders, chosen.options);
    if (!comparison) return reportError(options, comparison.error());
    Texts texts;
    if (chosen.showText) {
        auto read = textsOf(*comparison);
        if (!read) return reportError(options, read.error());
        texts = std::move(*read);
    }
    if (options.json) {
        auto json = toJson(*comparison);
        if (chosen.showText) json["texts"] = texts;
        std::printf("%s\n", json.dump(2).c_str());
    } else {
        print(*comparison, chosen.showText ? &texts : nullptr);
    }
    return 0;
}

}  // namespace

void addCompareCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<CompareCommand>();
    auto* command = app.add_subcommand("compare", "Compare runs prompt by prompt: differences, intervals, tests, flips");
    command->add_option("runs", chosen->folders, "Run folders; the first model of the first is what the others are compared with")
        ->required()
        ->check(CLI::ExistingDirectory);
    command->add_option("--judge", chosen->options.judge, "Whose verdicts (default: the first run's judge)");
    command->add_option("--model", chosen->model, "Only this model of every run")->check(CLI::IsMember({"base", "quantized"}));
    command->add_option("--seed", chosen->options.seed, "Seed of the bootstrap (default 0)");
    command->add_flag("--show-text", chosen->showText, "Print the answers whose verdict flipped, not their ids alone");
    command->footer("Examples:\n  safequant compare RUN\n  safequant compare ALIGNED ERODED REPAIRED --model base --judge xstest-openings");
    command->callback([chosen, &options, &action] {
        action = [chosen, &options] {
            if (!chosen->model.empty()) chosen->options.model = chosen->model;
            return compare(options, *chosen);
        };
    });
}

}  // namespace safequant::cli
