// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/messages.h"
#include "widgets/promptslice.h"

/// The file that keeps the slices of a run, described in docs/file-formats.md.
namespace safequant::workbench {

/// Where the slices of a run are kept: in the workspace, beside the runs, under a name made from the run folder's name and the time the
/// run was made, so that a run folder that is moved finds them.
QString sliceFileOf(const QString& workspace, const protocol::RunSummary& run);

/// Slices of a file, none when there is no file. Prompts are found by id; ids that the run does not have are kept as absent. Errors:
/// io; bad_input, naming the field; unsupported for a later version.
Expected<std::vector<widgets::PromptSlice>> readSlices(const QString& file, const std::vector<protocol::PromptItem>& prompts);

/// Writes them whole. Errors: io.
Expected<void> writeSlices(const QString& file, const std::string& run, const std::vector<widgets::PromptSlice>& slices,
                           const std::vector<protocol::PromptItem>& prompts);

}  // namespace safequant::workbench
