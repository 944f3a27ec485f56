// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <utility>
#include <nlohmann/json.hpp>

class QTabBar;
class QWidget;

/// What tests and tools of the window need to let the real engine run the real example model.
namespace safequant::workbench {

/// The `safequant` of this build.
QString enginePath();
/// The example model in the cache folder.
QString modelPath();
/// The first prompts of the bundled set, `perClass` of each label and split, written as a prompt file into `folder`; its path.
QString writePrompts(const QString& folder, int perClass);
/// The default run, made small: the prompts of `file`, few answers of few tokens.
nlohmann::json smallRunSpec(const QString& file, int answers, int tokens);

/// The tab that leads to a pane of the layers, and which of the bar's tabs it is; null when the pane shares its place with no other.
std::pair<QTabBar*, int> paneTab(QWidget* window, const QString& title);

/// Lets the window work for a while.
void wait(int milliseconds);

}  // namespace safequant::workbench
