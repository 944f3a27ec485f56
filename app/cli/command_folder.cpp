// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/cli/command.h"
#include "app/cli/execute.h"
#include "app/cli/interrupt.h"
#include "app/cli/spec_options.h"
#include "app/cli/terminal_progress.h"
#include "core/base/files.h"
#include "core/engine/service.h"
#include "core/run/run_folder.h"

namespace safequant::cli {
namespace {

struct FolderOptions {
    std::string folder;
    std::string output;
    std::string format = "compressed-tensors", type;  ///< Of an export.
    bool check = false;
};

int exportFolder(const CommonOptions& options, const FolderOptions& chosen) {
    const auto target = std::filesystem::absolute(chosen.output).lexically_normal().string();
    const auto exporting = exportOptionsNamed(chosen.format, chosen.type, "command line");
    if (!exporting) return reportError(options, exporting.error());
    const auto preflight = preflightRunExport(chosen.folder, target, *exporting);
    if (!preflight) return reportError(options, preflight.error());
    if (chosen.check || !preflight->possible) {
        if (options.json) std::printf("%s\n", protocol::toJson(*preflight).dump(2).c_str());
        else
            for (const auto& item : preflight->items) std::printf("%-8s %s\n", item.level.c_str(), item.message.c_str());
        return preflight->possible ? 0 : exitCodeFor(ErrorKind::BadInput);
    }
    TerminalProgress progress(options.progress);
    for (const auto& item : preflight->items)
        if (item.level != "ok") std::fprintf(stderr, "%s: %s\n", item.level.c_str(), item.message.c_str());
    const InterruptGuard guard;
    const auto result = exportRun(chosen.folder, target, progress.task("export", "tensors", guard.token()), *exporting);
    if (!result) return reportError(options, result.error());
    if (options.json) std::printf("%s\n", protocol::toJson(*result).dump(2).c_str());
    else std::printf("%s\n", result->folder.c_str());
    return 0;
}

int verify(const CommonOptions& options, const FolderOptions& chosen) {
    TerminalProgress progress(options.progress);
    const InterruptGuard guard;
    const auto differences = verifyRun(chosen.folder, progress.task("verify", "files", guard.token()));
    if (!differences) return reportError(options, differences.error());
    if (options.json) {
        std::printf("%s\n", nlohmann::json{{"folder", chosen.folder}, {"differences", *differences}}.dump(2).c_str());
    } else {
        for (const auto& difference : *differences) std::printf("differs: %s\n", difference.c_str());
        if (differences->empty()) std::printf("Everything agrees with the manifest.\n");
    }
    return differences->empty() ? 0 : 1;
}

}  // namespace

void addExportCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<FolderOptions>();
    auto* command = app.add_subcommand("export", "Export the quantized model of a run (compressed-tensors, GPTQ, AWQ or GGUF)");
    command->add_option("run", chosen->folder, "Run folder")->required()->check(CLI::ExistingDirectory);
    command->add_option("-o,--output", chosen->output, "Folder to write; must not exist or be empty")->required();
    addExportOptions(*command, chosen->format, chosen->type);
    command->add_flag("--check", chosen->check, "Only say whether loaders will take it, and how large it gets");
    command->footer("Example:\n  safequant export runs/2026-01-31T10-20-30-w4a16 -o model-w4a16\n"
                    "  safequant export runs/2026-01-31T10-20-30-w4a16 --format gguf --type F16 -o model-gguf");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return exportFolder(options, *chosen); }; });
}

void addVerifyCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<FolderOptions>();
    auto* command = app.add_subcommand("verify", "Check a run's inputs and results against its manifest");
    command->add_option("run", chosen->folder, "Run folder")->required()->check(CLI::ExistingDirectory);
    command->footer("Example:\n  safequant verify runs/2026-01-31T10-20-30-w4a16\n\nExit code 0 when all hashes agree, 1 when not.");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return verify(options, *chosen); }; });
}

void addPlotCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<FolderOptions>();
    auto* command = app.add_subcommand("plot", "Draw a run's plots (PNG) into its folder");
    command->add_option("run", chosen->folder, "Run folder")->required()->check(CLI::ExistingDirectory);
    command->footer("Example:\n  safequant plot runs/2026-01-31T10-20-30-w4a16");
    command->callback([chosen, &options, &action] {
        action = [chosen, &options] {
            const auto drawn = drawPlots(chosen->folder);
            return drawn ? 0 : reportError(options, drawn.error());
        };
    });
}

void addServeCommand(CLI::App& app, const CommonOptions&, Action& action) {
    auto* command = app.add_subcommand("serve", "Serve the workbench: JSON-RPC 2.0 on stdin and stdout");
    command->footer("Example:\n  ssh gpu-box safequant serve\n\nStarted by the workbench; docs/protocol.md describes the messages.");
    command->callback([&action] {
        action = [] {
            unblockInterrupts();
            return serveEngine(STDIN_FILENO, STDOUT_FILENO, programPath());
        };
    });
}

int reportError(const CommonOptions& options, const Error& error) {
    std::fprintf(stderr, "error: %s%s\n", error.describe().c_str(), error.hint.empty() ? "" : (' ' + error.hint).c_str());
    if (options.json)
        std::printf("%s\n", nlohmann::json{{"error", protocol::toJson(error)}}.dump(2).c_str());
    return exitCodeFor(error.kind);
}

std::string programPath() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string defaultWorkspace() { return dataFolder() + "/workspace"; }

}  // namespace safequant::cli
