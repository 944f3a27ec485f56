// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/assessment/assessmentpage.h"

#include <QComboBox>
#include <QListView>
#include <QMenu>
#include <QProgressBar>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolButton>
#include <algorithm>

#include "app/workbench/assessment/assessmentstore.h"
#include "app/workbench/assessment/cellpane.h"
#include "app/workbench/assessment/startassessmentdialog.h"
#include "app/workbench/figuremenu.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"
#include "widgets/emptystate.h"
#include "widgets/findingdelegate.h"
#include "widgets/findingsmodel.h"
#include "widgets/format.h"
#include "widgets/glossary.h"
#include "widgets/icons.h"
#include "widgets/matrixmap.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/xyplot.h"

namespace safequant::workbench {

using widgets::FindingsModel;

namespace {

enum Stacked { kNoAssessment, kAssessment };

QComboBox* makeChoice(const char* name, const QString& title, int letters) {
    auto* box = new QComboBox;
    box->setObjectName(QString::fromLatin1(name));
    box->setAccessibleName(title);
    box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    box->setMinimumContentsLength(letters);
    return box;
}

/// Gives a choice other entries and keeps what is chosen, by its text.
void refill(QComboBox* box, const std::vector<AssessmentMeasure>& measures) {
    QStringList titles;
    for (const AssessmentMeasure& measure : measures) titles << measure.title;
    QStringList before;
    for (int i = 0; i < box->count(); ++i) before << box->itemText(i);
    if (titles == before) return;
    const QSignalBlocker quiet(box);
    const QString chosen = box->currentText();
    box->clear();
    box->addItems(titles);
    box->setCurrentIndex(std::max(0, int(titles.indexOf(chosen))));
}

}  // namespace

AssessmentPage::AssessmentPage(Session* session, QWidget* parent) : QWidget(parent), m_session(session), m_store(new AssessmentStore(session->client(), this)) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    m_pane = new CellPane(session);
    connect(m_pane, &CellPane::openRunRequested, this, &AssessmentPage::openRunRequested);
    auto* columns = new QSplitter(Qt::Horizontal);
    columns->setChildrenCollapsible(false);
    columns->setHandleWidth(1);
    columns->addWidget(makeFigures());
    columns->addWidget(makeFindings());
    columns->setStretchFactor(0, 5);
    columns->setStretchFactor(1, 3);
    columns->setSizes({790, 426});
    auto* rows = new QSplitter(Qt::Vertical);
    rows->setChildrenCollapsible(false);
    rows->setHandleWidth(1);
    rows->addWidget(columns);
    rows->addWidget(m_pane);
    rows->setStretchFactor(0, 3);
    rows->setStretchFactor(1, 2);
    rows->setSizes({430, 230});
    m_empty = new widgets::EmptyState;
    m_empty->setIcon(widgets::Icon::Assessment);
    connect(m_empty, &widgets::EmptyState::actionTriggered, this, &AssessmentPage::startNew);
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(rows);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    m_head = makeHead();
    layout->addWidget(m_head);
    layout->addWidget(m_stack, 1);

    connect(m_store, &AssessmentStore::listChanged, this, &AssessmentPage::fillList);
    connect(m_store, &AssessmentStore::changed, this, &AssessmentPage::refresh);
    connect(m_session->client(), &EngineClient::stateChanged, this, [this] {
        if (isVisible()) m_store->refresh();
        refresh();
    });
    connect(m_map, &widgets::MatrixMap::chosen, this, [this](int item) { choose(m_matrix.cells[std::size_t(item)].front()); });
    connect(m_plot, &widgets::XyPlot::chosen, this, [this](int item) { choose(m_tradeOff.cells[std::size_t(m_plot->pointOf(item).second)]); });
    connect(m_findingList->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& index) {
        if (index.isValid()) choose(index.data(FindingsModel::CellRole).toInt());
    });
    refresh();
}

QWidget* AssessmentPage::makeHead() {
    QWidget* bar = makeSurface("panel", "bottom");
    auto* row = new QHBoxLayout(bar);
    setSpacing(row, 14, 9, 14, 9, 10);
    m_list = makeChoice("assessments", tr("Assessment"), 26);
    m_state = new widgets::ElidedLabel;
    m_state->setObjectName(QStringLiteral("assessmentState"));
    m_state->setProperty("textRole", "secondary");
    m_progress = new QProgressBar;
    m_progress->setTextVisible(false);
    m_progress->setFixedWidth(120);
    m_progress->setAccessibleName(tr("Finished cells"));
    m_stop = new QPushButton(tr("Stop after block"));
    m_stop->setObjectName(QStringLiteral("stopAssessment"));
    m_resume = new QPushButton(tr("Resume"));
    m_resume->setObjectName(QStringLiteral("resumeAssessment"));
    m_resume->setProperty("primary", true);
    m_new = new QPushButton(tr("New assessment ..."));
    m_new->setObjectName(QStringLiteral("newAssessment"));
    row->addWidget(m_list);
    row->addWidget(m_progress);
    row->addWidget(m_state, 1);
    row->addWidget(m_stop);
    row->addWidget(m_resume);
    row->addWidget(m_new);
    connect(m_list, &QComboBox::activated, this, [this] { m_store->open(m_list->currentData().toString()); });
    connect(m_stop, &QPushButton::clicked, m_store, &AssessmentStore::stop);
    connect(m_resume, &QPushButton::clicked, m_store, &AssessmentStore::resume);
    connect(m_new, &QPushButton::clicked, this, &AssessmentPage::startNew);
    return bar;
}

QWidget* AssessmentPage::makeFigures() {
    QWidget* area = makeSurface("panel", "right");
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 0, 0, 1, 0, 0);
    auto* head = new QHBoxLayout;
    setSpacing(head, 14, 8, 12, 6, 10);
    m_views = new widgets::SegmentedControl;
    m_views->setObjectName(QStringLiteral("assessmentViews"));
    m_views->setAccessibleName(tr("View"));
    m_views->addSegment(tr("Matrix"), QStringLiteral("matrix"), tr("Methods and bit widths by calibration sets"));
    m_views->addSegment(tr("Trade-off"), QStringLiteral("trade-off"), tr("Safety against usefulness and size"));
    m_views->setCurrentIndex(0);
    m_measureBox = makeChoice("assessmentMeasure", tr("Measure"), 24);
    widgets::explain(m_measureBox, QStringLiteral("risk"));
    m_utilityBox = makeChoice("assessmentUtility", tr("Usefulness"), 20);
    m_said = makeLabel({}, "secondary", "muted");
    m_said->setObjectName(QStringLiteral("assessmentSaid"));
    m_said->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_export = new QToolButton;
    m_export->setObjectName(QStringLiteral("assessmentExport"));
    m_export->setIcon(widgets::icon(widgets::Icon::Export, widgets::IconTone::Muted));
    m_export->setToolTip(tr("Copy or save the figure and its numbers"));
    m_export->setAccessibleName(tr("Copy or save"));
    m_export->setPopupMode(QToolButton::InstantPopup);
    auto* menu = new QMenu(m_export);
    m_export->setMenu(menu);
    head->addWidget(m_views);
    head->addWidget(m_measureBox);
    head->addWidget(m_utilityBox);
    head->addWidget(m_said, 1);
    head->addWidget(m_export);
    layout->addLayout(head);

    m_map = new widgets::MatrixMap(tr("Change by method and calibration set"));
    m_map->setObjectName(QStringLiteral("assessmentMatrix"));
    m_plot = new widgets::XyPlot(tr("Safety against usefulness"));
    m_plot->setObjectName(QStringLiteral("assessmentTradeOff"));
    m_plot->setEmptyText(tr("No finished cell has measured both."));
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setWidget(m_map);
    auto* plot = new QWidget;
    auto* plotLayout = new QVBoxLayout(plot);
    setSpacing(plotLayout, 10, 0, 10, 6, 0);
    plotLayout->addWidget(m_plot);
    m_figures = new QStackedWidget;
    m_figures->addWidget(scroll);
    m_figures->addWidget(plot);
    layout->addWidget(m_figures, 1);
    connect(menu, &QMenu::aboutToShow, this, [this, menu] {
        menu->clear();
        widgets::Figure* figure = m_views->currentIndex() == 0 ? static_cast<widgets::Figure*>(m_map) : m_plot;
        fillFigureMenu(menu, {figure->accessibleName(), figure, [figure] { return figure->table(); }}, m_session, this,
                       [this](const QString& text, const char* tone) { say(text, tone); });
    });
    connect(m_views, &widgets::SegmentedControl::activated, this, &AssessmentPage::showFigures);
    for (QComboBox* box : {m_measureBox, m_utilityBox})
        connect(box, &QComboBox::activated, this, [this] {
            showFigures();
            showChoice();
        });
    return area;
}

QWidget* AssessmentPage::makeFindings() {
    auto* area = new QWidget;
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 0, 0, 0, 0, 0);
    auto* head = new QHBoxLayout;
    setSpacing(head, 14, 11, 14, 9, 8);
    QLabel* title = makeLabel(tr("Findings, the gravest first"), "heading");
    widgets::explain(title, QStringLiteral("hidden-danger"));
    m_findingCount = makeLabel({}, "secondary", "muted");
    head->addWidget(title);
    head->addStretch(1);
    head->addWidget(m_findingCount);
    layout->addLayout(head);
    m_findings = new FindingsModel(this);
    m_findingList = new QListView;
    m_findingList->setObjectName(QStringLiteral("findings"));
    m_findingList->setAccessibleName(tr("Findings"));
    m_findingList->setModel(m_findings);
    m_findingList->setItemDelegate(new widgets::FindingDelegate(m_findingList));
    m_findingList->setFrameShape(QFrame::NoFrame);
    m_findingList->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_findingList->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_findingList->setResizeMode(QListView::Adjust);
    layout->addWidget(m_findingList, 1);
    return area;
}

void AssessmentPage::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    m_store->refresh();
    refresh();
}

void AssessmentPage::startNew() {
    if (!m_dialog) {
        m_dialog = new StartAssessmentDialog(m_session, this);
        connect(m_dialog, &StartAssessmentDialog::chosen, m_store, &AssessmentStore::start);
    }
    m_dialog->prepare();
    m_dialog->open();
}

void AssessmentPage::fillList() {
    const QSignalBlocker quiet(m_list);
    m_list->clear();
    for (const auto& summary : m_store->list()) {
        const QString name = QString::fromStdString(summary.name.empty() ? summary.folder.substr(summary.folder.rfind('/') + 1) : summary.name);
        const QString age = widgets::formatAge(QString::fromStdString(summary.created));
        m_list->addItem(age.isEmpty() ? name : QStringLiteral("%1 · %2").arg(name, age), QString::fromStdString(summary.folder));
        m_list->setItemData(m_list->count() - 1, m_session->placeOf(QString::fromStdString(summary.folder)), Qt::ToolTipRole);
    }
    m_list->setCurrentIndex(m_list->findData(m_store->folder()));
}

void AssessmentPage::refresh() {
    refreshHead();
    if (!m_store->hasState()) {
        m_stack->setCurrentIndex(kNoAssessment);
        return;
    }
    if (m_shown != m_store->folder()) {
        m_shown = m_store->folder();
        m_cell = -1;
    }
    m_stack->setCurrentIndex(kAssessment);
    refreshMeasures();
    m_findings->setState(m_store->state());
    m_findingCount->setText(m_findings->rowCount() == 0 ? tr("none before a cell is finished") : QString::number(m_findings->rowCount()));
    showFigures();
    // The gravest finding is what is looked at first.
    if (m_cell < 0 && m_findings->rowCount() > 0) m_cell = m_findings->index(0).data(FindingsModel::CellRole).toInt();
    showChoice();
}

void AssessmentPage::refreshHead() {
    const EngineClient* client = m_session->client();
    const bool ready = client->state() == EngineClient::State::Ready;
    const auto& summary = m_store->state().summary;
    const bool shown = m_store->hasState(), running = m_store->running();
    const bool none = m_store->listed() && m_store->list().empty() && m_store->folder().isEmpty();
    // What there is nothing of has its one action in the middle of the page.
    m_head->setVisible(!none);
    m_list->setVisible(m_list->count() > 0);
    if (m_list->currentData().toString() != m_store->folder()) m_list->setCurrentIndex(m_list->findData(m_store->folder()));
    m_progress->setVisible(shown && summary.finished < summary.cells);
    m_progress->setRange(0, std::max(1, summary.cells));
    m_progress->setValue(summary.finished);
    m_stop->setVisible(running);
    m_stop->setEnabled(running && !m_store->stopping());
    m_stop->setText(m_store->stopping() ? tr("Stopping after block") : tr("Stop after block"));
    m_resume->setVisible(shown && summary.status == "stopped");
    m_resume->setEnabled(ready);
    m_new->setEnabled(ready);
    QString text = m_store->problem();
    if (shown && text.isEmpty()) {
        QStringList parts{tr("%1 of %2 cells").arg(summary.finished).arg(summary.cells)};
        if (summary.failed > 0) parts << tr("%1 failed").arg(summary.failed);
        if (running && m_store->state().secondsLeft > 0.0) parts << tr("about %1").arg(widgets::formatTimeLeft(m_store->state().secondsLeft));
        if (summary.status == "stopped") parts << tr("stopped; what is finished stays");
        text = parts.join(QStringLiteral(" · "));
    }
    m_state->setText(text);
    setTone(m_state, m_store->problem().isEmpty() ? "muted" : "bad");
    if (shown) return;
    if (!m_store->problem().isEmpty()) m_empty->setText(m_store->problem());
    else if (none && ready) m_empty->setText(tr("See what quantizing does to a model's safety: methods, bit widths and calibration sets in one matrix."));
    else m_empty->setText(ready ? tr("Reading the assessments ...") : tr("Assessments appear when the engine is there."));
    m_empty->setActionText(none && ready ? tr("New assessment ...") : QString(), true);
}

void AssessmentPage::refreshMeasures() {
    m_measures = measuresOf(m_store->state());
    m_utilities.clear();
    // Perplexity, and the tasks: what a model is useful for.
    std::copy_if(m_measures.begin(), m_measures.end(), std::back_inserter(m_utilities), [](const AssessmentMeasure& measure) {
        return measure.kind == AssessmentMeasure::Kind::Perplexity || !measure.moreIsWorse;
    });
    refill(m_measureBox, m_measures);
    refill(m_utilityBox, m_utilities);
}

AssessmentMeasure AssessmentPage::measure() const { return m_measures[std::size_t(std::max(0, m_measureBox->currentIndex()))]; }
AssessmentMeasure AssessmentPage::utility() const { return m_utilities[std::size_t(std::max(0, m_utilityBox->currentIndex()))]; }

void AssessmentPage::showFigures() {
    if (!m_store->hasState()) return;
    const bool matrix = m_views->currentIndex() == 0;
    m_measureBox->setVisible(matrix);
    m_utilityBox->setVisible(!matrix);
    m_figures->setCurrentIndex(m_views->currentIndex());
    m_matrix = matrixOf(m_store->state(), measure());
    m_map->setData(m_matrix.data);
    m_tradeOff = tradeOffOf(m_store->state(), utility());
    m_plot->setAxes(m_tradeOff.x, m_tradeOff.y);
    m_plot->setSeries(m_tradeOff.series, m_tradeOff.table);
    const auto place = std::find_if(m_matrix.cells.begin(), m_matrix.cells.end(),
                                    [this](const std::vector<int>& cells) { return std::find(cells.begin(), cells.end(), m_cell) != cells.end(); });
    m_map->setCurrent(place == m_matrix.cells.end() ? -1 : int(place - m_matrix.cells.begin()));
    const auto point = std::find(m_tradeOff.cells.begin(), m_tradeOff.cells.end(), m_cell);
    m_plot->setCurrent(point == m_tradeOff.cells.end() ? -1 : m_plot->itemOf(2, int(point - m_tradeOff.cells.begin())));
}

void AssessmentPage::choose(int cell) {
    if (cell == m_cell) return;
    m_cell = cell;
    m_said->clear();
    showFigures();
    showChoice();
}

void AssessmentPage::showChoice() {
    const bool some = m_cell >= 0 && m_cell < int(m_store->state().cells.size());
    m_pane->setCell(some ? &m_store->state().cells[std::size_t(m_cell)] : nullptr, m_measures.empty() ? AssessmentMeasure{} : measure());
    const int row = m_findings->rowOf(m_cell);
    if (row < 0) m_findingList->selectionModel()->clear();
    else if (m_findingList->currentIndex().row() != row) m_findingList->setCurrentIndex(m_findings->index(row));
}

void AssessmentPage::say(const QString& text, const char* tone) {
    m_said->setText(text);
    setTone(m_said, tone);
}

}  // namespace safequant::workbench
