// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/assessment/cellpane.h"

#include <QHBoxLayout>
#include <QLocale>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <algorithm>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/answerview.h"
#include "widgets/elidedlabel.h"
#include "widgets/emptystate.h"
#include "widgets/format.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/prompttablemodel.h"
#include "widgets/prompttableview.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/selectionmodel.h"
#include "widgets/shieldbutton.h"

namespace safequant::workbench {

using Columns = widgets::PromptTableModel;

CellPane::CellPane(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    setProperty("edge", "top");
    m_shield = new widgets::ContentShield(this);
    m_selection = new widgets::SelectionModel(this);
    m_model = new widgets::PromptTableModel(this);
    m_model->setContentShield(m_shield);
    m_model->setModelNames(tr("before"), tr("after"));
    connect(m_session->shield(), &widgets::ContentShield::changed, this, &CellPane::followSession);
    followSession();
    m_empty = new widgets::EmptyState;
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(makePrompts());
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 1, 0, 0, 0);
    layout->addWidget(makeHead());
    layout->addWidget(m_stack, 1);
    connect(m_selection, &widgets::SelectionModel::currentChanged, this, [this](int row) {
        m_shield->followCurrent(row);
        showAnswers();
    });
    setCell(nullptr, {});
}

QWidget* CellPane::makeHead() {
    QWidget* head = makeSurface("panel", "bottom");
    auto* row = new QHBoxLayout(head);
    setSpacing(row, 14, 7, 14, 7, 10);
    m_title = makeLabel({}, "heading");
    m_title->setObjectName(QStringLiteral("cellTitle"));
    m_about = new widgets::ElidedLabel;
    m_about->setProperty("textRole", "secondary");
    m_about->setProperty("tone", "muted");
    m_sides = new widgets::SegmentedControl;
    m_sides->setObjectName(QStringLiteral("flipSides"));
    m_sides->setAccessibleName(tr("Which flipped prompts"));
    m_open = new QPushButton(tr("Open this run"));
    m_open->setObjectName(QStringLiteral("openCellRun"));
    auto* shield = new widgets::ShieldButton;
    shield->setContentShield(m_session->shield());
    row->addWidget(m_title);
    row->addWidget(m_about, 1);
    row->addWidget(m_sides);
    row->addWidget(shield);
    row->addWidget(m_open);
    connect(m_sides, &widgets::SegmentedControl::activated, this, &CellPane::showSide);
    connect(m_open, &QPushButton::clicked, this, [this] {
        if (m_cell) emit openRunRequested(QString::fromStdString(m_cell->folder));
    });
    return head;
}

QWidget* CellPane::makePrompts() {
    m_table = new widgets::PromptTableView;
    m_table->setObjectName(QStringLiteral("flippedPrompts"));
    m_table->setAccessibleName(tr("Prompts whose answer flipped"));
    m_table->setPromptModel(m_model);
    m_table->setSelectionLink(m_selection);
    m_table->setVisibleColumns({Columns::LabelColumn, Columns::PromptColumn, Columns::BaseOutcomeColumn, Columns::QuantizedOutcomeColumn});
    m_view = new widgets::AnswerView;
    m_view->setObjectName(QStringLiteral("flippedAnswers"));
    m_view->setContentShield(m_shield);
    m_view->setModelNames(tr("Before"), tr("After"));
    QWidget* right = makeSurface("panel", "left");
    auto* rightLayout = new QVBoxLayout(right);
    setSpacing(rightLayout, 1, 0, 0, 0, 0);
    rightLayout->addWidget(m_view);
    m_columns = new QSplitter(Qt::Horizontal);
    m_columns->setChildrenCollapsible(false);
    m_columns->setHandleWidth(1);
    m_columns->addWidget(m_table);
    m_columns->addWidget(right);
    m_columns->setStretchFactor(0, 1);
    m_columns->setStretchFactor(1, 1);
    return m_columns;
}

void CellPane::followSession() {
    if (m_session->shield()->state() == widgets::ContentShield::State::Shown) m_shield->showAll();
    else m_shield->hide();
}

void CellPane::setCell(const protocol::AssessmentCell* cell, const AssessmentMeasure& measure) {
    m_cell = cell ? std::optional(*cell) : std::nullopt;
    m_measure = measure;
    showHead();
    fetchPrompts();
}

void CellPane::showHead() {
    m_title->setText(m_cell ? QString::fromStdString(cellTitle(*m_cell)) : tr("No cell is chosen"));
    m_open->setEnabled(m_cell && !m_cell->folder.empty());
    m_open->setVisible(m_cell.has_value());
    QStringList about;
    if (m_cell) about << QString::fromStdString(m_cell->scheme);
    if (m_cell && m_cell->status == "finished") {
        if (m_cell->bitsPerWeight > 0.0) about << tr("%1 bits a weight").arg(QLocale().toString(m_cell->bitsPerWeight, 'f', 2));
        about << tr("quantized in %1").arg(widgets::formatDuration(m_cell->quantizeSeconds));
        if (m_cell->peakMemoryBytes > 0) about << tr("%1 at most").arg(widgets::formatBytes(m_cell->peakMemoryBytes));
    }
    m_about->setText(about.join(QStringLiteral(" · ")));
}

void CellPane::fetchPrompts() {
    const protocol::CellMeasure* flips = m_cell && m_cell->status == "finished" ? flipsOf(*m_cell, m_measure) : nullptr;
    m_sides->setVisible(flips != nullptr);
    if (flips == nullptr) {
        m_session->client()->drop(m_promptRequest);
        m_key.clear();
        takePrompts({});
        const QString detail = m_cell ? asSentence(QString::fromStdString(m_cell->detail)) : QString();
        if (!m_cell) m_empty->setText(tr("Choose a finding, a cell or a point to read the prompts whose answer flipped."));
        else if (m_cell->status == "failed") m_empty->setText(tr("This cell failed: %1 Resume tries it again.").arg(detail));
        else if (m_cell->status == "finished") m_empty->setText(tr("This cell asked the models nothing, so that no answer flipped."));
        else m_empty->setText(tr("Flipped prompts appear when this cell is finished."));
        m_stack->setCurrentIndex(0);
        return;
    }
    const QString key = QStringLiteral("%1 %2 %3 %4").arg(QString::fromStdString(m_cell->folder), QString::fromStdString(flips->measure)).arg(flips->gained.size()).arg(flips->lost.size());
    if (key == m_key) return;
    m_key = key;
    m_gained = int(flips->gained.size());
    takePrompts({});
    m_sides->clear();
    m_sides->addSegment(QStringLiteral("%1 %2").arg(gainedText(*flips)).arg(flips->gained.size()), true);
    m_sides->addSegment(QStringLiteral("%1 %2").arg(lostText(*flips)).arg(flips->lost.size()), false);
    m_sides->setCurrentIndex(flips->gained.empty() && !flips->lost.empty() ? 1 : 0);
    std::vector<std::string> ids = flips->gained;
    ids.insert(ids.end(), flips->lost.begin(), flips->lost.end());
    m_session->client()->drop(m_promptRequest);
    m_empty->setText(ids.empty() ? tr("No answer flipped.") : tr("Reading the flipped prompts ..."));
    m_stack->setCurrentIndex(0);
    if (ids.empty()) return;
    m_promptRequest = m_session->client()->request<std::vector<protocol::FlippedPrompt>>(
        QStringLiteral("assessment/prompts"), {{"folder", m_cell->folder}, {"ids", std::move(ids)}}, this, [this](Expected<std::vector<protocol::FlippedPrompt>> prompts) {
            if (prompts) return takePrompts(std::move(*prompts));
            m_key.clear();
            m_empty->setText(asSentence(QString::fromStdString(prompts.error().describe())));
        });
}

void CellPane::takePrompts(std::vector<protocol::FlippedPrompt> prompts) {
    m_session->client()->drop(m_answerRequest);
    m_asked = -1;
    m_answers.clear();
    m_prompts = std::move(prompts);
    m_selection->clear();
    auto items = std::make_shared<std::vector<protocol::PromptItem>>();
    std::vector<protocol::AnswerItem> outcomes;
    for (int row = 0; row < int(m_prompts.size()); ++row) {
        const protocol::FlippedPrompt& flipped = m_prompts[std::size_t(row)];
        items->push_back(flipped.prompt);
        for (const auto& [model, outcome] : {std::pair{"base", &flipped.before}, std::pair{"quantized", &flipped.after}}) {
            protocol::AnswerItem answer;
            answer.prompt = row;
            answer.model = model;
            answer.outcome = *outcome;
            outcomes.push_back(std::move(answer));
        }
    }
    m_model->setPrompts(std::move(items));
    m_model->setAnswers(outcomes);
    showSide();
    showAnswers();
}

void CellPane::showSide() {
    if (m_prompts.empty()) return;
    const bool gained = m_sides->currentValue().toBool();
    QSet<int> rows;
    for (int row = gained ? 0 : m_gained; row < (gained ? m_gained : int(m_prompts.size())); ++row) rows.insert(row);
    m_table->filter()->setOnly(rows);
    m_stack->setCurrentIndex(rows.isEmpty() ? 0 : 1);
    if (rows.isEmpty()) m_empty->setText(tr("No answer flipped this way."));
    if (!rows.contains(m_selection->current())) m_selection->clear();
}

void CellPane::showAnswers() {
    const int row = m_selection->current();
    if (row < 0 || row >= int(m_prompts.size())) return m_view->setPrompt(-1);
    m_view->setPrompt(row, m_prompts[std::size_t(row)].prompt);
    const auto known = m_answers.find(row);
    if (known == m_answers.end()) return fetchAnswers(row);
    std::optional<protocol::AnswerItem> before, after;
    for (const protocol::AnswerItem& answer : known->second) (answer.model == "base" ? before : after) = answer;
    m_view->setAnswers(before, after);
}

void CellPane::fetchAnswers(int row) {
    if (row == m_asked || !m_cell) return;
    m_session->client()->drop(m_answerRequest);
    m_asked = row;
    m_answerRequest = m_session->client()->request<std::vector<protocol::AnswerItem>>(
        QStringLiteral("run/answers"), {{"folder", m_cell->folder}, {"prompts", {m_prompts[std::size_t(row)].index}}}, this,
        [this, row](Expected<std::vector<protocol::AnswerItem>> answers) {
            m_asked = -1;
            if (!answers) return;
            m_answers[row] = std::move(*answers);
            if (row == m_selection->current()) showAnswers();
        });
}

}  // namespace safequant::workbench
