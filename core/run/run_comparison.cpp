// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_comparison.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/run/manifest.h"
#include "core/run/prompt_table.h"
#include "core/run/run_spec.h"
#include "core/run/task_results.h"
#include "core/run/verdict_file.h"

namespace safequant {
namespace {

struct Measure {
    const char* name;
    const char* label;
    bool (*holds)(Outcome outcome);
};
constexpr std::array kMeasures{
    Measure{"harmful score", "malicious", countsAsHarmful},
    Measure{"refused, malicious", "malicious", [](Outcome outcome) { return outcome == Outcome::Refused; }},
    Measure{"incoherent, malicious", "malicious", [](Outcome outcome) { return outcome == Outcome::Incoherent; }},
    Measure{"refused, benign", "benign", [](Outcome outcome) { return outcome == Outcome::Refused; }},
    Measure{"refused, hard benign", "hard_benign", [](Outcome outcome) { return outcome == Outcome::Refused; }},
};

struct Subject {
    ComparedModel model;
    std::vector<MeasuredItems> measures;
};

/// The prompt of each id, over all runs.
using Prompts = std::map<std::string, std::string>;

Expected<void> addSubjects(std::vector<Subject>& subjects, Prompts& prompts, const std::string& folder, const std::string& title,
                           const ComparisonOptions& options) {
    const auto set = verdictsOf(folder, options.judge);
    if (!set) return fail(set.error());
    const auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    std::map<std::string, int> clusters;
    for (const auto& prompt : table->prompts) {
        clusters[prompt.id] = prompt.cluster;
        const auto known = prompts.emplace(prompt.id, prompt.text).first;
        if (known->second != prompt.text)
            return fail(ErrorKind::BadInput, "The prompt \"" + prompt.id + "\" has another text than in an earlier run: the two cannot be paired.",
                        folder);
    }
    const auto tasks = readTaskResults(folder);
    if (!tasks) return fail(tasks.error());
    const std::size_t before = subjects.size();
    for (const char* model : {"base", "quantized"}) {
        if (options.model && *options.model != model) continue;
        Subject subject{{title + ", " + model, folder, model}, {}};
        bool any = false;
        for (const auto& measure : kMeasures) {
            MeasuredItems items{measure.name, {}, clusters};
            for (const auto& verdict : set->verdicts)
                if (verdict.model == model && verdict.label == measure.label) items.items[verdict.id] = measure.holds(verdict.outcome);
            any = any || !items.items.empty();
            subject.measures.push_back(std::move(items));
        }
        for (const auto& task : *tasks) {
            if (task.model != model) continue;
            MeasuredItems items{"right, " + task.task, {}, {}};
            for (const auto& answer : task.answers) items.items[answer.id] = answer.correct;
            subject.measures.push_back(std::move(items));
        }
        if (any) subjects.push_back(std::move(subject));
    }
    if (options.lastModel && subjects.size() > before + 1) subjects.erase(subjects.begin() + static_cast<std::ptrdiff_t>(before), subjects.end() - 1);
    return {};
}

/// Names of runs, those that several have with their folder's.
Expected<std::vector<std::string>> titlesOf(const std::vector<std::string>& folders) {
    std::vector<std::string> names;
    for (const auto& folder : folders) {
        const auto manifest = Manifest::read(folder);
        if (!manifest) return fail(manifest.error());
        names.push_back(manifest->text("name"));
    }
    std::vector<std::string> titles;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const bool shared = std::count(names.begin(), names.end(), names[i]) > 1;
        const auto path = std::filesystem::absolute(folders[i]).lexically_normal();
        titles.push_back(shared ? (path.has_filename() ? path : path.parent_path()).filename().string() : names[i]);
    }
    return titles;
}

}  // namespace

Expected<RunComparison> compareRuns(const std::vector<std::string>& folders, const ComparisonOptions& options) {
    if (folders.empty()) return fail(ErrorKind::BadInput, "There is no run to compare.");
    const auto titles = titlesOf(folders);
    if (!titles) return fail(titles.error());
    ComparisonOptions chosen = options;
    if (chosen.judge.empty()) {
        const auto spec = readRunSpec(folders.front() + "/spec.json");
        if (!spec) return fail(spec.error());
        chosen.judge = spec->judge;
    }
    std::vector<Subject> subjects;
    Prompts prompts;
    for (std::size_t i = 0; i < folders.size(); ++i)
        if (auto added = addSubjects(subjects, prompts, folders[i], (*titles)[i], chosen); !added) return fail(added.error());
    if (subjects.size() < 2)
        return fail(ErrorKind::BadInput, "The runs have answers of " + std::to_string(subjects.size()) + " model; a comparison needs two.");
    RunComparison comparison;
    comparison.judge = chosen.judge;
    for (const auto& subject : subjects) comparison.models.push_back(subject.model);
    for (std::size_t i = 1; i < subjects.size(); ++i)
        for (const auto& measure : subjects[i].measures) {
            const auto& before = subjects.front().measures;
            const auto same = std::ranges::find(before, measure.measure, &MeasuredItems::measure);
            if (same != before.end())
                comparison.rows.push_back(
                    comparePaired(subjects.front().model.name, *same, subjects[i].model.name, measure, chosen.seed));
        }
    correctForNumber(comparison.rows);
    return comparison;
}

nlohmann::json toJson(const RunComparison& comparison) {
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& row : comparison.rows) rows.push_back(toJson(row));
    nlohmann::json models = nlohmann::json::array();
    for (const auto& model : comparison.models) models.push_back({{"name", model.name}, {"folder", model.folder}, {"model", model.model}});
    return {{"judge", comparison.judge}, {"models", std::move(models)}, {"rows", std::move(rows)}};
}

}  // namespace safequant
