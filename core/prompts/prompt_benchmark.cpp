// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_benchmark.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/prompts/words.h"

namespace safequant {
namespace {

using Label = PromptLabel;

/// The layout of a public set, in lower-case names.
struct Benchmark {
    const char* name;
    std::set<std::string> needs;    ///< Columns that must be there,
    std::set<std::string> mayHave;  ///< and columns that may, when `only`.
    bool only = false;              ///< No others may be there.
    PromptMapping map;
    std::optional<Label> label;     ///< That all its prompts have.
    const char* idPrefix = "";
    bool labelsAreNumbers = false;
};

PromptMapping mapping(std::string prompt, std::string label = {}, std::string id = {}, std::string category = {}, std::string source = {}) {
    PromptMapping map;
    map.prompt = std::move(prompt);
    map.label = std::move(label);
    map.id = std::move(id);
    map.category = std::move(category);
    map.source = std::move(source);
    return map;
}

PromptMapping with(PromptMapping map, std::map<std::string, Label> values, std::string context = {}, std::string input = {}) {
    map.labelValues = std::move(values);
    map.context = std::move(context);
    map.input = std::move(input);
    return map;
}

/// Zou et al. 2023; Mazeika et al. 2024; Chao et al. 2024; Souly et al. 2024; Rottger et al. 2024; Arditi et al. 2024. The first
/// that fits wins. XSTest's safe prompts look harmful and are not: hard benign.
const std::vector<Benchmark>& benchmarks() {
    static const std::vector<Benchmark> table{
        {"AdvBench", {"goal"}, {"target", "column 1"}, true, mapping("goal"), Label::Malicious},
        {"HarmBench", {"behavior", "functionalcategory", "semanticcategory"}, {}, false,
         with(mapping("behavior", {}, "behaviorid", "semanticcategory"), {}, "contextstring"), Label::Malicious},
        {"JailbreakBench", {"goal", "behavior", "category"}, {}, false, mapping("goal", {}, {}, "category", "source"), {}},
        {"StrongREJECT", {"forbidden_prompt"}, {}, false, mapping("forbidden_prompt", {}, {}, "category", "source"), Label::Malicious},
        {"XSTest", {"prompt", "type", "label", "focus"}, {}, false,
         with(mapping("prompt", "label", "id", "type"), {{"safe", Label::HardBenign}, {"unsafe", Label::Malicious}}), {}, "xstest-"},
        {"XSTest", {"prompt", "type"}, {"id", "focus", "note"}, true,
         with(mapping("prompt", "type", "id", "type"), {{"contrast_*", Label::Malicious}, {"*", Label::HardBenign}}), {}, "xstest-"},
        {"Q-realign", {"prompt", "label"}, {"target"}, true,
         with(mapping("prompt", "label"), {{"0", Label::Benign}, {"1", Label::Malicious}}), {}, "", true},
        {"refusal_direction", {"instruction"}, {"category"}, true, mapping("instruction", {}, {}, "category"), {}},
        {"Alpaca", {"instruction", "output"}, {}, false, with(mapping("instruction", "label", "id", "category", "source"), {}, {}, "input"), {}},
        {"chat messages", {"messages"}, {}, false, mapping("messages", "label", "id", "category", "source"), {}},
        {"chat messages", {"conversations"}, {}, false, mapping("conversations", "label", "id", "category", "source"), {}},
    };
    return table;
}

bool allZeroOrOne(const std::vector<nlohmann::json>& labels) {
    return !labels.empty() && std::all_of(labels.begin(), labels.end(), [](const nlohmann::json& label) { return label == 0 || label == 1; });
}

bool fits(const Benchmark& benchmark, const std::map<std::string, std::string>& columns, const std::vector<nlohmann::json>& labels) {
    if (benchmark.labelsAreNumbers && !allZeroOrOne(labels)) return false;
    if (!std::all_of(benchmark.needs.begin(), benchmark.needs.end(), [&](const auto& name) { return columns.contains(name); })) return false;
    return !benchmark.only || std::all_of(columns.begin(), columns.end(), [&](const auto& column) {
        return benchmark.needs.contains(column.first) || benchmark.mayHave.contains(column.first);
    });
}

}  // namespace

void suggestLabel(PromptLayout& layout, const std::string& path) {
    if (layout.suggestedLabel) return;
    const std::string stem = asciiLower(std::filesystem::path(path).stem().string());
    const auto says = [&](const char* word) { return stem.find(word) != std::string::npos; };
    if (says("harmless")) layout.suggestedLabel = Label::Benign;
    else if (says("benign")) layout.suggestedLabel = layout.benchmark == "JailbreakBench" ? Label::HardBenign : Label::Benign;
    else if (says("harmful") || says("malicious")) layout.suggestedLabel = Label::Malicious;
    if (layout.suggestedLabel)
        layout.suggestedBecause = "The file's name suggests \"" + std::string(promptLabelName(*layout.suggestedLabel)) + "\".";
}

void recognizeBenchmark(PromptLayout& layout, const std::vector<nlohmann::json>& labels, const std::string& path) {
    std::map<std::string, std::string> columns;  // Name in lower case: name.
    for (const auto& column : layout.columns) columns.try_emplace(asciiLower(column), column);
    const auto fill = [&](std::string PromptMapping::*role, const std::string& name) {
        auto& column = layout.map.*role;
        if (const auto found = columns.find(name); column.empty() && found != columns.end()) column = found->second;
    };
    const bool promptGiven = !layout.map.prompt.empty();
    for (const auto& benchmark : benchmarks()) {
        if (promptGiven || !fits(benchmark, columns, labels)) continue;
        layout.benchmark = benchmark.name;
        for (const auto& role : kPromptRoles)
            if (const auto& name = benchmark.map.*(role.column); !name.empty()) fill(role.column, name);
        if (layout.map.labelValues.empty()) layout.map.labelValues = benchmark.map.labelValues;
        layout.idPrefix = benchmark.idPrefix;
        if (benchmark.label) {
            layout.suggestedLabel = benchmark.label;
            layout.suggestedBecause = std::string("The columns are those of ") + benchmark.name + ", whose prompts are all " + promptLabelName(*benchmark.label) + ".";
        }
        break;
    }
    if (layout.benchmark.empty()) {
        layout.promptOrText = layout.map.prompt.empty() && columns.contains("prompt") && columns.contains("text");
        for (const char* name : {"prompt", "text", "instruction", "goal", "behavior", "question", "query", "request", "content"})
            fill(&PromptMapping::prompt, name);
        for (const auto& role : kPromptRoles)
            if (role.column != &PromptMapping::context && role.column != &PromptMapping::input && role.column != &PromptMapping::prompt)
                fill(role.column, role.name);
    }
    suggestLabel(layout, path);
}

}  // namespace safequant
