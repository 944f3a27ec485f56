// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/matrixmap.h"

#include <QFontMetricsF>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "widgets/colorscale.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kMapSide = 14.0, kHeadRoom = 24.0, kScaleRoom = 34.0, kNameRoom = 44.0, kGroupGap = 5.0;
constexpr double kLeastRow = 20.0, kMostRow = 40.0, kLeastColumn = 112.0, kMostLabel = 190.0;
/// From this height on the interval stands under the value.
constexpr double kTwoLines = 34.0;
constexpr double kScaleLength = 160.0, kScaleHeight = 8.0;

QString mapElided(const QPainter& painter, const QString& text, double width) {
    return QFontMetricsF(painter.font()).elidedText(text, Qt::ElideRight, width);
}

}  // namespace

MatrixMap::MatrixMap(const QString& title, QWidget* parent) : Figure(title, parent) {}

void MatrixMap::setData(MatrixMapData content) {
    m_data = std::move(content);
    contentChanged();
}

double MatrixMap::labelWidth() const {
    const QFontMetricsF metrics(Theme::font(TextRole::SecondaryStrong));
    double width = 60.0;
    for (const MatrixRow& row : m_data.rows) width = std::max(width, metrics.horizontalAdvance(row.group) + 4.0);
    return std::min(width, kMostLabel) + kNameRoom;
}

int MatrixMap::groupGaps() const {
    int gaps = 0;
    for (std::size_t row = 1; row < m_data.rows.size(); ++row) gaps += m_data.rows[row].group != m_data.rows[row - 1].group ? 1 : 0;
    return gaps;
}

QSize MatrixMap::minimumSizeHint() const {
    const double rows = double(m_data.rows.size()), columns = double(std::max<qsizetype>(1, m_data.columns.size()));
    return {int(kMapSide * 2.0 + labelWidth() + kLeastColumn * columns), int(kHeadRoom + kLeastRow * rows + kGroupGap * groupGaps() + kScaleRoom)};
}

MatrixMap::Frame MatrixMap::frame(const QSizeF& size) const {
    Frame frame;
    frame.left = kMapSide + labelWidth();
    frame.top = kHeadRoom;
    frame.columnWidth = std::floor((size.width() - frame.left - kMapSide) / double(std::max<qsizetype>(1, m_data.columns.size())));
    const double room = size.height() - kHeadRoom - kScaleRoom - kGroupGap * groupGaps();
    frame.rowHeight = std::clamp(std::floor(room / double(std::max<std::size_t>(1, m_data.rows.size()))), kLeastRow, kMostRow);
    double top = frame.top;
    for (std::size_t row = 0; row < m_data.rows.size(); ++row) {
        if (row > 0 && m_data.rows[row].group != m_data.rows[row - 1].group) top += kGroupGap;
        frame.rowTops.push_back(top);
        top += frame.rowHeight;
    }
    return frame;
}

QRectF MatrixMap::placeOf(const Frame& frame, const MatrixCell& cell) const {
    return {frame.left + cell.column * frame.columnWidth, frame.rowTops[std::size_t(cell.row)], cell.span * frame.columnWidth - 2.0, frame.rowHeight - 2.0};
}

QRectF MatrixMap::itemRect(int item) const {
    return item < 0 || item >= itemCount() ? QRectF() : placeOf(frame(QSizeF(size())), cell(item));
}

int MatrixMap::itemAt(const QPointF& position) const {
    const Frame places = frame(QSizeF(size()));
    for (int item = 0; item < itemCount(); ++item)
        if (placeOf(places, cell(item)).adjusted(0.0, 0.0, 2.0, 2.0).contains(position)) return item;
    return -1;
}

HoverCard MatrixMap::card(int item) const { return cell(item).card; }

int MatrixMap::step(int item, int key) const {
    if (item < 0) return 0;
    if (key == Qt::Key_Left || key == Qt::Key_Right) return std::clamp(key == Qt::Key_Left ? item - 1 : item + 1, 0, itemCount() - 1);
    const MatrixCell& from = cell(item);
    const int wanted = from.row + (key == Qt::Key_Up ? -1 : 1);
    for (int other = 0; other < itemCount(); ++other) {
        const MatrixCell& to = cell(other);
        if (to.row == wanted && from.column < to.column + to.span && to.column < from.column + from.span) return other;
    }
    return item;
}

void MatrixMap::paintHeads(QPainter& painter, const Frame& frame, const ThemeColors& colors) const {
    for (qsizetype column = 0; column < m_data.columns.size(); ++column) {
        const QRectF head(frame.left + double(column) * frame.columnWidth, 0.0, frame.columnWidth - 6.0, kHeadRoom - 4.0);
        painter.setFont(Theme::font(TextRole::SmallStrong));
        painter.setPen(colors.text);
        const double width = QFontMetricsF(painter.font()).horizontalAdvance(m_data.columns[column]);
        painter.drawText(head, Qt::AlignLeft | Qt::AlignBottom, mapElided(painter, m_data.columns[column], head.width()));
        painter.setFont(Theme::font(TextRole::Small));
        painter.setPen(colors.muted);
        const QRectF rest = head.adjusted(width + 7.0, 0.0, 0.0, 0.0);
        if (rest.width() > 30.0) painter.drawText(rest, Qt::AlignLeft | Qt::AlignBottom, mapElided(painter, m_data.columnTexts.value(column), rest.width()));
    }
    for (std::size_t row = 0; row < m_data.rows.size(); ++row) {
        const QRectF label(kMapSide, frame.rowTops[row], frame.left - kMapSide - 10.0, frame.rowHeight - 2.0);
        painter.setFont(Theme::font(TextRole::Small));
        painter.setPen(colors.muted);
        painter.drawText(label, Qt::AlignRight | Qt::AlignVCenter, m_data.rows[row].name);
        if (row > 0 && m_data.rows[row].group == m_data.rows[row - 1].group) continue;
        painter.setFont(Theme::font(TextRole::SecondaryStrong));
        painter.setPen(colors.text);
        const QRectF group = label.adjusted(0.0, 0.0, -kNameRoom + 12.0, 0.0);
        painter.drawText(group, Qt::AlignLeft | Qt::AlignVCenter, mapElided(painter, m_data.rows[row].group, group.width()));
    }
}

void MatrixMap::paintCell(QPainter& painter, const QRectF& place, const MatrixCell& cell, const ThemeColors& colors) const {
    const QRectF inner = place.adjusted(6.0, 0.0, -6.0, 0.0);
    painter.setBrush(Qt::NoBrush);
    if (cell.state == MatrixCell::State::Measured) {
        const QColor background = divergingColor(cell.tone, colors);
        const QColor ink = inkOn(background, colors);
        painter.fillRect(place, background);
        painter.setPen(ink);
        const QFont strong = Theme::font(cell.certain ? TextRole::SecondaryStrong : TextRole::Secondary), small = Theme::font(TextRole::Small);
        if (place.height() >= kTwoLines) {
            painter.setFont(strong);
            painter.drawText(QRectF(inner.left(), place.top() + 3.0, inner.width(), 16.0), Qt::AlignCenter, cell.value);
            painter.setFont(small);
            painter.drawText(QRectF(inner.left(), place.top() + 18.0, inner.width(), 14.0), Qt::AlignCenter, cell.interval);
        } else {
            const double value = QFontMetricsF(strong).horizontalAdvance(cell.value), gap = cell.interval.isEmpty() ? 0.0 : 6.0;
            const double all = value + gap + QFontMetricsF(small).horizontalAdvance(cell.interval);
            const double left = place.left() + std::max(4.0, (place.width() - all) / 2.0);
            painter.setFont(strong);
            painter.drawText(QRectF(left, place.top(), value + 2.0, place.height()), Qt::AlignLeft | Qt::AlignVCenter, cell.value);
            painter.setFont(small);
            painter.drawText(QRectF(left + value + gap, place.top(), place.right() - left - value - gap, place.height()), Qt::AlignLeft | Qt::AlignVCenter, cell.interval);
        }
        if (!cell.mark.isEmpty() && place.width() > 150.0) {
            painter.setFont(small);
            painter.drawText(inner, Qt::AlignRight | Qt::AlignVCenter, cell.mark);
        }
        return;
    }
    const bool running = cell.state == MatrixCell::State::Running, failed = cell.state == MatrixCell::State::Failed;
    painter.fillRect(place, running ? colors.accentBackground : colors.plot);
    if (cell.state == MatrixCell::State::Waiting) painter.fillRect(place, QBrush(colors.line, Qt::BDiagPattern));
    if (running) painter.fillRect(QRectF(place.topLeft(), QSizeF(3.0, place.height())), colors.accent);
    painter.setPen(QPen(failed ? colors.bad : colors.line, 1.0, cell.state == MatrixCell::State::Stopped ? Qt::DashLine : Qt::SolidLine));
    painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5));
    painter.setFont(Theme::font(TextRole::Small));
    painter.setPen(failed ? colors.bad : running ? colors.accent : colors.muted);
    const QString text = mapElided(painter, failed ? QStringLiteral("✕ ") + cell.note : cell.note, inner.width());
    if (cell.state == MatrixCell::State::Waiting) {
        // The hatching does not run through the word.
        const double width = QFontMetricsF(painter.font()).horizontalAdvance(text) + 10.0;
        painter.fillRect(QRectF(place.center().x() - width / 2.0, place.center().y() - 7.0, width, 15.0), colors.plot);
    }
    painter.drawText(inner, Qt::AlignCenter, text);
}

void MatrixMap::paintScale(QPainter& painter, const Frame& frame, const QSizeF& size, const ThemeColors& colors) const {
    constexpr int kSteps = 40;
    const double bottom = frame.rowTops.empty() ? frame.top : frame.rowTops.back() + frame.rowHeight;
    const double middle = std::min(bottom + kScaleRoom / 2.0 + 2.0, size.height() - 12.0);
    painter.setFont(Theme::font(TextRole::Small));
    const QFontMetricsF metrics(painter.font());
    const double better = metrics.horizontalAdvance(m_data.better);
    painter.setPen(colors.muted);
    painter.drawText(QRectF(frame.left, middle - 8.0, better + 2.0, 16.0), Qt::AlignLeft | Qt::AlignVCenter, m_data.better);
    const double left = std::round(frame.left + better + 8.0);
    for (int i = 0; i < kSteps; ++i) {
        const double from = std::floor(left + kScaleLength * i / kSteps), to = std::floor(left + kScaleLength * (i + 1) / kSteps);
        painter.fillRect(QRectF(from, middle - kScaleHeight / 2.0, to - from, kScaleHeight), divergingColor(2.0 * (i + 0.5) / kSteps - 1.0, colors));
    }
    painter.setPen(QPen(colors.muted, 1.0));
    painter.drawLine(QPointF(left + kScaleLength / 2.0, middle - 6.0), QPointF(left + kScaleLength / 2.0, middle + 6.0));
    painter.setPen(colors.muted);
    const double right = left + kScaleLength + 8.0;
    painter.drawText(QRectF(right, middle - 8.0, metrics.horizontalAdvance(m_data.worse) + 2.0, 16.0), Qt::AlignLeft | Qt::AlignVCenter, m_data.worse);
    const double used = right + metrics.horizontalAdvance(m_data.worse) + 20.0;
    const QString bold = tr("bold: the interval leaves no change out");
    if (size.width() - kMapSide - used > metrics.horizontalAdvance(bold))
        painter.drawText(QRectF(used, middle - 8.0, size.width() - kMapSide - used, 16.0), Qt::AlignRight | Qt::AlignVCenter, bold);
}

void MatrixMap::paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) {
    const Frame places = frame(size);
    paintHeads(painter, places, colors);
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (const MatrixCell& each : m_data.cells) paintCell(painter, placeOf(places, each), each, colors);
    painter.setRenderHint(QPainter::Antialiasing, true);
    paintScale(painter, places, size, colors);
}

}  // namespace safequant::widgets
