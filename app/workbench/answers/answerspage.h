// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSet>
#include <QWidget>
#include <map>

#include "app/workbench/answers/answersummary.h"
#include "app/workbench/engine/engineclient.h"
#include "app/workbench/run/runstore.h"

class QLabel;
class QLineEdit;
class QListWidget;
class QSplitter;
class QStackedWidget;

namespace safequant::widgets {
class AnswerView;
class EmptyState;
class MetricStrip;
class PromptTableView;
}

namespace safequant::workbench {

class Session;

/// What both models answered: rates with intervals, the prompts by what changed, and one prompt's two answers side by side.
class AnswersPage : public QWidget {
    Q_OBJECT

public:
    explicit AnswersPage(Session* session, QWidget* parent = nullptr);

    void focusFilter();
    void saveLayout();
    void restoreLayout();

signals:
    void quantizeRequested();
    void resumeRequested();

private:
    QWidget* makeFilters();
    QWidget* makeTable();
    void handleStore(RunStore::Changes changes);
    void refreshAnswers();
    void refreshMetrics();
    void refreshState();
    void refreshSelection();
    void chooseFilter(int row);
    void fetchAnswers(int prompt);
    void fetchTasks();

    Session* m_session;
    AnswerSummary m_summary;
    std::map<int, std::vector<protocol::AnswerItem>> m_texts;  ///< With text, by prompt.
    EngineClient::RequestId m_request = 0, m_taskRequest = 0;
    int m_requested = -1;
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    widgets::MetricStrip* m_metrics;
    QSplitter* m_columns;
    QListWidget* m_filters;
    QLineEdit* m_line;
    QLabel* m_progress;
    widgets::PromptTableView* m_table;
    widgets::AnswerView* m_view;
};

}  // namespace safequant::workbench
