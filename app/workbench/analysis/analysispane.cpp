// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/analysispane.h"

#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QSortFilterProxyModel>
#include <QStackedWidget>
#include <QTableView>
#include <QTextDocumentFragment>
#include <QToolButton>
#include <QToolTip>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"
#include "widgets/emptystate.h"
#include "widgets/figure.h"
#include "widgets/glossary.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

using widgets::Figure;

namespace {

enum Kind { kEmpty, kFigures, kTable };

QTableView* makeTable(QAbstractItemModel* model, const QString& title) {
    auto* table = new QTableView;
    dressTable(table, QStringLiteral("analysisTable"), title);
    table->setModel(model);
    table->setSortingEnabled(true);
    table->horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder);
    return table;
}

}  // namespace

AnalysisPane::AnalysisPane(Session* session, const PaneAbout& about, QWidget* parent) : QWidget(parent), m_session(session), m_about(about) {
    setAccessibleName(about.title);
    QStringList meanings;
    for (const QString& term : about.terms) meanings << widgets::termToolTip(term);
    const QString terms = meanings.join(QStringLiteral("<br><br>"));
    auto* head = new QHBoxLayout;
    setSpacing(head, 14, 8, 12, 8, 8);
    head->addWidget(makeLabel(about.title, "heading"));
    auto* info = new QToolButton;
    info->setObjectName(QStringLiteral("analysisTerms"));
    info->setIcon(widgets::icon(widgets::Icon::Info, widgets::IconTone::Muted));
    info->setToolTip(terms);
    info->setAccessibleName(tr("What the words mean"));
    info->setAccessibleDescription(QTextDocumentFragment::fromHtml(terms).toPlainText());
    connect(info, &QToolButton::clicked, this, [info] { QToolTip::showText(info->mapToGlobal(info->rect().bottomLeft()), info->toolTip(), info); });
    head->addWidget(info);
    auto* explained = new widgets::ElidedLabel(about.explained);
    explained->setProperty("textRole", "secondary");
    explained->setProperty("tone", "muted");
    head->addWidget(explained, 1);
    m_controls = new QHBoxLayout;
    setSpacing(m_controls, 0, 0, 0, 0, 10);
    head->addLayout(m_controls);
    m_source = new QComboBox;
    m_source->setObjectName(QStringLiteral("analysisSource"));
    m_source->setAccessibleName(tr("Whose numbers the table shows"));
    m_source->hide();
    head->addWidget(m_source);
    m_kind = new widgets::SegmentedControl;
    m_kind->setObjectName(QStringLiteral("analysisKind"));
    m_kind->setAccessibleName(tr("Figure or table"));
    m_kind->addSegment(tr("Figure"), kFigures, tr("The numbers as a picture"));
    m_kind->addSegment(tr("Table"), kTable, tr("The same numbers to read, sort and copy"));
    m_kind->setCurrentIndex(0);
    head->addWidget(m_kind);
    auto* take = new QToolButton;
    take->setObjectName(QStringLiteral("analysisExport"));
    take->setIcon(widgets::icon(widgets::Icon::Export, widgets::IconTone::Muted));
    take->setToolTip(tr("Copy or save the figure and its numbers"));
    take->setAccessibleName(tr("Copy or save"));
    take->setPopupMode(QToolButton::InstantPopup);
    m_menu = new QMenu(take);
    take->setMenu(m_menu);
    head->addWidget(take);
    m_said = makeLabel({}, "secondary", "muted");
    m_said->setObjectName(QStringLiteral("analysisSaid"));
    m_said->setContentsMargins(14, 0, 14, 6);
    m_said->hide();

    m_numbers = new widgets::FigureTableModel(this);
    m_sorted = new QSortFilterProxyModel(this);
    m_sorted->setSourceModel(m_numbers);
    m_sorted->setSortRole(widgets::FigureTableModel::SortRole);
    m_table = makeTable(m_sorted, about.title);
    m_empty = new widgets::EmptyState;
    m_empty->setIcon(widgets::Icon::Analysis);
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(new QWidget);
    m_stack->addWidget(m_table);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addLayout(head);
    layout->addWidget(m_said);
    layout->addWidget(m_stack, 1);
    connect(m_empty, &widgets::EmptyState::actionTriggered, this, &AnalysisPane::runRequested);
    const auto again = [this] {
        if (m_stack->currentIndex() != kEmpty) showBody();
    };
    connect(m_kind, &widgets::SegmentedControl::activated, this, again);
    connect(m_source, &QComboBox::activated, this, again);
}

EngineClient* AnalysisPane::client() { return m_session->client(); }

QString AnalysisPane::sentenceOf(const Error& error) { return asSentence(QString::fromStdString(error.message)); }

void AnalysisPane::addControl(QWidget* control) { m_controls->addWidget(control); }

void AnalysisPane::setBody(QWidget* body, const std::vector<Figure*>& figures) {
    QWidget* before = m_stack->widget(kFigures);
    m_stack->insertWidget(kFigures, body);
    m_stack->removeWidget(before);
    delete before;
    for (Figure* figure : figures) addSource({figure->accessibleName(), figure, [figure] { return figure->table(); }});
}

void AnalysisPane::addNumbers(const QString& name, std::function<widgets::FigureTable()> table) { addSource({name, nullptr, std::move(table)}); }

void AnalysisPane::addSource(FigureSource source) {
    m_source->addItem(source.name);
    m_sources.push_back(std::move(source));
    fillMenu();
}

void AnalysisPane::fillMenu() {
    m_menu->clear();
    for (const FigureSource& source : m_sources)
        fillFigureMenu(m_sources.size() == 1 ? m_menu : m_menu->addMenu(source.name), source, m_session, this,
                       [this](const QString& text, const char* tone) { say(text, tone); });
}

void AnalysisPane::say(const QString& text, const char* tone) {
    m_said->setText(text);
    setTone(m_said, tone);
    m_said->show();
}

void AnalysisPane::showEmpty(const QString& text, bool action) {
    m_empty->setText(text);
    m_empty->setActionText(action ? tr("Open a run ...") : QString(), true);
    m_stack->setCurrentIndex(kEmpty);
}

void AnalysisPane::showBody() {
    const bool table = m_kind->currentValue().toInt() == kTable;
    m_source->setVisible(table && m_sources.size() > 1);
    m_stack->setCurrentIndex(table ? kTable : kFigures);
    if (!table) return;
    auto numbers = m_sources[std::size_t(std::max(0, m_source->currentIndex()))].table();
    const bool same = numbers.columns == m_numbers->table().columns;
    m_numbers->setTable(std::move(numbers));
    if (!same) m_table->resizeColumnsToContents();
}

void AnalysisPane::setBlock(int block) {
    if (block == m_block) return;
    m_block = block;
    refresh();
}

void AnalysisPane::refresh() {
    if (!isVisible() || m_session->client()->state() != EngineClient::State::Ready) return;
    if (m_stack->currentIndex() == kEmpty) showEmpty(tr("Looking into the run ..."));
    ask();
}

void AnalysisPane::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    m_said->hide();
    refresh();
}

QString AnalysisPane::revision() const {
    const RunStore* store = m_session->store();
    return QStringLiteral("%1 %2 %3").arg(store->folder()).arg(store->blocksOf("base").size()).arg(store->blocksOf("quantized").size());
}

bool AnalysisPane::lacksBlocks(const std::string& model) {
    const RunStore* store = m_session->store();
    if (!store->hasRun()) {
        showEmpty(tr("Look into a run: its probes, its weights and its errors, block by block."), true);
        return true;
    }
    if (!store->blocksOf(model).empty()) return false;
    if (m_session->run()->active())
        showEmpty(model == "base" ? tr("The first block appears in a few seconds.") : tr("Blocks are captured first; quantized ones follow."));
    else
        showEmpty(model == "base" ? tr("This run has no finished block.") : tr("This run has no quantized block."));
    return true;
}

}  // namespace safequant::workbench
