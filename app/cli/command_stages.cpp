// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/cli/command.h"
#include "app/cli/execute.h"
#include "app/cli/spec_options.h"
#include "core/run/run_folder.h"

namespace safequant::cli {
namespace {

struct StageOptions {
    SpecOptions changes;
    std::string workspace;
    std::string output;
    std::string format = "compressed-tensors", type;  ///< Of what is written to `output`.
    bool estimate = false;
    std::vector<std::string> tasks;
    AttackGrid attack;
    int malicious = -1, benign = -1, hardBenign = -1, newTokens = -1;
};

/// The default run cut down to some stages, as one command.
int runStages(const CommonOptions& options, const StageOptions& chosen, const std::string& name, std::vector<std::string> stages,
              bool quantizes) {
    auto spec = bundledRunSpec("default-run", chosen.changes.checkpoint);
    if (!spec) return reportError(options, spec.error());
    spec->name = name + " " + std::filesystem::path(chosen.changes.checkpoint).stem().string();
    spec->stages = std::move(stages);
    if (!quantizes) spec->scheme = QuantizationScheme{16, -1, false, 16};
    if (chosen.malicious >= 0) spec->evaluateMalicious = chosen.malicious;
    if (chosen.benign >= 0) spec->evaluateBenign = chosen.benign;
    if (chosen.hardBenign >= 0) spec->evaluateHardBenign = chosen.hardBenign;
    if (chosen.newTokens >= 0) spec->decoding.maxNewTokens = chosen.newTokens;
    for (const auto& task : chosen.tasks) spec->tasks.push_back(*findBundledTask(task));
    if (chosen.attack.samples > 0) spec->attack = chosen.attack;
    auto exporting = exportOptionsNamed(chosen.format, chosen.type, "command line");
    if (!exporting) return reportError(options, exporting.error());
    spec->exporting = std::move(*exporting);
    if (!chosen.output.empty()) spec->exportFolder = std::filesystem::absolute(chosen.output).lexically_normal().string();
    if (auto applied = chosen.changes.apply(*spec); !applied) return reportError(options, applied.error());
    const std::string workspace = chosen.workspace.empty() ? defaultWorkspace() : chosen.workspace;
    if (chosen.estimate) return printEstimate(options, *spec, workspace);
    const auto folder = createRunFolder(workspace, *spec);
    if (!folder) return reportError(options, folder.error());
    return executeFolder(options, *folder, false);
}

std::shared_ptr<StageOptions> addCommon(CLI::App& command) {
    auto chosen = std::make_shared<StageOptions>();
    command.add_option("checkpoint", chosen->changes.checkpoint, "GGUF file, Hugging Face folder, or org/name in its local cache")->required();
    command.add_option("--workspace", chosen->workspace, "Where run folders are made (default: the user's data folder)");
    command.add_flag("--estimate", chosen->estimate, "Print memory, disk and time needed, and do nothing else");
    chosen->changes.addAdapterOption(command);
    chosen->changes.addSeedOption(command);
    chosen->changes.addDeviceOption(command);
    return chosen;
}

}  // namespace

void addCaptureCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto* command = app.add_subcommand("capture", "Capture last-token activations of every block and fit probes on them");
    auto chosen = addCommon(*command);
    chosen->changes.addPromptOptions(*command);
    command->footer("Example:\n  safequant capture model.gguf --malicious-fraction 0.75\n\n"
                    "Leaves a run folder with results.h5: activations, probes, projections.");
    command->callback([chosen, &options, &action] {
        action = [chosen, &options] { return runStages(options, *chosen, "Capture", {"capture"}, false); };
    });
}

void addQuantizeCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto* command = app.add_subcommand("quantize", "Quantize a checkpoint by round-to-nearest and export it");
    auto chosen = addCommon(*command);
    chosen->changes.addSchemeOptions(*command);
    command->add_option("-o,--output", chosen->output, "Folder of the quantized checkpoint")->required();
    addExportOptions(*command, chosen->format, chosen->type);
    command->footer("Examples:\n  safequant quantize model.gguf --bits 4 --group 64 -o model-w4a16\n"
                    "  safequant quantize model-folder --bits 8 --group -1 --symmetric --activation-bits 8 -o model-w8a8\n"
                    "  safequant quantize model-folder --bits 4 --group 32 --format gguf -o model-gguf\n\n"
                    "No prompts are needed: round-to-nearest uses no calibration data, and rounds on the processor whatever the device.");
    command->callback([chosen, &options, &action] {
        action = [chosen, &options] { return runStages(options, *chosen, "Quantize", {"export"}, true); };
    });
}

void addEvaluateCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto* command = app.add_subcommand("evaluate", "Generate answers, judge them, and measure perplexity");
    auto chosen = addCommon(*command);
    chosen->changes.addPromptOptions(*command);
    chosen->changes.addSchemeOptions(*command);
    command->add_option("--malicious", chosen->malicious, "Malicious evaluation prompts asked (default 100)");
    command->add_option("--benign", chosen->benign, "Benign evaluation prompts asked (default 50)");
    command->add_option("--hard-benign", chosen->hardBenign, "Hard benign evaluation prompts asked (default 50)");
    command->add_option("--new-tokens", chosen->newTokens, "Tokens of an answer at most (default 64)");
    command->add_option("--task", chosen->tasks, "Bundled task; repeatable (tasks of your own: a run spec)")
        ->check(CLI::IsMember(bundledTaskNames()))
        ->allow_extra_args(false);
    command->add_option("--attack-samples", chosen->attack.samples, "Sampled answers to a malicious prompt under each decoding setting");
    command->add_option("--attack-temperatures", chosen->attack.temperatures, "Temperatures of the grid")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->capture_default_str();
    command->add_option("--attack-top-k", chosen->attack.topKs, "top-k of the grid; 0: all tokens")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->capture_default_str();
    command->add_option("--attack-top-p", chosen->attack.topPs, "top-p of the grid")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->capture_default_str();
    command->add_flag("--attack-stop-when-decided", chosen->attack.stopWhenDecided,
                      "End a sampled answer where its verdict can change no more (the result says so)");
    auto quantized = std::make_shared<bool>(false);
    command->add_flag("--quantized", *quantized, "Evaluate the quantized model beside the checkpoint");
    command->footer("Examples:\n  safequant evaluate model.gguf --malicious 260 --benign 260\n"
                    "  safequant evaluate model.gguf --quantized --bits 4 --group 64\n"
                    "  safequant evaluate model.gguf --task banking-intents --task arc-easy --attack-samples 5\n"
                    "  safequant evaluate RUN        (a run folder: print what it measured)");
    command->callback([chosen, quantized, &options, &action] {
        action = [chosen, quantized, &options] {
            if (std::filesystem::exists(std::filesystem::path(chosen->changes.checkpoint) / "manifest.json"))
                return printRun(options, chosen->changes.checkpoint);
            std::vector<std::string> stages{"evaluate"};
            if (*quantized) stages = {"capture", "quantize", "evaluate"};
            return runStages(options, *chosen, "Evaluate", stages, *quantized);
        };
    });
}

}  // namespace safequant::cli
