// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/layerside.h"

#include <QHeaderView>
#include <QLineEdit>
#include <QLocale>
#include <QVBoxLayout>
#include <limits>

#include "app/workbench/frame/dockarea.h"
#include "app/workbench/layers/slicespanel.h"
#include "app/workbench/layers/trypane.h"
#include "app/workbench/layers/whatifpanel.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/tokenspane.h"
#include "app/workbench/ui.h"
#include "widgets/lineartablemodel.h"
#include "widgets/lineartableview.h"
#include "widgets/promptcard.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/prompttableview.h"
#include "widgets/shieldbutton.h"

namespace safequant::workbench {

using Columns = widgets::PromptTableModel;
using LinearColumns = widgets::LinearTableModel;

LayerSide::LayerSide(Session* session, DockArea* area) : QObject(area), m_session(session), m_area(area) {
    const auto add = [area](const QString& key, const QString& title, QWidget* content) {
        QWidget* surface = makeSurface("panel");
        auto* layout = new QVBoxLayout(surface);
        setSpacing(layout, 0, 8, 0, 0, 0);
        layout->addWidget(content);
        area->addPane(key, title, surface);
    };
    add(kPrompts, tr("Prompts"), makePrompts());
    add(kLinears, tr("Linears"), makeLinears());
    m_tokens = new TokensPane(m_session->client());
    add(kTokens, tr("Tokens"), m_tokens);
    m_try = new TryPane(m_session);
    add(kTry, tr("Try"), m_try);
    m_slices = new SlicesPanel(m_session);
    m_slices->setFilter(m_table->filter());
    add(kSlices, tr("Slices"), m_slices);
    m_whatIf = new WhatIfPanel(m_session);
    m_whatIf->setObjectName(QStringLiteral("whatIf"));
    add(kWhatIf, tr("What if"), m_whatIf);
    connect(m_session->selection(), &widgets::SelectionModel::selectionChanged, this, &LayerSide::refreshSelection);
    connect(m_session, &Session::promptsReplaced, this, &LayerSide::refreshSelection);
    connect(m_session->prompts(), &QAbstractItemModel::dataChanged, this, &LayerSide::refreshSelection);
    connect(m_session->shield(), &widgets::ContentShield::changed, this, &LayerSide::refreshTokens);
    refreshSelection();
}

QWidget* LayerSide::makePrompts() {
    auto* page = new QWidget;
    auto* layout = new QVBoxLayout(page);
    setSpacing(layout, 0, 0, 0, 0, 0);
    auto* line = new QHBoxLayout;
    setSpacing(line, 12, 0, 10, 8, 8);
    m_filter = new QLineEdit;
    m_filter->setObjectName(QStringLiteral("promptFilter"));
    m_filter->setPlaceholderText(tr("Filter: text, label, score>2"));
    m_filter->setAccessibleName(tr("Filter prompts"));
    m_filter->setClearButtonEnabled(true);
    line->addWidget(m_filter, 1);
    m_count = makeLabel({}, "secondary", "muted");
    line->addWidget(m_count);
    auto* shield = new widgets::ShieldButton;
    shield->setObjectName(QStringLiteral("shield"));
    shield->setContentShield(m_session->shield());
    shield->setToolButtonStyle(Qt::ToolButtonIconOnly);
    line->addWidget(shield);
    layout->addLayout(line);
    m_table = new widgets::PromptTableView;
    m_table->setObjectName(QStringLiteral("prompts"));
    m_table->setAccessibleName(tr("Prompts with their scores at the chosen block"));
    m_table->setPromptModel(m_session->prompts());
    m_table->filter()->setScoredOnly(true);
    m_table->setSelectionLink(m_session->selection());
    m_table->setVisibleColumns(
        {Columns::LabelColumn, Columns::PromptColumn, Columns::BaseScoreColumn, Columns::QuantizedScoreColumn});
    connect(m_filter, &QLineEdit::textChanged, m_table->filter(), &widgets::PromptFilterModel::setFilterLine);
    for (auto signal : {&QAbstractItemModel::rowsInserted, &QAbstractItemModel::rowsRemoved}) {
        connect(m_table->filter(), signal, this, &LayerSide::refreshCount);
    }
    connect(m_table->filter(), &QAbstractItemModel::modelReset, this, &LayerSide::refreshCount);
    layout->addWidget(m_table, 1);
    QWidget* selected = makeSurface("panel", "top");
    auto* card = new QVBoxLayout(selected);
    setSpacing(card, 0, 4, 0, 0, 0);
    m_card = new widgets::PromptCard;
    m_card->setObjectName(QStringLiteral("promptCard"));
    m_card->setContentShield(m_session->shield());
    m_card->setModelNames(tr("Base"), tr("Quantized"));
    card->addWidget(m_card);
    layout->addWidget(selected);
    return page;
}

QWidget* LayerSide::makeLinears() {
    auto* page = new QWidget;
    auto* layout = new QVBoxLayout(page);
    setSpacing(layout, 0, 0, 0, 0, 0);
    m_linearTitle = makeLabel({}, "secondary", "muted");
    m_linearTitle->setContentsMargins(14, 2, 14, 8);
    layout->addWidget(m_linearTitle);
    m_linearModel = new widgets::LinearTableModel(this);
    m_linearModel->setEditable(false);
    m_linearModel->setOfOneBlock(true);
    m_linears = new widgets::LinearTableView;
    m_linears->setObjectName(QStringLiteral("blockLinears"));
    m_linears->setAccessibleName(tr("Linears of the chosen block"));
    m_linears->setLinearModel(m_linearModel);
    for (const int column : {LinearColumns::ReasonColumn, LinearColumns::BitsPerWeightColumn, LinearColumns::RequestedColumn}) {
        m_linears->setColumnHidden(column, true);
    }
    layout->addWidget(m_linears, 1);
    return page;
}

void LayerSide::setProjection(const protocol::ProjectionResult* projection) {
    m_slices->setBlock(projection ? projection->block : -1);
    if (projection) {
        m_session->prompts()->setScores(*projection);
    } else {
        m_session->prompts()->clearScores();
    }
    refreshCount();
    refreshSelection();
}

void LayerSide::exportSelection() {
    m_area->showPane(kSlices);
    m_slices->exportSelection();
}

void LayerSide::setLinears(int block, const std::vector<protocol::LinearInfo>& linears) {
    m_linearModel->setLinears(linears);
    int different = 0;
    for (const auto& linear : linears) different += linear.requested == linear.actual ? 0 : 1;
    if (linears.empty()) {
        m_linearTitle->setText(tr("No linears are known yet."));
    } else {
        m_linearTitle->setText(tr("Block %1 · %2").arg(block).arg(
            different == 0 ? tr("asked = actual") : tr("%1 not as asked").arg(different)));
    }
    for (const auto& linear : linears) {
        // A grid that is not the one asked for is the news: then both stand in the table.
        if (linear.requested != linear.actual) m_linears->setColumnHidden(LinearColumns::RequestedColumn, false);
    }
    refreshCount();
}

void LayerSide::setBlock(int block, bool transferred) { m_try->setBlock(block, transferred); }

void LayerSide::focusTry() {
    m_area->showPane(kTry);
    m_try->focusText();
}

void LayerSide::focusFilter() {
    m_area->showPane(kPrompts);
    m_filter->setFocus(Qt::ShortcutFocusReason);
    m_filter->selectAll();
}

void LayerSide::refreshCount() { m_count->setText(QLocale().toString(m_table->filter()->rowCount())); }

void LayerSide::refreshSelection() {
    const int current = m_session->selection()->current();
    const protocol::PromptItem* prompt = m_session->prompt(current);
    m_card->setPrompt(prompt ? current : -1, prompt ? *prompt : protocol::PromptItem{});
    m_card->setSelectedCount(m_session->selection()->count());
    if (prompt) {
        const auto* model = m_session->prompts();
        const auto score = [&](int column) {
            const QVariant value = model->data(model->index(current, column), Columns::ScoreRole);
            return value.isValid() ? value.toDouble() : std::numeric_limits<double>::quiet_NaN();
        };
        m_card->setScores(score(Columns::BaseScoreColumn), score(Columns::QuantizedScoreColumn));
        m_card->setOutcomes(model->outcome(QStringLiteral("base"), current), model->outcome(QStringLiteral("quantized"), current));
        const QString judge = m_session->judgeText();
        m_card->setFootnote(judge.isEmpty() ? QString() : tr("Judge %1").arg(judge));
    }
    refreshCount();
    refreshTokens();
}

void LayerSide::refreshTokens() {
    const int current = m_session->selection()->current();
    const protocol::PromptItem* prompt = m_session->prompt(current);
    if (!prompt) return m_tokens->setNothing(tr("Select a prompt to see it as the model reads it, with the template around it."));
    m_tokens->setPrompt(m_session->store()->state().spec, QString::fromStdString(prompt->text),
                        !m_session->shield()->allows(QString::fromStdString(prompt->label), current));
}

}  // namespace safequant::workbench
