// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

class QWidget;

namespace safequant::workbench {

/// The few questions that need a window of their own. A seam: whoever drives the window without a user answers them here.
class Dialogs {
public:
    enum class CloseAnswer { KeepRunning, Stop, Cancel };

    virtual ~Dialogs() = default;

    /// A GGUF file; empty: none chosen.
    virtual QString chooseModelFile(QWidget* parent, const QString& folder);
    virtual QString chooseFolder(QWidget* parent, const QString& title, const QString& folder);
    virtual QStringList choosePromptFiles(QWidget* parent, const QString& folder);
    /// Where a file is to be written; `filter` as QFileDialog takes it. Empty: nowhere.
    virtual QString chooseSaveFile(QWidget* parent, const QString& title, const QString& path, const QString& filter);
    /// Asked when the window closes during a run.
    virtual CloseAnswer askClose(QWidget* parent, const QString& runName);
};

}  // namespace safequant::workbench
