// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "app/cli/command.h"
#include "core/run/run_spec.h"

namespace safequant::cli {

/// Runs a run folder to its end with progress on stderr and the result on stdout; returns the exit code.
/// Prints what a run folder holds: metrics, tasks, attack.
int printRun(const CommonOptions& options, const std::string& folder);
int executeFolder(const CommonOptions& options, const std::string& folder, bool plots);

/// Prints what a run needs; exit code 0, or that of the error.
int printEstimate(const CommonOptions& options, const RunSpec& spec, const std::string& workspace);

/// Draws plots of a run folder through the program `safequant-plot` beside this one.
Expected<void> drawPlots(const std::string& folder);

}  // namespace safequant::cli
