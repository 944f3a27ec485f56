// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/results/resultspage.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/comparisonmodel.h"
#include "widgets/emptystate.h"
#include "widgets/resultsmodel.h"

namespace safequant::workbench {

using widgets::ComparisonModel;
using widgets::ResultsModel;

namespace {

constexpr int kMostReported = 4;
constexpr int kLeastRun = 196, kLeastMethod = 184;

QTableView* makeTable(QAbstractItemModel* model, const char* name, const QString& title) {
    auto* table = new QTableView;
    dressTable(table, QString::fromLatin1(name), title);
    table->setModel(model);
    table->verticalHeader()->setDefaultSectionSize(27);
    return table;
}

QString textOf(const QAbstractItemModel& model) {
    QString text;
    for (int row = -1; row < model.rowCount(); ++row) {
        for (int column = 0; column < model.columnCount(); ++column) {
            if (column > 0) text += QLatin1Char('\t');
            text += row < 0 ? model.headerData(column, Qt::Horizontal).toString() : model.index(row, column).data().toString();
        }
        text += QLatin1Char('\n');
    }
    return text;
}

}  // namespace

ResultsPage::ResultsPage(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    m_results = new ResultsModel(this);
    m_sorted = new QSortFilterProxyModel(this);
    m_sorted->setSourceModel(m_results);
    m_sorted->setSortRole(ResultsModel::SortRole);
    m_table = makeTable(m_sorted, "results", tr("Results of finished runs"));
    m_table->setSelectionMode(QTableView::ExtendedSelection);
    m_table->setSortingEnabled(true);
    m_table->horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder);
    m_comparison = new ComparisonModel(this);
    m_pairs = makeTable(m_comparison, "comparison", tr("Paired differences"));
    m_pairs->setSelectionMode(QTableView::SingleSelection);
    for (QTableView* table : {m_table, m_pairs}) table->installEventFilter(this);

    QWidget* top = makeSurface("panel");
    auto* topLayout = new QVBoxLayout(top);
    setSpacing(topLayout, 0, 10, 0, 0, 6);
    auto* head = new QHBoxLayout;
    setSpacing(head, 14, 0, 14, 0, 8);
    head->addWidget(makeLabel(tr("Results"), "heading"));
    QLabel* explained = makeLabel(tr("finished runs of this workspace, rates with their 95% interval; choose rows to compare them"), "secondary", "muted");
    explained->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    head->addWidget(explained, 1);
    m_open = makeLink(tr("Open this run"));
    m_open->setObjectName(QStringLiteral("openResult"));
    m_report = makeLink(tr("Report of these"));
    m_report->setObjectName(QStringLiteral("reportResults"));
    m_report->setToolTip(tr("Of one run its report, of two to four a report that compares them with the first chosen"));
    head->addWidget(m_report);
    head->addWidget(m_open);
    topLayout->addLayout(head);
    topLayout->addWidget(m_table, 1);

    QWidget* bottom = makeSurface("panel", "top");
    auto* bottomLayout = new QVBoxLayout(bottom);
    setSpacing(bottomLayout, 0, 11, 0, 0, 4);
    m_pairsTitle = makeLabel(tr("Prompt by prompt"), "heading");
    m_pairsText = makeParagraph({}, "secondary", "muted");
    for (QLabel* label : {m_pairsTitle, m_pairsText}) {
        label->setContentsMargins(14, 0, 14, 0);
        bottomLayout->addWidget(label);
    }
    bottomLayout->addWidget(m_pairs, 1);
    bottomLayout->addStretch(0);
    m_pairs->hide();
    auto* rows = new QSplitter(Qt::Vertical);
    rows->setChildrenCollapsible(false);
    rows->setHandleWidth(1);
    rows->addWidget(top);
    rows->addWidget(bottom);
    rows->setSizes({380, 320});
    m_empty = new widgets::EmptyState;
    m_empty->setIcon(widgets::Icon::Compare);
    m_empty->setText(tr("Runs that are finished and have answered prompts are compared here."));
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(rows);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(m_stack);

    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this, &ResultsPage::compareSelected);
    connect(m_table, &QTableView::activated, this,
            [this](const QModelIndex& index) { emit openRunRequested(index.data(ResultsModel::FolderRole).toString()); });
    connect(m_open, &QPushButton::clicked, this, [this] {
        const QStringList folders = selectedFolders();
        if (folders.size() == 1) emit openRunRequested(folders.first());
    });
    connect(m_report, &QPushButton::clicked, this, [this] { emit reportRequested(selectedFolders()); });
    connect(m_session->client(), &EngineClient::stateChanged, this, &ResultsPage::refresh);
    connect(m_session->run(), &RunController::phaseChanged, this, [this] {
        if (m_session->run()->phase() == RunController::Phase::Finished) refresh();
    });
    compareSelected();
}

void ResultsPage::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    refresh();
}

bool ResultsPage::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->matches(QKeySequence::Copy)) {
        QGuiApplication::clipboard()->setText(watched == m_pairs ? textOf(*m_comparison) : textOf(*m_sorted));
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

QString ResultsPage::tableText() const { return textOf(*m_sorted) + QLatin1Char('\n') + textOf(*m_comparison); }

void ResultsPage::refresh() {
    if (!isVisible() || m_session->client()->state() != EngineClient::State::Ready) return;
    m_session->client()->request<std::vector<protocol::RunResults>>(
        QStringLiteral("run/results"), {{"workspace", m_session->run()->workspace().toStdString()}}, this,
        [this](Expected<std::vector<protocol::RunResults>> results) {
            if (!results) return m_empty->setText(asSentence(QString::fromStdString(results.error().describe())));
            const QStringList chosen = selectedFolders();
            const bool known = m_results->rowCount() > 0;
            m_results->setResults(*results);
            m_stack->setCurrentIndex(m_results->rowCount() > 0 ? 1 : 0);
            if (!known) fitColumns();
            for (int row = 0; row < m_sorted->rowCount(); ++row) {
                const QModelIndex index = m_sorted->index(row, 0);
                if (chosen.contains(index.data(ResultsModel::FolderRole).toString()) && index.data(ResultsModel::ModelRole) != QStringLiteral("base"))
                    m_table->selectionModel()->select(index, QItemSelectionModel::Select | QItemSelectionModel::Rows);
            }
            selectWanted();
            for (int row = 0; row < m_sorted->rowCount() && chosen.isEmpty() && selectedFolders().isEmpty(); ++row)
                if (m_sorted->index(row, 0).data(ResultsModel::ModelRole) != QStringLiteral("base")) m_table->selectRow(row);
        });
}

void ResultsPage::selectRun(const QString& folder) {
    m_wanted = folder;
    selectWanted();
}

void ResultsPage::selectWanted() {
    for (int row = 0; row < m_sorted->rowCount() && !m_wanted.isEmpty(); ++row) {
        const QModelIndex index = m_sorted->index(row, 0);
        if (index.data(ResultsModel::FolderRole).toString() != m_wanted || index.data(ResultsModel::ModelRole) == QStringLiteral("base")) continue;
        m_table->selectRow(row);
        m_table->scrollTo(index);
        m_wanted.clear();
    }
}

QStringList ResultsPage::selectedFolders() const {
    QStringList folders;
    const QModelIndexList rows = m_table->selectionModel()->selectedRows();
    for (const QModelIndex& row : rows) {
        const QString folder = row.data(ResultsModel::FolderRole).toString();
        if (!folders.contains(folder)) folders << folder;
    }
    return folders;
}

void ResultsPage::compareSelected() {
    const QStringList folders = selectedFolders();
    m_open->setEnabled(folders.size() == 1);
    m_report->setEnabled(!folders.isEmpty() && folders.size() <= kMostReported);
    m_session->client()->drop(m_request);
    if (folders.isEmpty()) return showComparison(protocol::ComparisonTable{});
    nlohmann::json list = nlohmann::json::array();
    for (const QString& folder : folders) list.push_back(folder.toStdString());
    m_request = m_session->client()->request<protocol::ComparisonTable>(
        QStringLiteral("run/compare"), {{"folders", std::move(list)}}, this,
        [this](Expected<protocol::ComparisonTable> table) { showComparison(std::move(table)); });
}

void ResultsPage::fitColumns() {
    m_table->resizeColumnsToContents();
    int numbers = 0;
    for (int column = ResultsModel::MethodColumn + 1; column < m_sorted->columnCount(); ++column) numbers += m_table->columnWidth(column);
    const int room = m_table->viewport()->width() - numbers, run = m_table->columnWidth(ResultsModel::RunColumn);
    const int named = std::clamp(run, std::min(run, kLeastRun), std::max(kLeastRun, room / 2));
    m_table->setColumnWidth(ResultsModel::RunColumn, named);
    m_table->setColumnWidth(ResultsModel::MethodColumn, std::min(m_table->columnWidth(ResultsModel::MethodColumn), std::max(kLeastMethod, room - named)));
}

void ResultsPage::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    if (m_results->rowCount() > 0) fitColumns();
}

void ResultsPage::showComparison(Expected<protocol::ComparisonTable> table) {
    m_pairs->setVisible(table && !table->rows.empty());
    if (!table) {
        m_comparison->setTable({});
        m_pairsText->setText(asSentence(QString::fromStdString(table.error().message)));
        return;
    }
    const bool some = !table->rows.empty();
    if (some) {
        m_pairsText->setText(tr("Against %1, judged by %2. Differences in percentage points; lost and gained count prompts where the "
                                "answer is yes for the first alone, or for this one alone.")
                                 .arg(QString::fromStdString(table->rows.front().first), QString::fromStdString(table->judge)));
    } else {
        m_pairsText->setText(tr("Choose a run to compare it with the model it came from, or several to compare all with the first."));
    }
    const bool first = m_comparison->rowCount() == 0;
    m_comparison->setTable(std::move(*table));
    if (first && some) {
        m_pairs->resizeColumnsToContents();
        m_pairs->setColumnWidth(ComparisonModel::SecondColumn, std::min(m_pairs->columnWidth(ComparisonModel::SecondColumn), 320));
    }
}

}  // namespace safequant::workbench
