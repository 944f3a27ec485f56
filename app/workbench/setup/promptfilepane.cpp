// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/promptfilepane.h"

#include <QComboBox>
#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

#include "app/workbench/setup/promptrowspane.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"

namespace safequant::workbench {

PromptFilePane::PromptFilePane(widgets::ContentShield* shield, QWidget* parent) : QWidget(parent) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 8);
    m_title = makeLabel({}, "heading");
    layout->addWidget(m_title);
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(12);
    grid->setVerticalSpacing(8);
    m_format = addChoice(grid, 0, 0, tr("Format"), QStringLiteral("promptFormat"));
    m_label = addChoice(grid, 0, 1, tr("Label"), QStringLiteral("promptLabel"));
    m_roles[QStringLiteral("prompt")] = addChoice(grid, 1, 0, tr("Prompt"), QStringLiteral("promptColumn"));
    m_roles[QStringLiteral("id")] = addChoice(grid, 1, 1, tr("Id"), QStringLiteral("idColumn"));
    m_roles[QStringLiteral("category")] = addChoice(grid, 2, 0, tr("Category"), QStringLiteral("categoryColumn"));
    m_roles[QStringLiteral("source")] = addChoice(grid, 2, 1, tr("Source"), QStringLiteral("sourceColumn"));
    layout->addLayout(grid);
    auto* hint = new QHBoxLayout;
    hint->setSpacing(8);
    m_hint = makeParagraph({}, "secondary", "muted");
    m_hint->setObjectName(QStringLiteral("promptHint"));
    hint->addWidget(m_hint, 1);
    m_suggestion = makeLink({});
    m_suggestion->setObjectName(QStringLiteral("useSuggestedLabel"));
    hint->addWidget(m_suggestion, 0, Qt::AlignTop);
    layout->addLayout(hint);
    m_rows = new PromptRowsPane(shield);
    layout->addWidget(m_rows, 1);

    m_format->addItem(tr("Found from the file"), QString());
    for (const auto& [name, text] : {std::pair("csv", tr("CSV")), std::pair("json", tr("JSON list")), std::pair("jsonl", tr("JSON Lines")), std::pair("text", tr("Plain text"))})
        m_format->addItem(text, QString::fromLatin1(name));
    connect(m_format, &QComboBox::activated, this, [this](int index) { change("format", m_format->itemData(index).toString()); });
    connect(m_label, &QComboBox::activated, this, [this](int index) {
        const QString value = m_label->itemData(index).toString();
        if (!value.startsWith(QLatin1String("column:"))) return change("label", value);
        m_file.erase("label");
        changeRole("label", value.mid(7));
    });
    for (auto it = m_roles.cbegin(); it != m_roles.cend(); ++it) {
        QComboBox* choice = it.value();
        connect(choice, &QComboBox::activated, this, [this, choice, role = it.key().toStdString()](int index) { changeRole(role.c_str(), choice->itemData(index).toString()); });
    }
    connect(m_suggestion, &QPushButton::clicked, this, [this] { change("label", QString::fromStdString(m_preview.file.suggestedLabel)); });
    connect(m_rows, &PromptRowsPane::promptChosen, this, &PromptFilePane::promptChosen);
    connect(m_rows, &PromptRowsPane::pageWanted, this, &PromptFilePane::pageWanted);
    connect(m_rows, &PromptRowsPane::corrected, this, &PromptFilePane::correct);
    setFile(nullptr);
}

QComboBox* PromptFilePane::addChoice(QGridLayout* grid, int row, int column, const QString& name, const QString& objectName) {
    auto* choice = new QComboBox;
    choice->setObjectName(objectName);
    choice->setAccessibleName(name);
    choice->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    choice->setMinimumContentsLength(12);
    QLabel* label = makeLabel(name);
    label->setBuddy(choice);
    grid->addWidget(label, row, 2 * column);
    grid->addWidget(choice, row, 2 * column + 1);
    grid->setColumnStretch(2 * column + 1, 1);
    return choice;
}

void PromptFilePane::setFile(const nlohmann::json& file) {
    m_file = file.is_string() ? nlohmann::json{{"file", file}} : file;
    m_preview = {};
    setEnabled(m_file.is_object());
    refreshChoices();
    m_rows->clear();
}

void PromptFilePane::setPreview(const protocol::PromptPreview& preview) {
    m_preview = preview;
    refreshChoices();
    m_rows->setPreview(preview);
}

void PromptFilePane::change(const char* field, const QString& value) {
    if (value.isEmpty()) m_file.erase(field);
    else m_file[field] = value.toStdString();
    emit fileChanged(m_file);
}

void PromptFilePane::changeRole(const char* role, const QString& column) {
    auto& map = m_file["map"];
    if (column.isEmpty()) map.erase(role);
    else map[role] = column.toStdString();
    if (map.empty()) m_file.erase("map");
    emit fileChanged(m_file);
}

void PromptFilePane::correct(const QStringList& ids, const QString& label) {
    auto& corrections = m_file["corrections"];
    for (const QString& id : ids) {
        if (label.isEmpty()) corrections.erase(id.toStdString());
        else corrections[id.toStdString()] = label.toStdString();
    }
    if (corrections.empty()) m_file.erase("corrections");
    emit fileChanged(m_file);
}

nlohmann::json PromptFilePane::page() const { return m_rows->page(); }

void PromptFilePane::showFrom(int line) { m_rows->showFrom(line); }

void PromptFilePane::refreshChoices() {
    const auto& info = m_preview.file;
    const QString path = m_file.is_object() ? QString::fromStdString(m_file.value("file", std::string())) : QString();
    m_title->setText(path.isEmpty() ? tr("No file is chosen") : path.startsWith(QLatin1String("builtin:")) ? tr("Bundled set") : QFileInfo(path).fileName());
    m_format->setItemText(0, info.title.empty() ? tr("Found from the file") : tr("Found: %1").arg(QString::fromStdString(info.title)));
    m_format->setCurrentIndex(std::max(0, m_format->findData(m_file.is_object() ? QString::fromStdString(m_file.value("format", std::string())) : QString())));
    const auto usedColumn = [&](const std::string& role) {
        return info.map.is_object() && info.map.contains(role) ? QString::fromStdString(info.map[role].get<std::string>()) : QString();
    };
    m_label->clear();
    m_label->addItem(tr("Choose a label"), QString());
    for (const char* label : widgets::kLabels) m_label->addItem(tr("%1, the whole file").arg(widgets::labelText(QString::fromLatin1(label))), QString::fromLatin1(label));
    for (const auto& column : m_preview.columns)
        m_label->addItem(tr("Column %1").arg(QString::fromStdString(column)), QStringLiteral("column:%1").arg(QString::fromStdString(column)));
    const QString label = info.label.empty() && !usedColumn("label").isEmpty() ? QStringLiteral("column:") + usedColumn("label") : QString::fromStdString(info.label);
    m_label->setCurrentIndex(std::max(0, m_label->findData(label)));
    for (auto it = m_roles.cbegin(); it != m_roles.cend(); ++it) {
        QComboBox* choice = it.value();
        choice->clear();
        choice->addItem(it.key() == QLatin1String("prompt") ? tr("Choose a column") : tr("None"), QString());
        if (!info.columns.empty())
            for (const auto& column : m_preview.columns) choice->addItem(QString::fromStdString(column), QString::fromStdString(column));
        choice->setCurrentIndex(std::max(0, choice->findData(usedColumn(it.key().toStdString()))));
        choice->setEnabled(choice->count() > 1);
    }
    QStringList hints;
    if (!info.benchmark.empty()) hints.append(tr("Recognized as %1.").arg(QString::fromStdString(info.benchmark)));
    if (!info.skipped.empty()) {
        QStringList names;
        for (const auto& name : info.skipped) names.append(QString::fromStdString(name));
        hints.append(tr("Completions (%1) are not read.").arg(names.join(QStringLiteral(", "))));
    }
    const bool suggests = label.isEmpty() && !info.suggestedLabel.empty();
    if (suggests) hints.append(QString::fromStdString(info.suggestedBecause));
    else if (label.isEmpty() && !info.format.empty()) hints.append(tr("No column says which prompts are malicious: choose a label."));
    m_hint->setText(hints.join(QLatin1Char(' ')));
    m_hint->setVisible(!hints.isEmpty());
    m_suggestion->setVisible(suggests);
    m_suggestion->setText(tr("Use %1").arg(widgets::labelText(QString::fromStdString(info.suggestedLabel)).toLower()));
}

}  // namespace safequant::workbench
