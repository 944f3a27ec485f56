// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "core/engine/protocol/messages.h"

class QFrame;
class QLabel;
class QPushButton;
class QTableView;

namespace safequant::widgets {
class InfoBanner;
class RecentRunsModel;
}

namespace safequant::workbench {

class Session;

/// What the program is for, three ways in, and the runs of the workspace.
class StartPage : public QWidget {
    Q_OBJECT

public:
    /// An empty `exampleModel` is the default model in the cache folder of the engine's machine.
    StartPage(Session* session, const QString& exampleModel, QWidget* parent = nullptr);

    /// Asks the engine for the runs of the workspace again.
    void refreshRuns();
    QString exampleModel() const;
    /// On the engine's machine; of another one known once it has answered.
    bool exampleThere() const;
    /// Runs of the workspace as they were listed last, newest first.
    const std::vector<protocol::RunSummary>& runs() const;

signals:
    void exampleRequested();
    void chooseModelRequested();
    void chooseRunRequested();
    void runChosen(const QString& folder);
    void enginesRequested();

protected:
    void showEvent(QShowEvent* event) override;

private:
    QFrame* makeCard(const QString& title, const QString& text, const QString& action, const char* name, bool primary,
                     QLabel** body = nullptr, QPushButton** button = nullptr);
    void refreshExample();
    void tellExample();
    void refreshMachine();
    void fitTable();

    Session* m_session;
    QString m_exampleModel;
    QLabel* m_exampleText = nullptr;
    QLabel *m_modelText = nullptr, *m_runText = nullptr;
    QLabel* m_recentHead;
    QLabel* m_recentEmpty;
    QFrame* m_recentFrame;
    QTableView* m_recent;
    widgets::RecentRunsModel* m_runs;
    QLabel* m_machine;
    bool m_remoteExample = false;  ///< The engine's machine, another one, has the example model.
};

}  // namespace safequant::workbench
