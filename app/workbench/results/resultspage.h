// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "app/workbench/engine/engineclient.h"
#include "core/engine/protocol/results_messages.h"

class QLabel;
class QPushButton;
class QSortFilterProxyModel;
class QSplitter;
class QStackedWidget;
class QTableView;

namespace safequant::widgets {
class ComparisonModel;
class EmptyState;
class ResultsModel;
}

namespace safequant::workbench {

class Session;

/// What the finished runs of the workspace measured, and the chosen ones compared prompt by prompt.
class ResultsPage : public QWidget {
    Q_OBJECT

public:
    explicit ResultsPage(Session* session, QWidget* parent = nullptr);

    QTableView* table() { return m_table; }
    /// Selects what a run made, once its results are there.
    void selectRun(const QString& folder);
    /// Both tables as tab-separated lines.
    QString tableText() const;

signals:
    void openRunRequested(const QString& folder);
    void reportRequested(const QStringList& folders);

protected:
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void refresh();
    /// Names of runs and methods get the room that numbers leave.
    void fitColumns();
    void compareSelected();
    void showComparison(Expected<protocol::ComparisonTable> table);
    QStringList selectedFolders() const;
    void selectWanted();

    Session* m_session;
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    widgets::ResultsModel* m_results;
    QSortFilterProxyModel* m_sorted;
    QTableView* m_table;
    widgets::ComparisonModel* m_comparison;
    QTableView* m_pairs;
    QLabel* m_pairsTitle;
    QLabel* m_pairsText;
    QPushButton* m_open;
    QPushButton* m_report;
    EngineClient::RequestId m_request{};
    QString m_wanted;  ///< Run to select with the next results.
};

}  // namespace safequant::workbench
