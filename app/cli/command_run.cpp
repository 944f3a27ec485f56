// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/cli/command.h"
#include "app/cli/execute.h"
#include "app/cli/spec_options.h"
#include "core/run/run_folder.h"

namespace safequant::cli {
namespace {

struct RunOptions {
    std::string spec;
    std::string folder;
    std::string model;
    std::string workspace;
    bool useDefault = false;
    bool useExample = false;

    bool bundled() const { return useDefault || useExample; }
    bool plots = false;
    bool estimate = false;
    bool background = false;
    SpecOptions changes;
};

Expected<RunSpec> specOf(RunOptions& run) {
    Expected<RunSpec> spec = run.bundled() ? bundledRunSpec(run.useExample ? "repair-run" : "default-run", run.model) : readRunSpec(run.spec);
    if (!spec) return spec;
    run.changes.checkpoint = run.bundled() ? "" : run.model;
    if (auto applied = run.changes.apply(*spec); !applied) return fail(applied.error());
    return spec;
}

int execute(const CommonOptions& options, RunOptions& run) {
    if (run.background) ::setpriority(PRIO_PROCESS, 0, 10);
    std::string folder = run.folder;
    if (folder.empty()) {
        if (run.bundled() == !run.spec.empty() || (run.bundled() && run.model.empty()) || (run.useDefault && run.useExample))
            return reportError(options, {ErrorKind::BadInput, "Name a spec file, or --default or --example with --model, or --folder to resume.", {}}),
                   kExitUsage;
        auto spec = specOf(run);
        if (!spec) return reportError(options, spec.error());
        const std::string workspace = run.workspace.empty() ? defaultWorkspace() : run.workspace;
        if (run.estimate) return printEstimate(options, *spec, workspace);
        const auto created = createRunFolder(workspace, *spec);
        if (!created) return reportError(options, created.error());
        folder = *created;
    }
    folder = std::filesystem::absolute(folder).lexically_normal().string();
    return executeFolder(options, folder, run.plots);
}

}  // namespace

void addRunCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto run = std::make_shared<RunOptions>();
    auto* command = app.add_subcommand("run", "Run a spec, or resume a run folder");
    command->add_option("spec", run->spec, "Run spec (JSON)")->check(CLI::ExistingFile);
    command->add_option("--folder,--resume", run->folder, "Run or resume this run folder")->check(CLI::ExistingDirectory);
    command->add_flag("--example", run->useExample, "The example: SmolLM2-135M-Instruct (--model) with the bundled adapters that eroded its refusals, repaired");
    command->add_flag("--default", run->useDefault, "The default run (W4A16, group 64) on --model");
    command->add_option("--model", run->model, "Checkpoint: a GGUF file or a Hugging Face folder (replaces the spec's)");
    command->add_option("--workspace", run->workspace, "Where run folders are made (default: the user's data folder)");
    command->add_flag("--plots", run->plots, "Draw the plots (PNG) and the summary into the run folder at the end");
    command->add_flag("--estimate", run->estimate, "Print memory, disk and time this run needs, and do nothing else");
    command->add_flag("--background", run->background, "Run at lower priority");
    run->changes.addAdapterOption(*command);
    run->changes.addPromptOptions(*command);
    run->changes.addSchemeOptions(*command);
    run->changes.addMethodOption(*command);
    run->changes.addPatchOption(*command);
    run->changes.addSeedOption(*command);
    run->changes.addDeviceOption(*command);
    command->footer(
        "Examples:\n"
        "  safequant run spec.json --workspace ~/runs\n"
        "  safequant run --default --model model.gguf --plots\n"
        "  safequant run spec.json --device cuda\n"
        "  safequant run --default --model model.gguf --method llm-qat --symmetric\n"
        "  safequant run spec.json --bits 3 --layer-bits 'down_proj=8' --estimate\n"
        "  safequant run --resume ~/runs/runs/2026-01-31T10-20-30-w4a16\n\n"
        "Ctrl-C once stops after the block at work (exit code 75; --resume continues), twice stops at once.");
    command->callback([run, &options, &action] { action = [run, &options] { return execute(options, *run); }; });
}

}  // namespace safequant::cli
