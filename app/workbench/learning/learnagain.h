// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QPointer>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

class QWidget;

namespace safequant::workbench {

class MethodSettingsDialog;
class Session;
class SetupModel;

/// Learns blocks of the open run again, from one of them on, with other settings: asks for these in a dialog, and starts a run that takes over the
/// blocks before. A run that is at work stops first, after its block.
class LearnAgain : public QObject {
    Q_OBJECT

public:
    /// `window`: the dialog's parent.
    LearnAgain(Session* session, QWidget* window);
    ~LearnAgain() override;

    /// How many leading blocks the open run has learned, so that a later block can be learned again; -1: none can, the run learns no blocks, or
    /// patches them.
    static int learnedBlocks(Session* session);
    /// Opens the dialog for a block that can be learned again.
    void ask(int block);

private:
    nlohmann::json specToRun() const;
    void start();

    Session* m_session;
    QWidget* m_window;
    std::unique_ptr<SetupModel> m_setup;  ///< Of the dialog, apart from the window's own.
    QPointer<MethodSettingsDialog> m_dialog;
    int m_block = 0;
    QString m_folder;                        ///< The run whose blocks are taken over.
    std::optional<nlohmann::json> m_waiting;  ///< To be started when the run at work has stopped.
};

}  // namespace safequant::workbench
