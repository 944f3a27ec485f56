// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/cli/command.h"
#include "app/cli/interrupt.h"
#include "app/cli/terminal_progress.h"
#include "core/assess/assessment.h"
#include "core/assess/assessment_findings.h"
#include "core/assess/assessment_join.h"
#include "core/assess/assessment_page.h"
#include "core/engine/cell_process.h"

namespace safequant::cli {
namespace {

struct AssessOptions {
    std::string spec, folder, model, workspace, output;
    std::vector<std::string> show;
    bool example = false, plan = false, background = false;
};

Expected<AssessmentSpec> assessmentOf(const AssessOptions& chosen) {
    if (!chosen.example) return readAssessmentSpec(chosen.spec, chosen.model);
    const auto path = resolveResource("builtin:assessment");
    if (!path) return fail(path.error());
    return readAssessmentSpec(*path, chosen.model);
}

void printCell(const protocol::AssessmentCell& cell) {
    std::printf("%-44s ", cellTitle(cell).c_str());
    const auto* harmful = cell.measure("harmful score");
    if (cell.status != "finished") {
        std::printf("%s%s%s\n", cell.status.c_str(), cell.detail.empty() ? "" : ": ", cell.detail.c_str());
        return;
    }
    if (harmful != nullptr)
        std::printf("harmful %5.1f%% [%.1f, %.1f]  ", 100.0 * harmful->after.value, 100.0 * harmful->after.wilson.low, 100.0 * harmful->after.wilson.high);
    for (const auto& [name, words] : {std::pair{"refused, benign", "refused"}, {"refused, hard benign", "hard"}})
        if (const auto* measure = cell.measure(name)) std::printf("%s %4.1f%%  ", words, 100.0 * measure->after.value);
    if (cell.perplexity > 0.0) std::printf("perplexity %.2f  ", cell.perplexity);
    std::printf("%.2f bits  %s  %s\n", cell.bitsPerWeight, durationText(cell.seconds).c_str(), sizeText(cell.peakMemoryBytes).c_str());
    for (const auto& attack : cell.attacks)
        std::printf("%-44s attack %s: %.1f%% of answers, %.1f%% before\n", "", attack.setting.c_str(), 100.0 * attack.after, 100.0 * attack.before);
}

int print(const CommonOptions& options, const protocol::AssessmentState& state) {
    if (options.json) {
        std::printf("%s\n", protocol::toJson(state).dump(2).c_str());
        return 0;
    }
    for (const auto& cell : state.cells) printCell(cell);
    if (!state.findings.empty()) std::printf("\nFindings, the gravest first\n");
    for (const auto& finding : state.findings) std::printf("  %s\n    %s\n", finding.text.c_str(), finding.evidence.c_str());
    std::printf("%d of %d cells finished, %d failed\n%s\n", state.summary.finished, state.summary.cells, state.summary.failed, state.summary.folder.c_str());
    return 0;
}

/// Where everything after an assessment's own spec is left out.
std::string commandOf(const AssessOptions& chosen) {
    return chosen.example ? "safequant assess --example --model MODEL --output NAME" : "safequant assess ASSESSMENT.json --output NAME";
}

int show(const CommonOptions& options, const AssessOptions& chosen, const std::vector<std::string>& places) {
    std::vector<protocol::AssessmentState> parts;
    for (const std::string& place : places) {
        auto part = readAssessmentAt(place);
        if (!part) return reportError(options, part.error());
        parts.push_back(std::move(*part));
    }
    const auto state = parts.size() == 1 ? std::move(parts.front()) : joinAssessments(parts);
    if (!state) return reportError(options, state.error());
    if (!chosen.output.empty())
        if (auto written = writeAssessmentPages(*state, chosen.output, commandOf(chosen)); !written) return reportError(options, written.error());
    return print(options, *state);
}

int printPlan(const CommonOptions& options, const AssessmentSpec& spec) {
    const auto cells = planCells(spec);
    if (!cells) return reportError(options, cells.error());
    for (const PlannedCell& cell : *cells) std::printf("%s%s\n", cell.spec.name.c_str(), cell.attacked ? ", attacked" : "");
    std::printf("%zu cells\n", cells->size());
    return 0;
}

Expected<std::string> folderOf(const CommonOptions& options, const AssessOptions& chosen) {
    if (!chosen.folder.empty()) return std::filesystem::absolute(chosen.folder).lexically_normal().string();
    const auto spec = assessmentOf(chosen);
    if (!spec) return fail(spec.error());
    auto folder = createAssessmentFolder(chosen.workspace.empty() ? defaultWorkspace() : chosen.workspace, *spec);
    if (folder && options.progress != "none") std::fprintf(stderr, "%s\n", folder->c_str());
    return folder;
}

int execute(const CommonOptions& options, const AssessOptions& chosen) {
    if (chosen.background) ::setpriority(PRIO_PROCESS, 0, 10);
    if (!chosen.show.empty()) return show(options, chosen, chosen.show);
    if (chosen.folder.empty() && chosen.example == !chosen.spec.empty())
        return reportError(options, {ErrorKind::BadInput, "Name a spec file, or --example with --model, or --resume or --show with a folder.", {}}), kExitUsage;
    if (chosen.example && chosen.model.empty())
        return reportError(options, {ErrorKind::BadInput, "The example needs --model.", {}}), kExitUsage;
    if (chosen.plan) {
        const auto spec = assessmentOf(chosen);
        return spec ? printPlan(options, *spec) : reportError(options, spec.error());
    }
    const auto folder = folderOf(options, chosen);
    if (!folder) return reportError(options, folder.error());
    Expected<void> done;
    {
        TerminalProgress progress(options.progress);
        const InterruptGuard guard("after the block at work");
        const auto listener = [&](const protocol::AssessmentState& state) {
            if (options.progress == "none") return;
            for (const auto& cell : state.cells)
                if (cell.status == "running" || cell.status == "stopped") std::fprintf(stderr, "\n%s\n", cellTitle(cell).c_str());
            std::fprintf(stderr, "%d of %d cells finished%s\n", state.summary.finished, state.summary.cells,
                         state.secondsLeft > 0.0 ? (", about " + durationText(state.secondsLeft) + " left").c_str() : "");
        };
        done = executeAssessment(*folder, cellProcesses(programPath(), [&](const protocol::RunEvent& event) { progress.show(event); }), listener, guard.token());
    }
    if (!done) {
        const int code = reportError(options, done.error());
        std::fprintf(stderr, "Go on with: safequant assess --resume %s\n", folder->c_str());
        return code;
    }
    return show(options, chosen, {*folder});
}

}  // namespace

void addAssessCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<AssessOptions>();
    auto* command = app.add_subcommand("assess", "Assess what quantizing does to safety: methods, bit widths and calibration sets as one matrix");
    command->add_option("spec", chosen->spec, "Assessment (JSON)")->check(CLI::ExistingFile);
    command->add_option("--folder,--resume", chosen->folder, "Go on with the assessment in this folder; finished cells are kept, failed ones tried again")
        ->check(CLI::ExistingDirectory);
    command->add_option("--show", chosen->show, "Print what the assessment in this folder or NAME.json has found, and do nothing else; several are put together")
        ->check(CLI::ExistingPath);
    command->add_flag("--example", chosen->example, "The bundled assessment of SmolLM2-135M-Instruct (--model) with the bundled aligned adapter");
    command->add_option("--model", chosen->model, "Checkpoint: a GGUF file or a Hugging Face folder (replaces the spec's)");
    command->add_option("--workspace", chosen->workspace, "Where assessments are made (default: the user's data folder)");
    command->add_option("-o,--output", chosen->output, "Also write NAME.json, NAME.md and NAME.csv: cells, findings and costs, without texts");
    command->add_flag("--plan", chosen->plan, "Print the cells, and do nothing else");
    command->add_flag("--background", chosen->background, "Run at lower priority");
    command->footer(
        "Examples:\n"
        "  safequant assess --example --model model.gguf --plan\n"
        "  safequant assess assessment.json --workspace ~/runs\n"
        "  safequant assess --resume ~/runs/assessments/20260131-102030-smollm2\n"
        "  safequant --json assess --show ~/runs/assessments/20260131-102030-smollm2\n"
        "  safequant assess --show half.json other-half.json --output whole\n\n"
        "Each cell is a run in FOLDER/runs, computed by a process of its own; a failed one does not stop the others.\n"
        "Ctrl-C once stops after the block at work (exit code 75; --resume continues).");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return execute(options, *chosen); }; });
}

}  // namespace safequant::cli
