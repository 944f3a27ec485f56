// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/bitspage.h"

#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>
#include <utility>

#include "app/workbench/run/runstore.h"
#include "app/workbench/setup/bitseditor.h"
#include "app/workbench/setup/ruleseditor.h"
#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"
#include "widgets/emptystate.h"
#include "widgets/infobanner.h"
#include "widgets/lineartablemodel.h"
#include "widgets/lineartableview.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

BitsPage::BitsPage(SetupModel* model, RunStore* store, EngineClient* client, QWidget* parent)
    : QWidget(parent), m_model(model), m_store(store), m_linears(new widgets::LinearTableModel(this)) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    m_empty = new widgets::EmptyState;
    m_empty->setIcon(widgets::Icon::Model);
    connect(m_empty, &widgets::EmptyState::actionTriggered, this, &BitsPage::chooseModelRequested);
    m_splitter = new QSplitter(Qt::Vertical);
    m_splitter->setChildrenCollapsible(false);
    m_splitter->setHandleWidth(1);
    m_editor = new BitsEditor(m_model, m_store, client);
    m_splitter->addWidget(m_editor);
    m_splitter->addWidget(makeTableArea());
    m_splitter->addWidget(makeRulesArea());
    m_splitter->setStretchFactor(0, 3);
    m_splitter->setStretchFactor(1, 3);
    m_splitter->setStretchFactor(2, 1);
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(m_splitter);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(m_stack);

    connect(m_linears, &widgets::LinearTableModel::overridesChanged, this, &BitsPage::storeOverrides);
    connect(m_model, &SetupModel::specChanged, this, &BitsPage::refreshSpec);
    connect(m_model, &SetupModel::planChanged, this, &BitsPage::refreshPlan);
    connect(m_model, &SetupModel::checkpointChanged, this, &BitsPage::refreshPlan);
    connect(m_store, &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & (RunStore::Replaced | RunStore::Blocks)) refreshErrors();
    });
    refreshSpec();
    refreshPlan();
    refreshSelection();
}

QByteArray BitsPage::saveLayout() const { return m_splitter->saveState(); }

void BitsPage::restoreLayout(const QByteArray& state) { m_splitter->restoreState(state); }

QWidget* BitsPage::makeTableArea() {
    QWidget* area = makeSurface("panel", "top");
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 14, 10, 14, 8, 8);
    auto* head = new QHBoxLayout;
    head->setSpacing(8);
    head->addWidget(makeLabel(tr("Bits of every linear"), "heading"));
    m_summary = makeLabel({}, "secondary", "muted");
    head->addWidget(m_summary, 1);
    auto* filter = new QLineEdit;
    filter->setObjectName(QStringLiteral("linearFilter"));
    filter->setPlaceholderText(tr("Filter by name"));
    filter->setAccessibleName(tr("Filter linears by name"));
    filter->setClearButtonEnabled(true);
    filter->setFixedWidth(220);
    head->addWidget(filter);
    layout->addLayout(head);
    m_error = new widgets::InfoBanner;
    m_error->setObjectName(QStringLiteral("planError"));
    layout->addWidget(m_error);
    m_table = new widgets::LinearTableView;
    m_table->setObjectName(QStringLiteral("linears"));
    m_table->setAccessibleName(tr("Linears with requested and actual bits"));
    m_table->setLinearModel(m_linears);
    connect(filter, &QLineEdit::textChanged, m_table, &widgets::LinearTableView::setNameFilter);
    connect(m_table, &widgets::LinearTableView::selectedRowsChanged, this, &BitsPage::refreshSelection);
    layout->addWidget(m_table, 1);
    auto* edit = new QHBoxLayout;
    edit->setSpacing(8);
    m_selected = makeLabel({}, "secondary", "muted");
    edit->addWidget(m_selected, 1);
    m_bits = new widgets::SegmentedControl;
    m_bits->setAccessibleName(tr("Weight bits of the selected linears"));
    for (int bits = 2; bits <= 8; ++bits) m_bits->addSegment(QString::number(bits), bits);
    m_bits->addSegment(tr("keep 16"), 16, tr("Leave the selected linears as they are"));
    connect(m_bits, &widgets::SegmentedControl::valueActivated, this,
            [this](const QVariant& value) { m_table->setSelectedBits(value.toInt()); });
    edit->addWidget(m_bits);
    m_reset = makeLink(tr("Use the rules"));
    m_reset->setToolTip(tr("Take back what was chosen for the selected linears (Delete)"));
    connect(m_reset, &QPushButton::clicked, m_table, &widgets::LinearTableView::clearSelectedOverrides);
    edit->addWidget(m_reset);
    layout->addLayout(edit);
    return area;
}

QWidget* BitsPage::makeRulesArea() {
    QWidget* area = makeSurface("panel", "top");
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 14, 10, 14, 10, 8);
    auto* head = new QHBoxLayout;
    head->setSpacing(8);
    head->addWidget(makeLabel(tr("Rules"), "heading"));
    head->addWidget(makeLabel(tr("the first match wins; linears chosen one by one come before them"), "secondary", "muted"), 1);
    QPushButton* add = makeLink(tr("Add a rule"));
    add->setObjectName(QStringLiteral("addRule"));
    head->addWidget(add);
    layout->addLayout(head);
    m_rules = new RulesEditor(m_model);
    connect(add, &QPushButton::clicked, m_rules, &RulesEditor::addRule);
    auto* scroll = new QScrollArea;
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    auto* inside = makeSurface("panel");
    auto* rows = new QVBoxLayout(inside);
    setSpacing(rows, 0, 0, 0, 0, 0);
    rows->addWidget(m_rules);
    rows->addStretch(1);
    scroll->setWidget(inside);
    layout->addWidget(scroll, 1);
    return area;
}

void BitsPage::refreshSpec() {
    m_refreshing = true;
    m_linears->setDefaultScheme(defaultSchemeOf(m_model->spec()));
    m_linears->setOverrides(splitRules(rulesOf(m_model->spec())).byName);
    m_refreshing = false;
}

void BitsPage::refreshPlan() {
    const auto& plan = m_model->plan();
    const bool any = !plan.value.linears.empty() && !checkpointOf(m_model->spec()).isEmpty() && !m_model->checkpoint().wrong();
    if (plan.known()) {
        m_linears->setLinears(plan.value.linears);
        refreshErrors();
        double bits = 0.0;
        int different = 0;
        for (const auto& linear : plan.value.linears) {
            bits += linear.bitsPerWeight;
            different += linear.requested == linear.actual ? 0 : 1;
        }
        const auto count = static_cast<int>(plan.value.linears.size());
        QString text = counted(count, tr("linear"), tr("linears"));
        if (count > 0) text += tr(" · %1 bits per weight on average").arg(QLocale().toString(bits / count, 'f', 2));
        text += different == 0 ? tr(" · asked = actual") : tr(" · %1 not as asked").arg(different);
        m_summary->setText(text);
    }
    m_error->setMessage(plan.wrong() ? asSentence(plan.error) : QString(), widgets::InfoBanner::Level::Error);
    m_stack->setCurrentWidget(any ? static_cast<QWidget*>(m_splitter) : m_empty);
    if (checkpointOf(m_model->spec()).isEmpty()) {
        m_empty->setText(tr("Choose a model to plan the bits of its linears."));
        m_empty->setActionText(tr("Choose a model ..."), true);
    } else if (m_model->checkpoint().wrong()) {
        m_empty->setText(asSentence(m_model->checkpoint().error));
        m_empty->setActionText(tr("Choose another model ..."), true);
    } else if (plan.wrong()) {
        m_empty->setText(asSentence(plan.error));
        m_empty->setActionText({});
    } else {
        m_empty->setText(tr("Planning the bits of every linear."));
        m_empty->setActionText({});
    }
}

void BitsPage::refreshErrors() {
    std::vector<protocol::LinearInfo> known;
    for (const auto& block : m_store->state().blocks) {
        if (block.model != "quantized") continue;
        known.insert(known.end(), block.linears.begin(), block.linears.end());
    }
    if (!known.empty() && sameQuantization(m_store->state().spec, m_model->spec())) m_linears->updateLinears(known);
}

void BitsPage::refreshSelection() {
    const QList<int> rows = m_table->selectedRows();
    const bool any = !rows.isEmpty();
    m_selected->setText(any ? tr("%1 selected. Keys 2 to 8 set their bits.").arg(counted(rows.size(), tr("linear"), tr("linears")))
                            : tr("Select linears to give them their own bits."));
    m_bits->setEnabled(any);
    m_reset->setEnabled(any);
    int common = any ? m_linears->schemeOf(rows.first()).weightBits : -1;
    for (const int row : rows) {
        if (m_linears->schemeOf(row).weightBits != common) common = -1;
    }
    m_bits->setCurrentValue(common);
}

void BitsPage::storeOverrides() {
    if (m_refreshing) return;
    NamedSchemes named = splitRules(rulesOf(m_model->spec()));
    auto overrides = m_linears->overrides();
    if (m_editor->keepsFused()) {
        const auto before = std::exchange(named.byName, {});
        for (auto own = overrides.cbegin(), end = overrides.cend(); own != end; ++own) {
            if (before.contains(own.key()) && before[own.key()] == own.value()) continue;
            for (const QString& partner : fusedWith(own.key())) named.byName.insert(partner, own.value());
        }
        for (auto own = overrides.cbegin(), end = overrides.cend(); own != end; ++own)
            if (!named.byName.contains(own.key())) named.byName.insert(own.key(), own.value());
        // A linear that was given back takes its partners with it.
        for (auto old = before.cbegin(), end = before.cend(); old != end; ++old) {
            if (overrides.contains(old.key())) continue;
            for (const QString& partner : fusedWith(old.key())) named.byName.remove(partner);
        }
    } else {
        named.byName = overrides;
    }
    m_model->setRuleList(joinRules(named), tr("Set bits of linears"));
    refreshSelection();
}

}  // namespace safequant::workbench
