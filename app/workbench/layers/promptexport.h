// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QString>

#include "core/base/error.h"

namespace safequant::widgets {
class PromptTableModel;
}

/// Prompts with what a run says of them, as files: described in docs/file-formats.md.
namespace safequant::workbench {

/// One object a line. Text that the content shield hides is null, and so is what is not known. `block`: the one the scores are of; -1:
/// none.
std::string promptsAsJsonLines(const widgets::PromptTableModel& model, const QList<int>& prompts, int block);
/// The same with a head line; what is hidden or not known is empty.
std::string promptsAsCsv(const widgets::PromptTableModel& model, const QList<int>& prompts, int block);

/// Writes prompts whole: as CSV when the path ends so, else as JSON Lines. Errors: io.
Expected<void> exportPrompts(const QString& path, const widgets::PromptTableModel& model, const QList<int>& prompts, int block);

/// A path to suggest for a name: letters that file names cannot have are replaced.
QString exportNameOf(const QString& folder, const QString& name);

}  // namespace safequant::workbench
