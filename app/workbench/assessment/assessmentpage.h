// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "app/workbench/assessment/assessmentfigures.h"
#include "app/workbench/assessment/assessmentmeasure.h"

class QComboBox;
class QLabel;
class QListView;
class QProgressBar;
class QPushButton;
class QSplitter;
class QStackedWidget;
class QToolButton;

namespace safequant::widgets {
class ElidedLabel;
class EmptyState;
class FindingsModel;
class MatrixMap;
class SegmentedControl;
class XyPlot;
}

namespace safequant::workbench {

class AssessmentStore;
class CellPane;
class Session;
class StartAssessmentDialog;

/// What quantizing does to a model's safety: an assessment's cells as a matrix and as a trade-off, its findings in words, and the prompts that
/// flipped in the cell that is chosen, in whichever of them.
class AssessmentPage : public QWidget {
    Q_OBJECT

public:
    explicit AssessmentPage(Session* session, QWidget* parent = nullptr);

    AssessmentStore* store() { return m_store; }
    /// Index of the chosen cell; -1: none.
    int cell() const { return m_cell; }

signals:
    void openRunRequested(const QString& folder);

protected:
    void showEvent(QShowEvent* event) override;

private:
    QWidget* makeHead();
    QWidget* makeFigures();
    QWidget* makeFindings();
    void startNew();
    void fillList();
    void refresh();
    void refreshHead();
    void refreshMeasures();
    void showFigures();
    void choose(int cell);
    void showChoice();
    void say(const QString& text, const char* tone);
    AssessmentMeasure measure() const;
    AssessmentMeasure utility() const;

    Session* m_session;
    AssessmentStore* m_store;
    StartAssessmentDialog* m_dialog = nullptr;
    QString m_shown;  ///< Folder whose cell is chosen.
    int m_cell = -1;
    std::vector<AssessmentMeasure> m_measures, m_utilities;
    AssessmentMatrix m_matrix;
    AssessmentTradeOff m_tradeOff;
    QWidget* m_head;
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    QComboBox *m_list, *m_measureBox, *m_utilityBox;
    widgets::ElidedLabel* m_state;
    QProgressBar* m_progress;
    QPushButton *m_stop, *m_resume, *m_new;
    widgets::SegmentedControl* m_views;
    QLabel* m_said;
    QToolButton* m_export;
    QStackedWidget* m_figures;
    widgets::MatrixMap* m_map;
    widgets::XyPlot* m_plot;
    widgets::FindingsModel* m_findings;
    QListView* m_findingList;
    QLabel* m_findingCount;
    CellPane* m_pane;
};

}  // namespace safequant::workbench
