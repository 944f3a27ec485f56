// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/answers/answerspage.h"

#include <QLineEdit>
#include <QListWidget>
#include <QLocale>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "app/workbench/answers/filterdelegate.h"
#include "app/workbench/answers/reviewbar.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/answerview.h"
#include "widgets/emptystate.h"
#include "widgets/metricstrip.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/prompttableview.h"
#include "widgets/shieldbutton.h"

namespace safequant::workbench {

using Columns = widgets::PromptTableModel;
using Phase = RunController::Phase;

AnswersPage::AnswersPage(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    m_metrics = new widgets::MetricStrip;
    m_metrics->setObjectName(QStringLiteral("metrics"));
    m_metrics->setModelNames(tr("base"), tr("quantized"));
    QWidget* top = makeSurface("panel", "bottom");
    auto* topLayout = new QVBoxLayout(top);
    setSpacing(topLayout, 14, 10, 14, 10, 0);
    topLayout->addWidget(m_metrics);
    m_view = new widgets::AnswerView;
    m_view->setObjectName(QStringLiteral("answers"));
    m_view->setContentShield(m_session->shield());
    m_view->setModelNames(tr("Base"), tr("Quantized"));
    QWidget* right = makeSurface("panel", "left");
    auto* rightLayout = new QVBoxLayout(right);
    setSpacing(rightLayout, 1, 0, 0, 0, 0);
    rightLayout->addWidget(m_view, 1);
    rightLayout->addWidget(new ReviewBar(m_session));
    m_columns = new QSplitter(Qt::Horizontal);
    m_columns->setChildrenCollapsible(false);
    m_columns->setHandleWidth(1);
    m_columns->addWidget(makeFilters());
    m_columns->addWidget(makeTable());
    m_columns->addWidget(right);
    m_columns->setStretchFactor(0, 0);
    m_columns->setStretchFactor(1, 3);
    m_columns->setStretchFactor(2, 2);
    m_columns->setSizes({196, 600, 400});
    auto* page = new QWidget;
    auto* pageLayout = new QVBoxLayout(page);
    setSpacing(pageLayout, 0, 0, 0, 0, 0);
    pageLayout->addWidget(top);
    pageLayout->addWidget(m_columns, 1);
    m_empty = new widgets::EmptyState;
    m_empty->setIcon(widgets::Icon::Answers);
    connect(m_empty, &widgets::EmptyState::actionTriggered, this, [this] {
        if (m_session->run()->resumable()) {
            emit resumeRequested();
        } else {
            emit quantizeRequested();
        }
    });
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(page);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(m_stack);

    connect(m_session->store(), &RunStore::changed, this, &AnswersPage::handleStore);
    connect(m_session->run(), &RunController::phaseChanged, this, &AnswersPage::refreshState);
    for (auto signal : {&SetupModel::checkpointChanged, &SetupModel::promptsChanged}) {
        connect(m_session->setup(), signal, this, &AnswersPage::refreshState);
    }
    connect(m_session->selection(), &widgets::SelectionModel::currentChanged, this, &AnswersPage::refreshSelection);
    connect(m_session->review(), &ReviewStore::changed, this, &AnswersPage::refreshAnswers);
    refreshAnswers();
    m_filters->setCurrentRow(0);
    refreshState();
    refreshSelection();
}

QWidget* AnswersPage::makeFilters() {
    QWidget* area = makeSurface("panel", "right");
    area->setMinimumWidth(180);
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 0, 10, 1, 0, 6);
    QLabel* head = makeLabel(tr("Base → quantized"), "secondary", "muted");
    head->setContentsMargins(14, 0, 14, 0);
    layout->addWidget(head);
    m_filters = new QListWidget;
    m_filters->setObjectName(QStringLiteral("answerFilters"));
    m_filters->setAccessibleName(tr("Which answers to show"));
    m_filters->setFrameShape(QFrame::NoFrame);
    m_filters->setItemDelegate(new FilterDelegate(m_filters));
    for (int i = 0; i < kAnswerFilters; ++i) m_filters->addItem(answerFilterText(static_cast<AnswerFilter>(i)));
    connect(m_filters, &QListWidget::currentRowChanged, this, &AnswersPage::chooseFilter);
    layout->addWidget(m_filters, 1);
    layout->addWidget(new ReviewSummary(m_session));
    return area;
}

QWidget* AnswersPage::makeTable() {
    auto* area = new QWidget;
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 0, 0, 0, 0, 0);
    auto* line = new QHBoxLayout;
    setSpacing(line, 12, 8, 12, 6, 8);
    m_line = new QLineEdit;
    m_line->setObjectName(QStringLiteral("answerFilter"));
    m_line->setPlaceholderText(tr("Filter: text, label, outcome"));
    m_line->setAccessibleName(tr("Filter prompts"));
    m_line->setClearButtonEnabled(true);
    m_line->setMaximumWidth(280);
    line->addWidget(m_line, 1);
    m_progress = makeLabel({}, "secondary", "muted");
    line->addWidget(m_progress, 1);
    auto* shield = new widgets::ShieldButton;
    shield->setContentShield(m_session->shield());
    line->addWidget(shield);
    layout->addLayout(line);
    m_table = new widgets::PromptTableView;
    m_table->setObjectName(QStringLiteral("answerPrompts"));
    m_table->setAccessibleName(tr("Prompts with the outcome of both models"));
    m_table->setPromptModel(m_session->prompts());
    m_table->filter()->setAnsweredOnly(true);
    m_table->setSelectionLink(m_session->selection());
    m_table->setVisibleColumns(
        {Columns::LabelColumn, Columns::PromptColumn, Columns::BaseOutcomeColumn, Columns::QuantizedOutcomeColumn});
    connect(m_line, &QLineEdit::textChanged, m_table->filter(), &widgets::PromptFilterModel::setFilterLine);
    layout->addWidget(m_table, 1);
    return area;
}

void AnswersPage::focusFilter() {
    m_line->setFocus(Qt::ShortcutFocusReason);
    m_line->selectAll();
}

void AnswersPage::saveLayout() { m_session->settings()->set(Setting::AnswersSplitter, m_columns->saveState()); }

void AnswersPage::restoreLayout() { m_columns->restoreState(m_session->settings()->bytes(Setting::AnswersSplitter)); }

void AnswersPage::handleStore(RunStore::Changes changes) {
    if (changes & RunStore::Replaced) {
        m_texts.clear();
        m_requested = -1;
    }
    if (changes & (RunStore::Replaced | RunStore::Answers)) {
        refreshAnswers();
        refreshSelection();
    }
    if (changes & (RunStore::Replaced | RunStore::Answers | RunStore::Metrics)) refreshMetrics();
    if (changes & (RunStore::Replaced | RunStore::Metrics | RunStore::Status)) fetchTasks();
    refreshState();
}

void AnswersPage::refreshAnswers() {
    m_summary = summarize(m_session->store()->state().answers, m_session->review()->review());
    for (int i = 0; i < kAnswerFilters; ++i) {
        m_filters->item(i)->setData(FilterDelegate::CountRole, m_summary.prompts[i].size());
    }
    chooseFilter(m_filters->currentRow());
}

void AnswersPage::chooseFilter(int row) {
    if (row <= 0) {
        m_table->filter()->setOnly(std::nullopt);
    } else {
        m_table->filter()->setOnly(m_summary.prompts[row]);
    }
}

void AnswersPage::refreshMetrics() {
    m_metrics->setMetrics(m_session->store()->state().metrics);
    m_metrics->setSummary(changeInWords(m_session->store()->state().metrics, m_summary));
}

void AnswersPage::refreshState() {
    const RunStore* store = m_session->store();
    const auto* stage = store->stage("evaluate");
    const bool anything = !store->state().answers.empty() || !store->state().metrics.empty();
    const Phase phase = m_session->run()->phase();
    m_stack->setCurrentIndex(anything ? 1 : 0);
    if (anything) {
        const int answered = static_cast<int>(m_summary.of(AnswerFilter::All).size());
        QString text = counted(answered, tr("prompt"), tr("prompts"));
        if (stage && stage->done < stage->total) {
            text = m_session->run()->active() ? tr("%1 of %2 answers so far") : tr("%1 of %2 answers, stopped");
            text = text.arg(stage->done).arg(stage->total);
        }
        m_progress->setText(text);
        m_metrics->setEmptyText(m_session->run()->active() ? tr("Rates appear as soon as one model has answered every prompt.")
                                                          : tr("This run stopped before one model had answered every prompt."));
        return;
    }
    const bool quantize = m_session->setup()->obstacle().isEmpty() && !m_session->run()->active();
    switch (phase) {
        case Phase::Opening:
            m_empty->setText(tr("Opening the run."));
            m_empty->setActionText({});
            break;
        case Phase::Running:
        case Phase::Stopping:
            m_empty->setText(stage ? tr("Both models answer the prompts once every block is quantized.")
                                   : tr("This run does not evaluate, so there will be no answers."));
            m_empty->setActionText({});
            break;
        case Phase::Stopped:
        case Phase::Interrupted:
        case Phase::Failed:
            m_empty->setText(tr("This run ended before the first answer."));
            m_empty->setActionText(m_session->run()->resumable() ? tr("Resume") : QString(), true);
            break;
        case Phase::Finished:
            m_empty->setText(tr("This run did not evaluate, so there are no answers."));
            m_empty->setActionText(quantize ? tr("Quantize again") : QString(), true);
            break;
        case Phase::None:
            m_empty->setText(tr("Quantize to compare what both models answer."));
            m_empty->setActionText(quantize ? tr("Quantize") : QString(), true);
            break;
    }
}

void AnswersPage::refreshSelection() {
    const int current = m_session->selection()->current();
    const protocol::PromptItem* prompt = m_session->prompt(current);
    if (!prompt) {
        m_view->setPrompt(-1);
        return;
    }
    m_view->setPrompt(current, *prompt);
    std::size_t judged = 0;
    for (const auto& answer : m_session->store()->state().answers) judged += answer.prompt == current ? 1 : 0;
    const auto known = m_texts.find(current);
    std::optional<protocol::AnswerItem> base, quantized;
    if (known != m_texts.end()) {
        for (const auto& answer : known->second) (answer.model == "base" ? base : quantized) = answer;
    }
    m_view->setAnswers(base, quantized);
    if (judged > 0 && (known == m_texts.end() || known->second.size() < judged)) fetchAnswers(current);
}

void AnswersPage::fetchTasks() {
    m_session->client()->drop(m_taskRequest);
    const RunStore* store = m_session->store();
    if (store->state().metrics.empty()) return m_metrics->setTasks({});
    m_taskRequest = m_session->client()->request<std::vector<protocol::TaskRate>>(
        QStringLiteral("run/tasks"), {{"folder", store->folder().toStdString()}}, this, [this](Expected<std::vector<protocol::TaskRate>> tasks) {
            m_taskRequest = 0;
            if (tasks) m_metrics->setTasks(*tasks);
        });
}

void AnswersPage::fetchAnswers(int prompt) {
    if (prompt == m_requested) return;
    m_session->client()->drop(m_request);
    m_requested = prompt;
    m_request = m_session->client()->request<std::vector<protocol::AnswerItem>>(
        QStringLiteral("run/answers"), {{"folder", m_session->store()->folder().toStdString()}, {"prompts", {prompt}}}, this,
        [this, prompt](Expected<std::vector<protocol::AnswerItem>> answers) {
            m_requested = -1;
            if (!answers) return;
            m_texts[prompt] = std::move(*answers);
            if (prompt != m_session->selection()->current()) return;
            std::optional<protocol::AnswerItem> base, quantized;
            for (const auto& answer : m_texts[prompt]) (answer.model == "base" ? base : quantized) = answer;
            m_view->setAnswers(base, quantized);
        });
}

}  // namespace safequant::workbench
