// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "app/cli/command.h"
#include "core/base/files.h"
#include "core/run/prompt_check.h"

namespace safequant::cli {
namespace {

struct PromptsOptions {
    std::vector<std::string> files, map, labelValues, corrections;
    std::string format, delimiter, label, model, systemPrompt, convert;
    std::optional<double> split;
    std::uint64_t seed = 0;
    int answerTokens = 64;
    bool allowOverlap = false;
    bool unstratified = false;
};

/// "ROLE=COLUMN,ROLE=COLUMN" lists as the object of a spec.
Expected<nlohmann::json> pairs(const std::vector<std::string>& lists, const char* option) {
    nlohmann::json object = nlohmann::json::object();
    for (const auto& list : lists) {
        for (std::size_t begin = 0; begin <= list.size();) {
            const auto end = std::min(list.find(',', begin), list.size());
            const auto pair = list.substr(begin, end - begin);
            const auto sign = pair.rfind('=');
            if (sign == std::string::npos || sign == 0 || sign + 1 == pair.size())
                return fail(ErrorKind::BadInput, "Pairs are written NAME=VALUE, with commas between them.", std::string(option) + " " + list);
            object[pair.substr(0, sign)] = pair.substr(sign + 1);
            begin = end + 1;
        }
    }
    return object;
}

/// The options as the part of a spec they stand for, so that both meet the same checks.
Expected<PromptSource> sourceOf(const PromptsOptions& chosen) {
    const auto map = pairs(chosen.map, "--map");
    const auto values = pairs(chosen.labelValues, "--label-value");
    const auto corrections = pairs(chosen.corrections, "--correct");
    if (!map) return fail(map.error());
    if (!values) return fail(values.error());
    if (!corrections) return fail(corrections.error());
    if (!corrections->empty() && chosen.files.size() > 1)
        return fail(ErrorKind::BadInput, "Corrections are of one file; check files with corrections one by one, or name them in a spec.", "--correct");
    nlohmann::json files = nlohmann::json::array();
    for (const auto& path : chosen.files) {
        nlohmann::json file{{"file", path}};
        if (!chosen.format.empty()) file["format"] = chosen.format;
        if (!chosen.delimiter.empty()) file["delimiter"] = chosen.delimiter == "tab" ? "\t" : chosen.delimiter;
        if (!chosen.label.empty()) file["label"] = chosen.label;
        if (!map->empty()) file["map"] = *map;
        if (!values->empty()) file["label_values"] = *values;
        if (!corrections->empty()) file["corrections"] = *corrections;
        files.push_back(std::move(file));
    }
    nlohmann::json split{{"allow_overlap", chosen.allowOverlap}, {"stratified", !chosen.unstratified}};
    if (chosen.split) {
        split["calibration"] = *chosen.split;
        split["again"] = true;
    }
    return promptSourceFromJson({{"files", files}, {"split", split}, {"seed", chosen.seed}}, "files", "command line");
}

std::string jsonLines(const PromptSet& set) {
    std::string text;
    for (const auto& prompt : set.prompts) {
        nlohmann::json line{{"id", prompt.id}, {"prompt", prompt.text}, {"label", promptLabelName(prompt.label)}, {"split", promptSplitName(prompt.split)}};
        if (!prompt.category.empty()) line["category"] = prompt.category;
        if (!prompt.source.empty()) line["source"] = prompt.source;
        text += line.dump() + "\n";
    }
    return text;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

void printFile(const protocol::PromptFileInfo& file) {
    std::printf("%s\n", file.path.c_str());
    if (file.title.empty()) return;
    std::printf("  format     %s%s%s\n", file.title.c_str(), file.benchmark.empty() ? "" : ", ", file.benchmark.c_str());
    if (!file.columns.empty()) std::printf("  columns    %s\n", listed(file.columns).c_str());
    std::vector<std::string> roles;
    for (const auto& [role, column] : file.map.items()) roles.push_back(role + " = " + column.get<std::string>());
    if (!roles.empty()) std::printf("  read as    %s\n", listed(roles).c_str());
    if (!file.skipped.empty()) std::printf("  not read   %s (completions)\n", listed(file.skipped).c_str());
    if (!file.label.empty()) std::printf("  label      %s, for the whole file\n", file.label.c_str());
    std::printf("  prompts    %llu\n", static_cast<unsigned long long>(file.prompts));
}

void printReport(const protocol::PromptReport& report) {
    for (const auto& file : report.files) printFile(file);
    if (report.prompts > 0) {
        std::printf("\n%-14s %12s %12s\n", "", "calibration", "evaluation");
        for (const auto& row : report.classes)
            std::printf("%-14s %12llu %12llu\n", row.label.c_str(), static_cast<unsigned long long>(row.calibration), static_cast<unsigned long long>(row.evaluation));
    }
    const char* level = "";
    for (const auto& finding : report.findings) {
        if (finding.level != level) {
            level = finding.level.c_str();
            std::printf("\n%s\n", finding.level == "error" ? "Errors" : finding.level == "warning" ? "Warnings" : "Facts");
        }
        std::string place = finding.file;
        if (finding.line > 0) place += ":" + std::to_string(finding.line);
        std::printf("  %s%s%s\n", place.c_str(), place.empty() ? "" : ": ", finding.message.c_str());
    }
    const auto shown = [&](const char* name) {
        return static_cast<std::uint64_t>(std::count_if(report.findings.begin(), report.findings.end(), [&](const auto& f) { return f.level == name; }));
    };
    if (report.errors > shown("error")) std::printf("  and %llu more errors\n", static_cast<unsigned long long>(report.errors - shown("error")));
    if (report.warnings > shown("warning")) std::printf("  and %llu more warnings\n", static_cast<unsigned long long>(report.warnings - shown("warning")));
    std::printf("\n%s\n", report.usable ? "A run takes these prompts." : "A run refuses these prompts.");
}

int checkFiles(const CommonOptions& options, const PromptsOptions& chosen) {
    const auto source = sourceOf(chosen);
    if (!source) return reportError(options, source.error());
    const auto checked = checkPromptsFor(*source, chosen.model, chosen.systemPrompt, chosen.answerTokens);
    if (!checked) return reportError(options, checked.error());
    if (options.json) std::printf("%s\n", protocol::toJson(checked->report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    else printReport(checked->report);
    if (!checked->report.usable) return exitCodeFor(ErrorKind::BadInput);
    if (!chosen.convert.empty())
        if (const auto written = writeFileAtomically(chosen.convert, jsonLines(checked->set)); !written) return reportError(options, written.error());
    return 0;
}

}  // namespace

void addPromptsCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<PromptsOptions>();
    auto* command = app.add_subcommand("prompts", "Check files of prompts before a run, and turn them into JSON Lines");
    command->add_option("files", chosen->files, "CSV, JSON, JSON Lines or text; or builtin:default")->required();
    command->add_option("--format", chosen->format, "auto, csv, json, jsonl or text (default: found from the file)");
    command->add_option("--delimiter", chosen->delimiter, "Of CSV: , ; | or tab (default: found from the head line)");
    command->add_option("--map", chosen->map, "ROLE=COLUMN,...: roles are prompt, label, id, category, source, split, context, input");
    command->add_option("--label", chosen->label, "Label of every prompt: malicious, benign or hard_benign");
    command->add_option("--label-value", chosen->labelValues, "VALUE=LABEL,...: what values of the label column mean; VALUE may end in *");
    command->add_option("--correct", chosen->corrections, "ID=LABEL,...: single prompts that are something else than the file says, or leave_out");
    command->add_option("--split", chosen->split, "Deal the prompts out again by near-duplicate clusters, this share for calibration");
    command->add_flag("--unstratified", chosen->unstratified, "The share holds for all prompts together, not for every label");
    command->add_flag("--allow-overlap", chosen->allowOverlap, "Near duplicates on both sides of the split are a warning, not an error");
    command->add_option("--seed", chosen->seed, "Seed of the split (default 0)");
    command->add_option("--model", chosen->model, "Checkpoint whose template and tokenizer count the tokens of every prompt");
    command->add_option("--system-prompt", chosen->systemPrompt, "System message, for the same");
    command->add_option("--new-tokens", chosen->answerTokens, "Tokens of an answer, which must fit behind the prompt (default 64)");
    command->add_option("--convert", chosen->convert, "Write the prompts with labels and split to this JSON Lines file");
    command->footer("Examples:\n"
                    "  safequant prompts harmful_behaviors.csv --label malicious\n"
                    "  safequant prompts mine.csv --map prompt=question,label=kind --label-value bad=malicious,good=benign\n"
                    "  safequant prompts xstest_prompts.csv --split 0.5 --seed 1 --convert xstest.jsonl\n"
                    "  safequant prompts builtin:default --model model.gguf --json\n\n"
                    "Exit code 3 when a run would refuse them. Completions in the files are never read.");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return checkFiles(options, *chosen); }; });
}

}  // namespace safequant::cli
