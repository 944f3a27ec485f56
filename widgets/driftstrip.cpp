// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/driftstrip.h"

#include <QLocale>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "widgets/colorscale.h"
#include "widgets/layerplot.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kRow = 14.0, kGap = 2.0, kNameGap = 6.0;
/// As strong as the scale gets at least: one spread within a class.
constexpr double kFullScale = 1.0;

}  // namespace

DriftStrip::DriftStrip(QWidget* parent) : Figure(tr("Distance from the signature by block"), parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void DriftStrip::setRows(std::vector<DriftRow> rows, FigureTable table) {
    m_rows = std::move(rows);
    m_table = std::move(table);
    m_blocks = m_rows.empty() ? 0 : int(m_rows.front().moved.size());
    updateGeometry();
    contentChanged();
}

QSize DriftStrip::sizeHint() const { return {640, int(std::max<std::size_t>(m_rows.size(), 1)) * int(kRow + kGap) + 2}; }

QSize DriftStrip::minimumSizeHint() const { return {240, sizeHint().height()}; }

QRectF DriftStrip::cellRect(int row, int block, double width) const {
    const auto at = [&](int which) { return LayerPlot::blockPosition(which, m_blocks, int(width)); };
    const double pitch = m_blocks > 1 ? (at(m_blocks - 1) - at(0)) / (m_blocks - 1) : 24.0;
    const double left = std::round(at(block) - pitch / 2.0), right = std::round(at(block) + pitch / 2.0);
    return {left, 1.0 + row * (kRow + kGap), std::max(1.0, right - left - 1.0), kRow};
}

QRectF DriftStrip::itemRect(int item) const { return cellRect(item / m_blocks, item % m_blocks, width()); }

int DriftStrip::itemAt(const QPointF& position) const {
    for (int item = 0; item < itemCount(); ++item)
        if (itemRect(item).adjusted(0.0, 0.0, 1.0, kGap).contains(position)) return item;
    return -1;
}

HoverCard DriftStrip::card(int item) const {
    const DriftRow& row = m_rows[std::size_t(item / m_blocks)];
    const auto block = std::size_t(item % m_blocks);
    return block < row.cards.size() ? row.cards[block] : HoverCard{};
}

int DriftStrip::step(int item, int key) const {
    const int rows = int(m_rows.size()), row = item / m_blocks, block = item % m_blocks;
    if (key == Qt::Key_Up || key == Qt::Key_Down) return std::clamp(row + (key == Qt::Key_Down ? 1 : -1), 0, rows - 1) * m_blocks + block;
    return row * m_blocks + std::clamp(block + (key == Qt::Key_Right ? 1 : -1), 0, m_blocks - 1);
}

void DriftStrip::paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) {
    double largest = kFullScale;
    for (const DriftRow& row : m_rows)
        for (const double value : row.moved)
            if (std::isfinite(value)) largest = std::max(largest, value);
    painter.setFont(Theme::font(TextRole::Small));
    for (int row = 0; row < int(m_rows.size()); ++row) {
        const QRectF first = cellRect(row, 0, size.width());
        painter.setPen(colors.muted);
        painter.drawText(QRectF(0.0, first.top(), first.left() - kNameGap, kRow), Qt::AlignRight | Qt::AlignVCenter, m_rows[std::size_t(row)].name);
        for (int block = 0; block < m_blocks; ++block) {
            const double value = m_rows[std::size_t(row)].moved[std::size_t(block)];
            const QRectF cell = cellRect(row, block, size.width());
            painter.fillRect(cell, std::isfinite(value) ? sequentialColor(value / largest, colors) : colors.grid);
        }
    }
    if (m_blocks == 0) return;
    const QRectF last = cellRect(0, m_blocks - 1, size.width());
    painter.setPen(colors.muted);
    painter.drawText(QRectF(last.right() + kNameGap, last.top(), size.width() - last.right() - kNameGap, kRow), Qt::AlignLeft | Qt::AlignVCenter,
                     tr("moved 0 to %1").arg(QLocale().toString(largest, 'f', 1)));
}

}  // namespace safequant::widgets
