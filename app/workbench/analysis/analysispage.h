// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "app/workbench/run/runstore.h"

class QLabel;
class QPushButton;
class QSpinBox;
class QStackedWidget;

namespace safequant::widgets {
class SegmentedControl;
}

namespace safequant::workbench {

class AnalysisPane;
class Session;

/// What lies behind the numbers of a run, a view at a time: its probes, how they transfer, whether they are calibrated, its linears, what
/// quantization hurts most, and where the run stands among the others of the workspace.
class AnalysisPage : public QWidget {
    Q_OBJECT

public:
    explicit AnalysisPage(Session* session, QWidget* parent = nullptr);

    int block() const { return m_block; }
    /// The view with this name: "probes", "transfer", "calibration", "linears", "sensitivity", "trade-off".
    void setView(const QString& name);

public slots:
    /// Shows a block; one that has no results yet is left aside.
    void setBlock(int block);

signals:
    void blockChosen(int block);
    void runRequested();
    void learningRequested();
    void bitsRequested();
    void openRunRequested(const QString& folder);
    void resultsRequested(const QString& folder);

private:
    void handleStore(RunStore::Changes changes);
    void showView();
    void refreshHead();
    AnalysisPane* pane() const;

    Session* m_session;
    QString m_folder;
    int m_block = -1;
    widgets::SegmentedControl* m_views;
    QStackedWidget* m_stack;
    std::vector<AnalysisPane*> m_panes;
    QLabel* m_blockLabel;
    QSpinBox* m_blockBox;
    QPushButton* m_losses;
};

}  // namespace safequant::workbench
