// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/commandpalette.h"

#include <QApplication>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

#include "app/workbench/appsettings.h"
#include "app/workbench/ui.h"
#include "widgets/theme.h"

namespace safequant::workbench {

namespace {

using widgets::TextRole;
using widgets::Theme;

constexpr int kWidth = 600;
constexpr int kTop = 56;
constexpr int kRow = 32;
constexpr int kRows = 11;
constexpr qsizetype kRemembered = 8;

/// Title with its matched characters strong, group and shortcut at the right.
class CommandDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const auto& colors = Theme::current();
        painter->save();
        if (option.state.testFlag(QStyle::State_Selected)) painter->fillRect(option.rect, colors.accentBackground);
        QRect cell = option.rect.adjusted(14, 0, -14, 0);
        painter->setFont(Theme::font(TextRole::Secondary));
        painter->setPen(colors.muted);
        for (const int role : {int(CommandModel::ShortcutRole), int(CommandModel::GroupRole)}) {
            const QString text = index.data(role).toString();
            if (text.isEmpty()) continue;
            painter->drawText(cell, Qt::AlignRight | Qt::AlignVCenter, text);
            cell.setRight(cell.right() - painter->fontMetrics().horizontalAdvance(text) - 16);
        }
        const QString title = index.data(Qt::DisplayRole).toString();
        const auto matched = index.data(CommandModel::MatchedRole).value<QList<int>>();
        int x = cell.left();
        for (int i = 0; i < title.size();) {
            const bool strong = matched.contains(i);
            int end = i;
            while (end < title.size() && matched.contains(end) == strong) ++end;
            const QString part = title.mid(i, end - i);
            painter->setFont(Theme::font(strong ? TextRole::BodyStrong : TextRole::Body));
            painter->setPen(strong ? colors.accent : colors.text);
            const int room = cell.right() - x;
            const QString shown = painter->fontMetrics().elidedText(part, Qt::ElideRight, room);
            painter->drawText(QRect(x, cell.top(), room, cell.height()), Qt::AlignLeft | Qt::AlignVCenter, shown);
            if (shown != part) break;
            x += painter->fontMetrics().horizontalAdvance(part);
            i = end;
        }
        painter->restore();
    }

    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        return {QStyledItemDelegate::sizeHint(option, index).width(), kRow};
    }
};

}  // namespace

CommandPalette::CommandPalette(AppSettings* settings, QWidget* parent)
    : QFrame(parent), m_settings(settings), m_model(new CommandModel(this)), m_text(new QLineEdit), m_list(new QListView) {
    setObjectName(QStringLiteral("commandPalette"));
    setAccessibleName(tr("Commands"));
    setProperty("card", true);
    setAutoFillBackground(true);
    m_text->setObjectName(QStringLiteral("commandText"));
    m_text->setAccessibleName(tr("What to do"));
    m_text->setPlaceholderText(tr("Type what you want to do: quantize, block 12, export ..."));
    m_list->setObjectName(QStringLiteral("commandList"));
    m_list->setAccessibleName(tr("Matching commands"));
    m_list->setModel(m_model);
    m_list->setItemDelegate(new CommandDelegate(m_list));
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setUniformItemSizes(true);
    m_list->setFocusPolicy(Qt::NoFocus);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_nothing = makeLabel(tr("Nothing here goes by that name."), nullptr, "muted");
    m_nothing->setAlignment(Qt::AlignCenter);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 1, 1, 1, 6, 0);
    auto* line = new QVBoxLayout;
    setSpacing(line, 12, 12, 12, 8, 0);
    line->addWidget(m_text);
    layout->addLayout(line);
    layout->addWidget(m_list, 1);
    layout->addWidget(m_nothing, 1);
    connect(m_text, &QLineEdit::textChanged, this, [this](const QString& text) {
        m_model->setFilter(text);
        refresh();
    });
    connect(m_list, &QListView::clicked, this, [this](const QModelIndex& index) { run(index.row()); });
    m_text->installEventFilter(this);
    parent->installEventFilter(this);
    hide();
}

void CommandPalette::open(std::vector<Command> commands) {
    if (!isVisible()) m_before = QApplication::focusWidget();
    m_model->setCommands(std::move(commands), m_settings->text(Setting::RecentCommands).split(QLatin1Char('\n'), Qt::SkipEmptyParts));
    m_text->clear();
    refresh();
    place();
    show();
    raise();
    m_text->setFocus(Qt::PopupFocusReason);
}

void CommandPalette::place() {
    const int width = std::min(kWidth, parentWidget()->width() - 48);
    const int rows = std::clamp(m_model->rowCount(), 2, kRows);
    const int height = m_text->sizeHint().height() + 20 + rows * kRow + 8;
    setGeometry((parentWidget()->width() - width) / 2, kTop, width, std::min(height, parentWidget()->height() - kTop - 24));
}

void CommandPalette::refresh() {
    const bool any = m_model->rowCount() > 0;
    m_list->setVisible(any);
    m_nothing->setVisible(!any);
    if (any) m_list->setCurrentIndex(m_model->index(0));
    place();
}

void CommandPalette::step(int direction) {
    const int rows = m_model->rowCount();
    if (rows == 0) return;
    m_list->setCurrentIndex(m_model->index((m_list->currentIndex().row() + direction + rows) % rows));
}

void CommandPalette::run(int row) {
    const Command* command = m_model->command(row);
    if (!command) return;
    QStringList recent = m_settings->text(Setting::RecentCommands).split(QLatin1Char('\n'), Qt::SkipEmptyParts);
    recent.removeAll(command->key);
    recent.prepend(command->key);
    m_settings->set(Setting::RecentCommands, recent.mid(0, kRemembered).join(QLatin1Char('\n')));
    // The work may open this palette again, with other commands.
    const auto work = command->work;
    leave();
    work();
}

void CommandPalette::leave() {
    hide();
    if (m_before && m_before->isVisible()) m_before->setFocus(Qt::PopupFocusReason);
    m_before = nullptr;
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_text && event->type() == QEvent::KeyPress) {
        switch (static_cast<QKeyEvent*>(event)->key()) {
            case Qt::Key_Down: step(1); return true;
            case Qt::Key_Up: step(-1); return true;
            case Qt::Key_PageDown: step(std::min(kRows - 1, m_model->rowCount() - 1 - m_list->currentIndex().row())); return true;
            case Qt::Key_PageUp: step(-std::min(kRows - 1, m_list->currentIndex().row())); return true;
            case Qt::Key_Return:
            case Qt::Key_Enter: run(m_list->currentIndex().row()); return true;
            case Qt::Key_Tab:
            case Qt::Key_Backtab: return true;
            case Qt::Key_Escape: leave(); return true;
            default: break;
        }
    }
    if (watched == m_text && event->type() == QEvent::FocusOut && isVisible()) hide();
    if (watched == parentWidget() && event->type() == QEvent::Resize && isVisible()) place();
    return QFrame::eventFilter(watched, event);
}

}  // namespace safequant::workbench
