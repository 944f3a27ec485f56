// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/cli/command.h"
#include "app/cli/interrupt.h"
#include "app/cli/terminal_progress.h"
#include "core/finetune/finetune_folder.h"
#include "core/report/loss_figure.h"

namespace safequant::cli {
namespace {

constexpr int kCurveEvery = 5;  ///< Steps.

struct FinetuneOptions {
    std::string spec, model, folder, output, workspace;
    std::vector<std::string> adapters;
    bool background = false;
};

int execute(const CommonOptions& options, const FinetuneOptions& chosen) {
    if (chosen.background) ::setpriority(PRIO_PROCESS, 0, 10);
    std::string folder = chosen.folder;
    if (folder.empty()) {
        if (chosen.spec.empty())
            return reportError(options, {ErrorKind::BadInput, "Name a spec file, or --resume with a folder.", {}}), kExitUsage;
        auto spec = readFinetuneSpec(chosen.spec);
        if (!spec) return reportError(options, spec.error());
        if (!chosen.model.empty()) spec->checkpoint = chosen.model;
        if (!chosen.adapters.empty()) spec->adapters = chosen.adapters;
        if (spec->checkpoint.empty())
            return reportError(options, {ErrorKind::BadInput, "checkpoint is missing; name it in the spec, or with --model.", chosen.spec});
        const auto created = createFinetuneFolder(chosen.output, chosen.workspace.empty() ? defaultWorkspace() : chosen.workspace, *spec);
        if (!created) return reportError(options, created.error());
        folder = *created;
    }
    folder = std::filesystem::absolute(folder).lexically_normal().string();
    TerminalProgress progress(options.progress);
    const InterruptGuard guard;
    const auto done = executeFinetuning(
        folder,
        [&](const nlohmann::json& event) {
            progress.showTraining(event);
            // A curve to look at meanwhile; one that cannot be written is no reason to stop.
            if (event["type"] == "step" && event["step"].get<int>() % kCurveEvery == 0) (void)writeLossFigure(folder);
        },
        guard.token());
    if (const auto drawn = writeLossFigure(folder); !drawn) std::fprintf(stderr, "warning: %s\n", drawn.error().describe().c_str());
    if (!done) {
        const int code = reportError(options, done.error());
        if (done.error().kind == ErrorKind::Cancelled) std::fprintf(stderr, "Resume with: safequant finetune --resume %s\n", folder.c_str());
        return code;
    }
    const bool full = std::filesystem::is_directory(folder + "/model");
    const std::string made = folder + (full ? "/model" : "/adapter");
    if (options.json)
        std::printf("%s\n", nlohmann::json{{"folder", folder}, {full ? "model" : "adapter", made}}.dump(2).c_str());
    else
        std::printf("%s\n", made.c_str());
    return 0;
}

}  // namespace

void addFinetuneCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<FinetuneOptions>();
    auto* command = app.add_subcommand("finetune", "Fine-tune a model on conversations: a low-rank (LoRA) adapter, or the weights themselves");
    command->add_option("spec", chosen->spec, "Fine-tuning spec (JSON)")->check(CLI::ExistingFile);
    command->add_option("--resume", chosen->folder, "Go on with the fine-tuning in this folder")->check(CLI::ExistingDirectory);
    command->add_option("--model", chosen->model, "Checkpoint: a GGUF file or a Hugging Face folder (replaces the spec's)");
    command->add_option("--adapter", chosen->adapters, "PEFT LoRA adapter merged into the checkpoint before; repeatable (replaces the spec's)")
        ->allow_extra_args(false);
    command->add_option("-o,--output", chosen->output, "New folder for everything this makes");
    command->add_option("--workspace", chosen->workspace, "Where folders are made without --output (default: the user's data folder)");
    command->add_flag("--background", chosen->background, "Run at lower priority");
    command->footer(
        "Examples:\n"
        "  safequant finetune spec.json --model model.gguf -o tuned\n"
        "  safequant finetune --resume tuned\n\n"
        "Leaves the PEFT adapter in FOLDER/adapter (with \"method\": \"full\" the model in FOLDER/model), and its loss by step in\n"
        "FOLDER/loss.svg, which grows meanwhile.\n"
        "Ctrl-C once keeps the state and stops (exit code 75; --resume continues).");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return execute(options, *chosen); }; });
}

}  // namespace safequant::cli
