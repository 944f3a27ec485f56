// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/promptfilepane.h"

#include <QComboBox>
#include <QFileInfo>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <QTableWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "app/workbench/ui.h"
#include "widgets/contentshield.h"
#include "widgets/format.h"
#include "widgets/shieldbutton.h"
#include "widgets/theme.h"

namespace safequant::workbench {

namespace {

constexpr int kHiddenRole = Qt::UserRole + 1;
constexpr std::size_t kLongestFact = 48;
constexpr const char* kLabels[] = {"malicious", "benign", "hard_benign"};
constexpr const char* kFacts[] = {"id", "label", "category", "source", "split"};

/// A bar of one length instead of a text that is hidden: it says nothing of the text.
class HiddenTextDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        if (!index.data(kHiddenRole).toBool()) return QStyledItemDelegate::paint(painter, option, index);
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(Qt::NoPen);
        painter->setBrush(widgets::Theme::current().hiddenText);
        const QRectF cell = QRectF(option.rect).adjusted(8, 0, -8, 0);
        painter->drawRoundedRect(QRectF(cell.left(), cell.center().y() - 4.0, std::min(cell.width(), 180.0), 8.0), 4.0, 4.0);
        painter->restore();
    }
};

/// A prompt whose label is not known may be malicious.
QString labelOf(const protocol::PromptPreview::Row& row) { return row.label.empty() ? QStringLiteral("malicious") : QString::fromStdString(row.label); }

}  // namespace

PromptFilePane::PromptFilePane(widgets::ContentShield* shield, QWidget* parent) : QWidget(parent), m_shield(shield) {
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
    auto* head = new QHBoxLayout;
    head->addWidget(makeLabel(tr("First prompts"), "heading"), 1);
    auto* button = new widgets::ShieldButton;
    button->setObjectName(QStringLiteral("previewShield"));
    button->setContentShield(shield);
    head->addWidget(button);
    layout->addLayout(head);
    m_rows = new QTableWidget;
    dressTable(m_rows, QStringLiteral("promptPreview"), tr("First prompts of the file"));
    m_rows->setFrameShape(QFrame::StyledPanel);
    m_rows->setItemDelegate(new HiddenTextDelegate(m_rows));
    m_rows->setMinimumHeight(110);
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
    connect(m_shield, &widgets::ContentShield::changed, this, &PromptFilePane::refreshRows);
    connect(m_rows, &QTableWidget::itemSelectionChanged, this, &PromptFilePane::tellChosen);
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
    refreshRows();
}

void PromptFilePane::setPreview(const protocol::PromptPreview& preview) {
    m_preview = preview;
    refreshChoices();
    refreshRows();
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
    for (const char* label : kLabels) m_label->addItem(tr("%1, the whole file").arg(widgets::labelText(QString::fromLatin1(label))), QString::fromLatin1(label));
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

void PromptFilePane::refreshRows() {
    const auto& rows = m_preview.rows;
    const auto isPlainFact = [&](const std::string& column) {
        const auto& map = m_preview.file.map;
        return map.is_object() && std::any_of(std::begin(kFacts), std::end(kFacts), [&](const char* role) { return map.value(role, std::string()) == column; });
    };
    m_rows->clear();
    m_rows->setRowCount(static_cast<int>(rows.size()));
    m_rows->setColumnCount(rows.empty() ? 0 : static_cast<int>(m_preview.columns.size()) + 1);
    tellChosen();
    if (rows.empty()) return;
    QStringList names{tr("Line")};
    for (const auto& column : m_preview.columns) names.append(QString::fromStdString(column));
    m_rows->setHorizontalHeaderLabels(names);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& row = rows[i];
        auto* line = new QTableWidgetItem(QString::number(row.line));
        line->setForeground(widgets::Theme::current().muted);
        m_rows->setItem(static_cast<int>(i), 0, line);
        const bool hidden = !m_shield->allows(labelOf(row), -1);
        for (std::size_t k = 0; k < row.cells.size(); ++k) {
            // Only what is known to be no text of the prompt stays in sight.
            const bool bar = hidden && (!isPlainFact(m_preview.columns[k]) || row.cells[k].size() > kLongestFact);
            auto* item = new QTableWidgetItem(bar ? tr("Hidden") : QString::fromStdString(row.cells[k]).simplified());
            item->setData(kHiddenRole, bar);
            m_rows->setItem(static_cast<int>(i), static_cast<int>(k) + 1, item);
        }
    }
    m_rows->setColumnWidth(0, 44);
    const auto promptAt = std::find(m_preview.columns.begin(), m_preview.columns.end(), m_preview.file.map.value("prompt", std::string("prompt"))) - m_preview.columns.begin();
    for (int column = 1; column < m_rows->columnCount(); ++column) m_rows->setColumnWidth(column, column == promptAt + 1 ? 240 : 96);
    if (promptAt + 1 < m_rows->columnCount()) m_rows->horizontalHeader()->setSectionResizeMode(static_cast<int>(promptAt) + 1, QHeaderView::Interactive);
    m_rows->horizontalHeader()->setStretchLastSection(true);
}

void PromptFilePane::tellChosen() {
    const auto at = static_cast<std::size_t>(std::max(0, m_rows->currentRow()));
    if (m_rows->selectedItems().isEmpty() || at >= m_preview.rows.size()) {
        emit promptChosen({}, false);
        return;
    }
    const auto& row = m_preview.rows[at];
    emit promptChosen(QString::fromStdString(row.prompt), !m_shield->allows(labelOf(row), -1));
}

}  // namespace safequant::workbench
