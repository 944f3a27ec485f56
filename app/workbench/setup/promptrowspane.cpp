// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/promptrowspane.h"

#include <QAction>
#include <QHeaderView>
#include <QItemSelectionModel>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QTableWidget>
#include <QToolButton>
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
constexpr int kFirstCell = 2;  // Before them: the line, and what the prompt is taken as.
constexpr std::size_t kLongestFact = 48;
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

PromptRowsPane::PromptRowsPane(widgets::ContentShield* shield, QWidget* parent) : QWidget(parent), m_shield(shield) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 8);
    auto* head = new QHBoxLayout;
    head->setSpacing(4);
    head->addWidget(makeLabel(tr("Prompts"), "heading"));
    head->addSpacing(8);
    m_lines = makeLabel({}, "secondary", "muted");
    m_lines->setObjectName(QStringLiteral("previewLines"));
    m_previous = makeStep(Qt::LeftArrow, QStringLiteral("previewBack"), tr("Back to the prompts before"));
    m_next = makeStep(Qt::RightArrow, QStringLiteral("previewNext"), tr("Next prompts"));
    head->addWidget(m_previous);
    head->addWidget(m_lines);
    head->addWidget(m_next);
    head->addStretch(1);
    m_correct = new QToolButton;
    makeCorrections(m_correct);
    head->addWidget(m_correct);
    auto* button = new widgets::ShieldButton;
    button->setObjectName(QStringLiteral("previewShield"));
    button->setContentShield(shield);
    head->addWidget(button);
    layout->addLayout(head);
    m_rows = new QTableWidget;
    dressTable(m_rows, QStringLiteral("promptPreview"), tr("Prompts of the file"));
    m_rows->setFrameShape(QFrame::StyledPanel);
    m_rows->setItemDelegate(new HiddenTextDelegate(m_rows));
    m_rows->setMinimumHeight(110);
    m_rows->addActions(m_correct->menu()->actions());
    m_rows->setContextMenuPolicy(Qt::ActionsContextMenu);
    layout->addWidget(m_rows, 1);
    connect(m_shield, &widgets::ContentShield::changed, this, &PromptRowsPane::refresh);
    connect(m_rows, &QTableWidget::itemSelectionChanged, this, &PromptRowsPane::tellChosen);
    connect(m_next, &QToolButton::clicked, this, [this] { showPage(m_preview.rows.back().begin + 1, 1); });
    connect(m_previous, &QToolButton::clicked, this, [this] {
        m_from = m_back.back();
        m_back.pop_back();
        emit pageWanted();
    });
    refresh();
}

QToolButton* PromptRowsPane::makeStep(Qt::ArrowType arrow, const QString& objectName, const QString& name) {
    auto* button = new QToolButton;
    button->setArrowType(arrow);
    button->setAutoRaise(true);
    button->setObjectName(objectName);
    button->setAccessibleName(name);
    button->setToolTip(name);
    return button;
}

void PromptRowsPane::makeCorrections(QToolButton* button) {
    button->setObjectName(QStringLiteral("correctLabel"));
    button->setText(tr("Take as"));
    button->setToolTip(tr("Corrects what the chosen prompts are taken for, without a change to the file: the run's spec keeps it."));
    button->setAccessibleName(tr("Take the chosen prompts as"));
    button->setPopupMode(QToolButton::InstantPopup);
    button->setToolButtonStyle(Qt::ToolButtonTextOnly);
    auto* menu = new QMenu(button);
    const auto offer = [&](const QString& label, const QString& text) {
        auto* action = menu->addAction(text);
        action->setObjectName(QStringLiteral("takeAs:") + label);
        connect(action, &QAction::triggered, this, [this, label] { emit corrected(chosenIds(), label); });
    };
    for (const char* label : widgets::kLabels) offer(QString::fromLatin1(label), widgets::labelText(QString::fromLatin1(label)));
    offer(QStringLiteral("leave_out"), tr("Left out"));
    offer({}, tr("What the file says"));
    button->setMenu(menu);
}

void PromptRowsPane::clear() {
    m_from = 0;
    m_line = 1;
    m_back.clear();
    setPreview({});
}

void PromptRowsPane::showFrom(int line) { showPage(0, line); }

void PromptRowsPane::showPage(std::uint64_t from, int line) {
    m_back.push_back(m_from);
    m_from = from;
    m_line = line;
    emit pageWanted();
}

void PromptRowsPane::setPreview(const protocol::PromptPreview& preview) {
    const QStringList chosen = chosenIds();
    m_preview = preview;
    if (!preview.rows.empty()) {
        m_from = preview.rows.front().begin;
        m_line = 1;
    }
    refresh();
    select(chosen);
}

void PromptRowsPane::refresh() {
    const auto& rows = m_preview.rows;
    m_rows->clear();
    m_rows->setRowCount(static_cast<int>(rows.size()));
    m_rows->setColumnCount(rows.empty() ? 0 : static_cast<int>(m_preview.columns.size()) + kFirstCell);
    refreshHead();
    tellChosen();
    if (rows.empty()) return;
    QStringList names{tr("Line"), tr("Taken as")};
    for (const auto& column : m_preview.columns) names.append(QString::fromStdString(column));
    m_rows->setHorizontalHeaderLabels(names);
    for (int i = 0; i < m_rows->rowCount(); ++i) fillRow(i, m_preview.columns);
    m_rows->setColumnWidth(0, 44);
    m_rows->setColumnWidth(1, 88);
    const auto& columns = m_preview.columns;
    const auto prompt = std::find(columns.begin(), columns.end(), m_preview.file.map.value("prompt", std::string("prompt"))) - columns.begin() + kFirstCell;
    for (int column = kFirstCell; column < m_rows->columnCount(); ++column) m_rows->setColumnWidth(column, column == prompt ? 240 : 96);
    m_rows->horizontalHeader()->setStretchLastSection(true);
}

void PromptRowsPane::refreshHead() {
    const auto& rows = m_preview.rows;
    m_lines->setText(rows.empty()                             ? QString()
                     : rows.front().line == rows.back().line ? tr("Line %1").arg(rows.front().line)
                                                             : tr("Lines %1–%2").arg(rows.front().line).arg(rows.back().line));
    m_next->setEnabled(m_preview.more);
    m_previous->setEnabled(!m_back.empty());
    const bool pages = m_preview.more || !m_back.empty();
    for (QWidget* part : {static_cast<QWidget*>(m_lines), static_cast<QWidget*>(m_next), static_cast<QWidget*>(m_previous)}) part->setVisible(pages);
}

void PromptRowsPane::fillRow(int at, const std::vector<std::string>& columns) {
    const auto& row = m_preview.rows[static_cast<std::size_t>(at)];
    const auto& theme = widgets::Theme::current();
    auto* line = new QTableWidgetItem(QString::number(row.line));
    line->setForeground(theme.muted);
    m_rows->setItem(at, 0, line);
    auto* taken = new QTableWidgetItem(row.leftOut ? tr("Left out") : row.label.empty() ? tr("No label") : widgets::labelText(QString::fromStdString(row.label)));
    taken->setToolTip(QString::fromStdString(row.id));
    if (row.leftOut || row.label.empty()) taken->setForeground(row.leftOut ? theme.muted : theme.bad);
    m_rows->setItem(at, 1, taken);
    const auto& map = m_preview.file.map;
    const auto isPlainFact = [&](const std::string& column) {
        return map.is_object() && std::any_of(std::begin(kFacts), std::end(kFacts), [&](const char* role) { return map.value(role, std::string()) == column; });
    };
    const bool hidden = !m_shield->allows(labelOf(row), -1);
    for (std::size_t k = 0; k < row.cells.size(); ++k) {
        // Only what is known to be no text of the prompt stays in sight.
        const bool bar = hidden && (!isPlainFact(columns[k]) || row.cells[k].size() > kLongestFact);
        auto* item = new QTableWidgetItem(bar ? tr("Hidden") : QString::fromStdString(row.cells[k]).simplified());
        item->setData(kHiddenRole, bar);
        if (row.leftOut) item->setForeground(theme.muted);
        m_rows->setItem(at, static_cast<int>(k) + kFirstCell, item);
    }
}

void PromptRowsPane::select(const QStringList& ids) {
    auto* selection = m_rows->selectionModel();
    for (std::size_t i = 0; i < m_preview.rows.size(); ++i) {
        if (!ids.contains(QString::fromStdString(m_preview.rows[i].id))) continue;
        const auto index = m_rows->model()->index(static_cast<int>(i), 0);
        if (!selection->hasSelection()) selection->setCurrentIndex(index, QItemSelectionModel::NoUpdate);
        selection->select(index, QItemSelectionModel::Select | QItemSelectionModel::Rows);
    }
}

QStringList PromptRowsPane::chosenIds() const {
    QStringList ids;
    if (const auto* selection = m_rows->selectionModel())
        for (const auto& index : selection->selectedRows()) {
            const auto at = static_cast<std::size_t>(index.row());
            if (at < m_preview.rows.size() && !m_preview.rows[at].id.empty()) ids.append(QString::fromStdString(m_preview.rows[at].id));
        }
    return ids;
}

void PromptRowsPane::tellChosen() {
    const bool any = !chosenIds().isEmpty();
    m_correct->setEnabled(any);
    for (QAction* action : m_correct->menu()->actions()) action->setEnabled(any);
    const auto at = static_cast<std::size_t>(std::max(0, m_rows->currentRow()));
    if (m_rows->selectedItems().isEmpty() || at >= m_preview.rows.size()) {
        emit promptChosen({}, false);
        return;
    }
    const auto& row = m_preview.rows[at];
    emit promptChosen(QString::fromStdString(row.prompt), !m_shield->allows(labelOf(row), -1));
}

}  // namespace safequant::workbench
