// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/heatmap.h"

#include <QFontMetricsF>
#include <QLocale>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "widgets/colorscale.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

/// Around the cells: numbers and title of rows, room above, the scale, numbers and title of columns.
constexpr double kLeft = 52.0, kTop = 8.0, kRight = 92.0, kBottom = 40.0;
constexpr double kScaleGap = 16.0, kScaleWidth = 12.0;
/// Cells this large hold their value, and from this size on a line between them.
constexpr double kTextWidth = 34.0, kTextHeight = 18.0, kLinedCell = 9.0;
constexpr double kTickRoom = 26.0;
/// Between a row's name and its cells.
constexpr double kNameGap = 6.0;
constexpr double kDash = 3.0;

/// Every how many rows or columns a number fits.
int tickStep(double cell) {
    for (const int step : {1, 2, 5, 10, 20, 50})
        if (cell * step >= kTickRoom) return step;
    return 100;
}

}  // namespace

HeatMap::HeatMap(const QString& title, QWidget* parent) : Figure(title, parent) {
    m_format = [](double value) { return QLocale().toString(value, 'g', 3); };
}

void HeatMap::setAxes(const QString& rowTitle, const QString& columnTitle) {
    m_rowTitle = rowTitle;
    m_columnTitle = columnTitle;
    contentChanged();
}

void HeatMap::setScale(double low, double high, bool diverging, const QString& title, std::function<QString(double)> format) {
    m_low = diverging ? -high : low;
    m_high = high;
    m_diverging = diverging;
    m_scaleTitle = title;
    m_format = std::move(format);
    contentChanged();
}

void HeatMap::setCards(std::function<HoverCard(int, int)> cards) { m_cards = std::move(cards); }

void HeatMap::setData(HeatMapData content) {
    m_data = std::move(content);
    contentChanged();
}

double HeatMap::leftRoom() const {
    if (m_data.rowNames.isEmpty()) return kLeft;
    const QFontMetricsF metrics(Theme::font(TextRole::Small));
    double widest = 0.0;
    for (const QString& name : m_data.rowNames) widest = std::max(widest, metrics.horizontalAdvance(name));
    return std::ceil(widest) + kNameGap + (m_rowTitle.isEmpty() ? kNameGap : kLeft / 2.0);
}

QRectF HeatMap::mapRect(const QSizeF& size) const {
    const double left = leftRoom();
    const double cell = std::max(2.0, std::min((size.width() - left - kRight) / std::max(1, m_data.columns),
                                               (size.height() - kTop - kBottom) / std::max(1, m_data.rows)));
    // Whole pixels, where there are enough, keep cells equally large.
    const double side = cell >= 6.0 ? std::floor(cell) : cell;
    return {left, kTop, side * m_data.columns, side * m_data.rows};
}

QRectF HeatMap::itemRect(int item) const {
    if (item < 0 || item >= itemCount()) return {};
    const QRectF map = mapRect(QSizeF(size()));
    const double width = map.width() / m_data.columns, height = map.height() / m_data.rows;
    return {map.left() + columnOf(item) * width, map.top() + rowOf(item) * height, width, height};
}

int HeatMap::itemAt(const QPointF& position) const {
    const QRectF map = mapRect(QSizeF(size()));
    if (itemCount() == 0 || !map.contains(position)) return -1;
    const int column = std::min(int((position.x() - map.left()) / map.width() * m_data.columns), m_data.columns - 1);
    const int row = std::min(int((position.y() - map.top()) / map.height() * m_data.rows), m_data.rows - 1);
    return cell(row, column);
}

HoverCard HeatMap::card(int item) const {
    if (m_cards) return m_cards(rowOf(item), columnOf(item));
    HoverCard card;
    card.heading = m_format(m_data.values[std::size_t(item)]);
    return card;
}

int HeatMap::step(int item, int key) const {
    if (item < 0) return 0;
    const int row = rowOf(item), column = columnOf(item);
    switch (key) {
        case Qt::Key_Left: return column > 0 ? item - 1 : item;
        case Qt::Key_Right: return column + 1 < m_data.columns ? item + 1 : item;
        case Qt::Key_Up: return row > 0 ? item - m_data.columns : item;
        default: return row + 1 < m_data.rows ? item + m_data.columns : item;
    }
}

QColor HeatMap::colorOf(double value, const ThemeColors& colors) const {
    if (!std::isfinite(value)) return colors.plot;
    return m_diverging ? divergingColor(value / m_high, colors) : sequentialColor((value - m_low) / (m_high - m_low), colors);
}

void HeatMap::paintCells(QPainter& painter, const QRectF& map, const ThemeColors& colors) const {
    const double width = map.width() / m_data.columns, height = map.height() / m_data.rows;
    const double gap = std::min(width, height) >= kLinedCell ? 1.0 : 0.0;
    const bool texts = width >= kTextWidth && height >= kTextHeight;
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setFont(Theme::font(TextRole::Small));
    for (int row = 0; row < m_data.rows; ++row)
        for (int column = 0; column < m_data.columns; ++column) {
            const double value = m_data.values[std::size_t(cell(row, column))];
            const QRectF place(map.left() + column * width, map.top() + row * height, width - gap, height - gap);
            const QColor background = colorOf(value, colors);
            painter.fillRect(place, background);
            const QColor ink = inkOn(background, colors);
            painter.setPen(QPen(ink, 1.0));
            if (!std::isfinite(value)) {
                painter.setPen(QPen(colors.faint, 1.0));
                painter.drawLine(place.topLeft(), place.bottomRight());
            } else if (texts) {
                painter.drawText(place, Qt::AlignCenter, m_format(value));
            } else if (m_diverging && value < 0.0 && gap > 0.0) {
                const QPointF centre = place.center();
                painter.drawLine(centre - QPointF(kDash - 1.0, 0.0), centre + QPointF(kDash - 1.0, 0.0));
            }
        }
    painter.setRenderHint(QPainter::Antialiasing, true);
}

void HeatMap::paintAxes(QPainter& painter, const QRectF& map, const ThemeColors& colors) const {
    const double width = map.width() / m_data.columns, height = map.height() / m_data.rows;
    painter.setFont(Theme::font(TextRole::Small));
    painter.setPen(colors.muted);
    const auto number = [](const std::vector<int>& numbers, int at) {
        return QLocale().toString(at < int(numbers.size()) ? numbers[std::size_t(at)] : at);
    };
    for (int column = 0; column < m_data.columns; column += tickStep(width))
        painter.drawText(QRectF(map.left() + (column + 0.5) * width - 20.0, map.bottom() + 3.0, 40.0, 14.0), Qt::AlignCenter,
                         number(m_data.columnNumbers, column));
    // Rows are as high as columns are wide, but numbers are not.
    const int rowStep = height >= 13.0 ? 1 : tickStep(height);
    for (int row = 0; row < m_data.rows; row += rowStep)
        painter.drawText(QRectF(0.0, map.top() + (row + 0.5) * height - 8.0, map.left() - kNameGap, 16.0), Qt::AlignRight | Qt::AlignVCenter,
                         row < m_data.rowNames.size() ? m_data.rowNames[row] : number(m_data.rowNumbers, row));
    painter.drawText(QRectF(map.left(), map.bottom() + 19.0, std::max(map.width(), 160.0), 16.0), Qt::AlignLeft | Qt::AlignVCenter, m_columnTitle);
    painter.save();
    painter.translate(9.0, map.bottom());
    painter.rotate(-90.0);
    painter.drawText(QRectF(0.0, -8.0, std::max(map.height(), 160.0), 16.0), Qt::AlignLeft | Qt::AlignVCenter, m_rowTitle);
    painter.restore();
}

void HeatMap::paintScale(QPainter& painter, const QRectF& map, const ThemeColors& colors) const {
    constexpr int kSteps = 64;
    const double top = map.top() + 20.0, height = std::clamp(map.height() - 24.0, 40.0, 200.0);
    const double left = map.right() + kScaleGap;
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (int i = 0; i < kSteps; ++i) {
        const double value = m_high - (m_high - m_low) * (i + 0.5) / kSteps;
        const double from = std::floor(top + height * i / kSteps), to = std::floor(top + height * (i + 1) / kSteps);
        painter.fillRect(QRectF(left, from, kScaleWidth, to - from), colorOf(value, colors));
    }
    painter.setPen(QPen(colors.line, 1.0));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(QRectF(left, top, kScaleWidth, height));
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setFont(Theme::font(TextRole::Small));
    painter.setPen(colors.muted);
    painter.drawText(QRectF(left, top - 20.0, kRight - kScaleGap, 14.0), Qt::AlignLeft | Qt::AlignVCenter, m_scaleTitle);
    for (const double share : {0.0, 0.5, 1.0})
        painter.drawText(QRectF(left + kScaleWidth + 5.0, top + height * (1.0 - share) - 8.0, 50.0, 16.0), Qt::AlignLeft | Qt::AlignVCenter,
                         m_format(m_low + (m_high - m_low) * share));
}

void HeatMap::paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) {
    const QRectF map = mapRect(size);
    paintCells(painter, map, colors);
    paintAxes(painter, map, colors);
    paintScale(painter, map, colors);
}

}  // namespace safequant::widgets
