// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QString>
#include <QStringList>

class QWidget;

namespace safequant::workbench {

class EngineClient;

/// The few questions that need a window of their own. A seam: whoever drives the window without a user answers them here.
/// Files and folders are those of the engine's machine; where that is another one, the window's own chooser shows them.
class Dialogs {
public:
    enum class CloseAnswer { KeepRunning, Stop, Cancel };

    virtual ~Dialogs();

    /// The engine whose machine has the files; it must outlive the dialogs.
    void setClient(EngineClient* client);

    /// A GGUF file; empty: none chosen.
    virtual QString chooseModelFile(QWidget* parent, const QString& folder);
    /// A JSON file; empty: none chosen.
    virtual QString chooseAssessmentFile(QWidget* parent, const QString& folder);
    virtual QString chooseFolder(QWidget* parent, const QString& title, const QString& folder);
    /// With a remote engine also files of this machine, copied there.
    virtual QStringList choosePromptFiles(QWidget* parent, const QString& folder);
    /// A file of JSON Lines with pairs of answers; empty: none chosen.
    virtual QString choosePairsFile(QWidget* parent, const QString& folder);
    /// An aligned model's signature; empty: none chosen.
    virtual QString chooseSignatureFile(QWidget* parent, const QString& folder);
    /// Where a file is to be written; `filter` as QFileDialog takes it. Empty: nowhere.
    virtual QString chooseSaveFile(QWidget* parent, const QString& title, const QString& path, const QString& filter);
    /// Where to write prompts, as .jsonl or .csv; `suggestion` is a path. Empty: nowhere.
    virtual QString chooseExportFile(QWidget* parent, const QString& title, const QString& suggestion);
    /// Of this machine, wherever the engine is.
    virtual QString chooseLocalFolder(QWidget* parent, const QString& title, const QString& folder);
    virtual QStringList chooseLocalPromptFiles(QWidget* parent, const QString& folder);
    /// A line of text, without blanks around it; empty: none given.
    virtual QString askName(QWidget* parent, const QString& title, const QString& label);
    /// Asked when the window closes during a run.
    virtual CloseAnswer askClose(QWidget* parent, const QString& runName);

private:
    bool remote() const;

    QPointer<EngineClient> m_client;
};

}  // namespace safequant::workbench
