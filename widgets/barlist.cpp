// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/barlist.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

#include "widgets/painting.h"

namespace safequant::widgets {

namespace {

constexpr double kRow = 20.0, kHead = 24.0, kEdge = 12.0, kColumnGap = 12.0, kBar = 10.0;
constexpr double kLeastBar = 60.0;

}  // namespace

BarList::BarList(const QString& title, QWidget* parent) : Figure(title, parent) {}

void BarList::setHeads(const QString& name, const QString& value, const QString& note) {
    m_nameHead = name;
    m_valueHead = value;
    m_noteHead = note;
    contentChanged();
}

void BarList::setColor(QColor ThemeColors::*color) {
    m_color = color;
    update();
}

void BarList::setItems(std::vector<BarItem> items, FigureTable table) {
    m_items = std::move(items);
    m_table = std::move(table);
    contentChanged();
}

double BarList::widest(QString BarItem::*text, const QString& head) const {
    double width = QFontMetricsF(Theme::font(TextRole::Small)).horizontalAdvance(head);
    for (const BarItem& item : m_items) width = std::max(width, tabularWidth(Theme::font(TextRole::Secondary), item.*text));
    return std::ceil(width);
}

QSize BarList::sizeHint() const {
    const double texts = widest(&BarItem::name, m_nameHead) + widest(&BarItem::text, m_valueHead) + widest(&BarItem::note, m_noteHead);
    return {int(texts + 3.0 * kColumnGap + 2.0 * kEdge + 160.0), int(kHead + kRow * double(std::max<std::size_t>(m_items.size(), 4)) + 6.0)};
}

QSize BarList::minimumSizeHint() const {
    const double texts = widest(&BarItem::name, m_nameHead) + widest(&BarItem::text, m_valueHead) + widest(&BarItem::note, m_noteHead);
    return {int(texts + 3.0 * kColumnGap + 2.0 * kEdge + kLeastBar), sizeHint().height()};
}

QRectF BarList::itemRect(int item) const { return {3.0, kHead + kRow * item + 1.0, width() - 6.0, kRow - 2.0}; }

int BarList::itemAt(const QPointF& position) const {
    const double row = std::floor((position.y() - kHead) / kRow);
    return row >= 0.0 && row < double(m_items.size()) ? int(row) : -1;
}

void BarList::paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) {
    const double nameWidth = widest(&BarItem::name, m_nameHead), textWidth = widest(&BarItem::text, m_valueHead);
    const double noteWidth = widest(&BarItem::note, m_noteHead);
    const double noteLeft = size.width() - kEdge - noteWidth, textLeft = noteLeft - (noteWidth > 0.0 ? kColumnGap : 0.0) - textWidth;
    const double barLeft = kEdge + nameWidth + kColumnGap, barRight = textLeft - kColumnGap;
    double largest = 0.0;
    bool negative = false;
    for (const BarItem& item : m_items) {
        if (std::isfinite(item.value)) largest = std::max(largest, std::abs(item.value));
        negative = negative || item.value < 0.0;
    }
    const double zero = negative ? (barLeft + barRight) / 2.0 : barLeft;
    const double reach = barRight - zero;
    painter.setFont(Theme::font(TextRole::Small));
    painter.setPen(colors.muted);
    painter.drawText(QRectF(kEdge, 0.0, nameWidth, kHead), Qt::AlignLeft | Qt::AlignVCenter, m_nameHead);
    painter.drawText(QRectF(textLeft, 0.0, textWidth, kHead), Qt::AlignRight | Qt::AlignVCenter, m_valueHead);
    painter.drawText(QRectF(noteLeft, 0.0, noteWidth, kHead), Qt::AlignRight | Qt::AlignVCenter, m_noteHead);
    painter.fillRect(QRectF(std::floor(zero), kHead, 1.0, kRow * double(m_items.size())), colors.line);
    painter.setFont(Theme::font(TextRole::Secondary));
    for (std::size_t i = 0; i < m_items.size(); ++i) {
        const BarItem& item = m_items[i];
        const QRectF row(0.0, kHead + kRow * double(i), size.width(), kRow);
        painter.setPen(colors.text);
        drawTabular(&painter, QRectF(kEdge, row.top(), nameWidth, kRow), Qt::AlignLeft, item.name);
        drawTabular(&painter, QRectF(textLeft, row.top(), textWidth, kRow), Qt::AlignRight, item.text);
        painter.setPen(colors.muted);
        drawTabular(&painter, QRectF(noteLeft, row.top(), noteWidth, kRow), Qt::AlignRight, item.note);
        if (largest <= 0.0 || !std::isfinite(item.value)) continue;
        const double length = std::max(1.0, reach * std::abs(item.value) / largest);
        painter.fillRect(QRectF(item.value < 0.0 ? zero - length : zero, row.center().y() - kBar / 2.0, length, kBar), colors.*m_color);
    }
}

}  // namespace safequant::widgets
