// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "core/base/error.h"

namespace safequant::cli {

/// Options every command understands. Data goes to stdout, progress and messages to stderr.
struct CommonOptions {
    bool json = false;
    std::string progress = "auto";  ///< "auto" (a line on a terminal, else plain lines), "json", "none".
};

/// What the chosen command does; set by the parser, run once parsing is through. The value is the process exit code.
using Action = std::function<int()>;

inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

/// Prints an error to stderr (as JSON on stdout too with --json) and gives its exit code.
int reportError(const CommonOptions& options, const Error& error);

/// Describes an aligned model's signature, for `inspect`; nothing when the file is none. The value is the exit code.
std::optional<int> inspectSignature(const CommonOptions& options, const std::string& path);

/// Each adds one or more subcommands. `self` is the path of this program.
void addInspectCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addDownloadCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addTokenizeCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addPromptsCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addRunCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addFinetuneCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addCaptureCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addQuantizeCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addEvaluateCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addJudgeCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addCompareCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addAssessCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addSignatureCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addCheckCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addBudgetCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addExportCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addVerifyCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addPlotCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addReportCommand(CLI::App& app, const CommonOptions& options, Action& action);
void addServeCommand(CLI::App& app, const CommonOptions& options, Action& action);

/// Absolute path of the running program.
std::string programPath();
/// Workspace used when none is named: the user's data folder.
std::string defaultWorkspace();

}  // namespace safequant::cli
