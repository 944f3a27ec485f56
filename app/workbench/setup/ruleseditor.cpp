// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/ruleseditor.h"

#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QRegularExpression>
#include <QToolButton>
#include <QVBoxLayout>

#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"
#include "widgets/icons.h"

namespace safequant::workbench {

namespace {

QToolButton* makeToolButton(widgets::Icon which, const QString& name) {
    auto* button = new QToolButton;
    button->setIcon(widgets::icon(which, widgets::IconTone::Muted));
    button->setAutoRaise(true);
    button->setToolTip(name);
    button->setAccessibleName(name);
    return button;
}

}  // namespace

RulesEditor::RulesEditor(SetupModel* model, QWidget* parent) : QWidget(parent), m_model(model) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 6);
    m_empty = makeParagraph(tr("No rules: every linear gets the grid of the panel. A rule such as \"down_proj$\" gives all "
                               "linears whose name matches a grid of their own."),
                            "secondary", "muted");
    layout->addWidget(m_empty);
    m_rows = new QVBoxLayout;
    m_rows->setSpacing(6);
    layout->addLayout(m_rows);
    connect(m_model, &SetupModel::specChanged, this, &RulesEditor::refresh);
    connect(m_model, &SetupModel::checkpointChanged, this, &RulesEditor::rebuild);
    refresh();
}

void RulesEditor::refresh() {
    std::vector<SchemeRule> rules = splitRules(rulesOf(m_model->spec())).others;
    if (rules == m_rules && m_rows->count() == static_cast<int>(rules.size())) return;
    // Editing a field of a row must not take the keyboard focus away with the row.
    const bool sameShape = rules.size() == m_rules.size() && m_rows->count() == static_cast<int>(rules.size());
    m_rules = std::move(rules);
    if (!sameShape || !isAncestorOf(focusWidget())) rebuild();
}

void RulesEditor::rebuild() {
    while (QLayoutItem* item = m_rows->takeAt(0)) {
        if (QWidget* row = item->widget()) {
            row->hide();
            row->deleteLater();
        }
        delete item;
    }
    for (int i = 0; i < static_cast<int>(m_rules.size()); ++i) m_rows->addWidget(makeRow(i));
    m_empty->setVisible(m_rules.empty());
}

QWidget* RulesEditor::makeRow(int index) {
    const SchemeRule& rule = m_rules[static_cast<std::size_t>(index)];
    auto* row = new QWidget;
    auto* layout = new QHBoxLayout(row);
    setSpacing(layout, 0, 0, 0, 0, 8);
    layout->addWidget(makeLabel(QString::number(index + 1), "secondary", "muted"));

    auto* pattern = new QLineEdit(rule.pattern);
    pattern->setObjectName(QStringLiteral("rulePattern%1").arg(index));
    pattern->setAccessibleName(tr("Regular expression of rule %1").arg(index + 1));
    pattern->setPlaceholderText(tr("Regular expression, e.g. down_proj$"));
    pattern->setClearButtonEnabled(true);
    connect(pattern, &QLineEdit::editingFinished, this, [this, index, pattern] {
        change(index, [&](SchemeRule& item) { item.pattern = pattern->text(); }, tr("Edit a rule"));
    });
    layout->addWidget(pattern, 1);

    const auto addChoice = [&](const QString& name, const QList<std::pair<QString, int>>& choices, int current,
                               int LinearScheme::*member) {
        auto* box = new QComboBox;
        box->setAccessibleName(tr("%1 of rule %2").arg(name).arg(index + 1));
        for (const auto& [text, value] : choices) box->addItem(text, value);
        if (box->findData(current) < 0) box->addItem(QString::number(current), current);
        box->setCurrentIndex(box->findData(current));
        connect(box, &QComboBox::activated, this, [this, index, box, member](int chosen) {
            change(index, [&](SchemeRule& item) { item.scheme.*member = box->itemData(chosen).toInt(); }, tr("Edit a rule"));
        });
        layout->addWidget(box);
    };
    QList<std::pair<QString, int>> bits;
    for (int value = 2; value <= 8; ++value) bits.append({tr("W%1").arg(value), value});
    bits.append({tr("not quantized"), 16});
    addChoice(tr("Weight bits"), bits, rule.scheme.weightBits, &LinearScheme::weightBits);
    QList<std::pair<QString, int>> groups;
    const QList<int> sizes = m_model->groupSizes();
    for (const int size : sizes) groups.append({size > 0 ? tr("group %1").arg(size) : tr("per channel"), size});
    addChoice(tr("Group"), groups, rule.scheme.groupSize, &LinearScheme::groupSize);
    addChoice(tr("Activation bits"), {{tr("A16"), 16}, {tr("A8"), 8}, {tr("A6"), 6}, {tr("A4"), 4}}, rule.scheme.activationBits,
              &LinearScheme::activationBits);

    auto* symmetric = new QCheckBox(tr("symmetric"));
    symmetric->setChecked(rule.scheme.symmetric);
    connect(symmetric, &QCheckBox::toggled, this, [this, index](bool on) {
        change(index, [&](SchemeRule& item) { item.scheme.symmetric = on; }, tr("Edit a rule"));
    });
    layout->addWidget(symmetric);

    QToolButton* up = makeToolButton(widgets::Icon::ChevronUp, tr("Move rule %1 up").arg(index + 1));
    up->setEnabled(index > 0);
    connect(up, &QToolButton::clicked, this, [this, index] {
        std::swap(m_rules[static_cast<std::size_t>(index)], m_rules[static_cast<std::size_t>(index - 1)]);
        commit(tr("Move a rule"));
        rebuild();
    });
    layout->addWidget(up);
    QToolButton* remove = makeToolButton(widgets::Icon::Cross, tr("Remove rule %1").arg(index + 1));
    connect(remove, &QToolButton::clicked, this, [this, index] {
        m_rules.erase(m_rules.begin() + index);
        commit(tr("Remove a rule"));
        rebuild();
    });
    layout->addWidget(remove);
    return row;
}

void RulesEditor::addRule() {
    SchemeRule rule{QString(), defaultSchemeOf(m_model->spec())};
    rule.scheme.weightBits = 8;
    m_rules.push_back(rule);
    rebuild();
    if (auto* pattern = findChild<QLineEdit*>(QStringLiteral("rulePattern%1").arg(m_rules.size() - 1))) pattern->setFocus();
}

void RulesEditor::change(int index, const std::function<void(SchemeRule&)>& edit, const QString& name) {
    if (index >= static_cast<int>(m_rules.size())) return;
    edit(m_rules[static_cast<std::size_t>(index)]);
    commit(name);
}

void RulesEditor::commit(const QString& name) {
    NamedSchemes named = splitRules(rulesOf(m_model->spec()));
    named.others.clear();
    // A rule is part of the spec once it has a pattern.
    for (const SchemeRule& rule : m_rules) {
        if (!rule.pattern.isEmpty()) named.others.push_back(rule);
    }
    const auto shown = m_rules;
    m_model->setRuleList(joinRules(named), name);
    m_rules = shown;
}

}  // namespace safequant::workbench
