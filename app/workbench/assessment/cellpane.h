// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <map>
#include <optional>
#include <vector>

#include "app/workbench/assessment/assessmentmeasure.h"
#include "app/workbench/engine/engineclient.h"

class QLabel;
class QPushButton;
class QSplitter;
class QStackedWidget;

namespace safequant::widgets {
class AnswerView;
class ContentShield;
class ElidedLabel;
class EmptyState;
class PromptTableModel;
class PromptTableView;
class SegmentedControl;
class SelectionModel;
}

namespace safequant::workbench {

class Session;

/// The chosen cell of an assessment: what it is and costs, and the prompts whose answer flipped, with what the model answered before and
/// after. Prompts and answers come from the engine when they are asked for; malicious ones are hidden as on the Answers page.
class CellPane : public QWidget {
    Q_OBJECT

public:
    explicit CellPane(Session* session, QWidget* parent = nullptr);

    /// Null: none is chosen.
    void setCell(const protocol::AssessmentCell* cell, const AssessmentMeasure& measure);

signals:
    void openRunRequested(const QString& folder);

private:
    QWidget* makeHead();
    QWidget* makePrompts();
    void showHead();
    void fetchPrompts();
    void takePrompts(std::vector<protocol::FlippedPrompt> prompts);
    void showSide();
    void showAnswers();
    void fetchAnswers(int row);
    void followSession();

    Session* m_session;
    std::optional<protocol::AssessmentCell> m_cell;
    AssessmentMeasure m_measure;
    QString m_key;                 ///< Of the prompts asked for: run, measure and their number.
    std::vector<protocol::FlippedPrompt> m_prompts;  ///< First those that the measure gained, then those it lost.
    int m_gained = 0;
    std::map<int, std::vector<protocol::AnswerItem>> m_answers;  ///< With text, by row.
    EngineClient::RequestId m_promptRequest = 0, m_answerRequest = 0;
    int m_asked = -1;
    QLabel* m_title;
    widgets::ElidedLabel* m_about;
    QPushButton* m_open;
    widgets::SegmentedControl* m_sides;
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    QSplitter* m_columns;
    widgets::PromptTableModel* m_model;
    widgets::PromptTableView* m_table;
    widgets::SelectionModel* m_selection;
    widgets::ContentShield* m_shield;  ///< Follows the session's; rows shown once are this pane's own.
    widgets::AnswerView* m_view;
};

}  // namespace safequant::workbench
