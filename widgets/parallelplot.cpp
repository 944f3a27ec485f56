// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/parallelplot.h"

#include <QKeyEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace safequant::widgets {

namespace {

constexpr double kBesideAxes = 64.0, kAboveAxes = 62.0, kBelowAxes = 30.0;
constexpr double kAxisGrip = 9.0;    ///< Pixels from an axis that still mean it.
constexpr double kNearLine = 6.0;    ///< And from a line.
constexpr double kRangeDrag = 3.0;    ///< A press that moves less is a click.
constexpr double kValueRadius = 3.0;
constexpr int kRangeSteps = 20;    ///< Of a range that keys move, from end to end.

double distanceTo(const QPointF& point, const QPointF& a, const QPointF& b) {
    const QPointF along = b - a, from = point - a;
    const double squared = QPointF::dotProduct(along, along);
    const double share = squared > 0.0 ? std::clamp(QPointF::dotProduct(from, along) / squared, 0.0, 1.0) : 0.0;
    const QPointF left = from - along * share;
    return std::hypot(left.x(), left.y());
}

double axisShare(const ParallelAxis& axis, double value) {
    if (axis.logarithmic) return std::log(value / axis.low) / std::log(axis.high / axis.low);
    return (value - axis.low) / (axis.high - axis.low);
}

double axisValue(const ParallelAxis& axis, double share) {
    if (axis.logarithmic) return axis.low * std::pow(axis.high / axis.low, share);
    return axis.low + share * (axis.high - axis.low);
}

}  // namespace

ParallelPlot::ParallelPlot(const QString& title, QWidget* parent) : Figure(title, parent) {}

void ParallelPlot::setContent(std::vector<ParallelAxis> axes, std::vector<ParallelLine> lines, FigureTable table) {
    const bool same = std::equal(axes.begin(), axes.end(), m_axes.begin(), m_axes.end(),
                                 [](const ParallelAxis& a, const ParallelAxis& b) { return a.title == b.title; });
    m_axes = std::move(axes);
    m_lines = std::move(lines);
    m_table = std::move(table);
    if (!same) m_ranges.assign(m_axes.size(), std::nullopt);
    m_axis = std::clamp(m_axis, 0, std::max(int(m_axes.size()) - 1, 0));
    contentChanged();
    emit rangesChanged();
}

void ParallelPlot::setRange(int axis, std::optional<Interval> range) {
    m_ranges[std::size_t(axis)] = range;
    update();
    emit rangesChanged();
}

void ParallelPlot::clearRanges() {
    if (!anyRange()) return;
    std::fill(m_ranges.begin(), m_ranges.end(), std::nullopt);
    update();
    emit rangesChanged();
}

bool ParallelPlot::anyRange() const {
    return std::any_of(m_ranges.begin(), m_ranges.end(), [](const auto& range) { return range.has_value(); });
}

bool ParallelPlot::keeps(int item) const {
    const ParallelLine& line = m_lines[std::size_t(item)];
    for (std::size_t axis = 0; axis < m_axes.size(); ++axis) {
        if (!m_ranges[axis]) continue;
        const double value = line.values[axis];
        // NaN is in no range.
        if (!(value >= m_ranges[axis]->low && value <= m_ranges[axis]->high)) return false;
    }
    return true;
}

int ParallelPlot::kept() const {
    int count = 0;
    for (int item = 0; item < itemCount(); ++item) count += keeps(item) ? 1 : 0;
    return count;
}

QRectF ParallelPlot::plotRect(const QSizeF& size) const { return {kBesideAxes, kAboveAxes, size.width() - 2.0 * kBesideAxes, size.height() - kAboveAxes - kBelowAxes}; }

double ParallelPlot::xOf(const QRectF& plot, int axis) const {
    return m_axes.size() < 2 ? plot.center().x() : plot.left() + plot.width() * axis / double(m_axes.size() - 1);
}

double ParallelPlot::yOf(const QRectF& plot, int axis, double value) const {
    return plot.bottom() - plot.height() * std::clamp(axisShare(m_axes[std::size_t(axis)], value), 0.0, 1.0);
}

QPointF ParallelPlot::positionOf(int axis, double value) const {
    const QRectF plot = plotRect(QSizeF(size()));
    return {xOf(plot, axis), yOf(plot, axis, value)};
}

double ParallelPlot::valueAt(int axis, double y) const {
    const QRectF plot = plotRect(QSizeF(size()));
    return axisValue(m_axes[std::size_t(axis)], std::clamp((plot.bottom() - y) / plot.height(), 0.0, 1.0));
}

int ParallelPlot::axisAt(const QPointF& position) const {
    const QRectF plot = plotRect(QSizeF(size()));
    if (position.y() < plot.top() - kAxisGrip || position.y() > plot.bottom() + kAxisGrip) return -1;
    for (int axis = 0; axis < int(m_axes.size()); ++axis)
        if (std::abs(position.x() - xOf(plot, axis)) <= kAxisGrip) return axis;
    return -1;
}

std::vector<QPolygonF> ParallelPlot::pieces(const QRectF& plot, const ParallelLine& line) const {
    std::vector<QPolygonF> all(1);
    for (int axis = 0; axis < int(m_axes.size()); ++axis) {
        const double value = line.values[std::size_t(axis)];
        if (std::isfinite(value)) all.back() << QPointF(xOf(plot, axis), yOf(plot, axis, value));
        else if (!all.back().isEmpty()) all.emplace_back();
    }
    if (all.back().isEmpty()) all.pop_back();
    return all;
}

void ParallelPlot::paintAxis(QPainter& painter, const QRectF& plot, int axis, const ThemeColors& colors) const {
    const ParallelAxis& about = m_axes[std::size_t(axis)];
    const double x = xOf(plot, axis);
    const double room = m_axes.size() < 2 ? plot.width() : plot.width() / double(m_axes.size() - 1) - 8.0;
    painter.setPen(QPen(colors.line, 1.0));
    painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
    if (const auto& range = m_ranges[std::size_t(axis)]) {
        const double top = yOf(plot, axis, range->high), bottom = yOf(plot, axis, range->low);
        painter.setPen(QPen(colors.accent, 1.5));
        painter.setBrush(colors.accentBackground);
        painter.drawRoundedRect(QRectF(x - kAxisGrip, top, 2.0 * kAxisGrip, std::max(bottom - top, 1.0)), 3.0, 3.0);
    }
    const auto write = [&](double y, double height, const QString& text, Qt::Alignment alignment) {
        painter.drawText(QRectF(x - room / 2.0, y, room, height), int(alignment | Qt::AlignHCenter) | Qt::TextWordWrap, text);
    };
    painter.setFont(Theme::font(axis == m_axis && hasFocus() ? TextRole::SecondaryStrong : TextRole::Secondary));
    painter.setPen(colors.text);
    write(plot.top() - kAboveAxes + 2.0, 32.0, about.title, Qt::AlignBottom);
    painter.setFont(Theme::font(TextRole::Small));
    painter.setPen(colors.muted);
    const auto said = [&](double value) { return about.format ? about.format(value) : QString::number(value, 'g', 3); };
    write(plot.top() - 24.0, 18.0, said(about.high), Qt::AlignVCenter);
    const QString low = about.direction.isEmpty() ? said(about.low) : said(about.low) + QLatin1Char('\n') + about.direction;
    write(plot.bottom() + 3.0, kBelowAxes - 3.0, low, Qt::AlignTop);
}

void ParallelPlot::paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) {
    const QRectF plot = plotRect(size);
    for (int axis = 0; axis < int(m_axes.size()); ++axis) paintAxis(painter, plot, axis, colors);
    // Those that keep the ranges lie above the others.
    for (const bool wanted : {false, true}) {
        for (int item = 0; item < itemCount(); ++item) {
            if (keeps(item) != wanted) continue;
            const ParallelLine& line = m_lines[std::size_t(item)];
            const QColor ink = wanted ? colors.*line.color : Theme::blend(colors.muted, colors.plot, 0.25);
            const auto parts = pieces(plot, line);
            for (const QPolygonF& piece : parts) {
                painter.setPen(QPen(wanted ? Theme::blend(ink, colors.plot, 0.75) : ink, 1.5, line.dashed ? Qt::DashLine : Qt::SolidLine));
                painter.setBrush(Qt::NoBrush);
                painter.drawPolyline(piece);
                painter.setPen(Qt::NoPen);
                painter.setBrush(ink);
                for (const QPointF& point : piece) painter.drawEllipse(point, kValueRadius, kValueRadius);
            }
        }
    }
}

void ParallelPlot::paintMark(QPainter& painter, int item, double width) const {
    const ThemeColors& colors = Theme::current();
    const auto parts = pieces(plotRect(QSizeF(size())), m_lines[std::size_t(item)]);
    for (const auto& [ink, wide] : {std::pair(colors.plot, width + 3.0), std::pair(colors.text, width)}) {
        painter.setPen(QPen(ink, wide, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        painter.setBrush(Qt::NoBrush);
        for (const QPolygonF& piece : parts) {
            painter.drawPolyline(piece);
            for (const QPointF& point : piece) painter.drawEllipse(point, kValueRadius, kValueRadius);
        }
    }
}

QRectF ParallelPlot::itemRect(int item) const {
    const QRectF plot = plotRect(QSizeF(size()));
    const ParallelLine& line = m_lines[std::size_t(item)];
    const auto here = [&](int axis) {
        const QPointF at(xOf(plot, axis), yOf(plot, axis, line.values[std::size_t(axis)]));
        return QRectF(at - QPointF(5.0, 5.0), QSizeF(10.0, 10.0));
    };
    if (std::isfinite(line.values[std::size_t(m_axis)])) return here(m_axis);
    for (int axis = 0; axis < int(m_axes.size()); ++axis)
        if (std::isfinite(line.values[std::size_t(axis)])) return here(axis);
    return {};
}

int ParallelPlot::itemAt(const QPointF& position) const {
    const QRectF plot = plotRect(QSizeF(size()));
    int nearest = -1;
    double least = kNearLine;
    for (int item = 0; item < itemCount(); ++item) {
        if (!keeps(item)) continue;
        const auto parts = pieces(plot, m_lines[std::size_t(item)]);
        for (const QPolygonF& piece : parts) {
            for (qsizetype i = 0; i < piece.size(); ++i) {
                const double away = distanceTo(position, piece[i], piece[std::min(i + 1, piece.size() - 1)]);
                if (away < least) least = away, nearest = item;
            }
        }
    }
    return nearest;
}

int ParallelPlot::step(int item, int key) const {
    const int direction = key == Qt::Key_Up || key == Qt::Key_Left ? -1 : 1;
    for (int next = item < 0 ? (direction > 0 ? 0 : itemCount() - 1) : item + direction; next >= 0 && next < itemCount(); next += direction)
        if (keeps(next)) return next;
    return item;
}

void ParallelPlot::mousePressEvent(QMouseEvent* event) {
    m_dragged = event->button() == Qt::LeftButton ? axisAt(event->position()) : -1;
    if (m_dragged < 0) return Figure::mousePressEvent(event);
    setFocus(Qt::MouseFocusReason);
    m_axis = m_dragged;
    m_begin = event->position().y();
}

void ParallelPlot::mouseMoveEvent(QMouseEvent* event) {
    if (m_dragged < 0) {
        Figure::mouseMoveEvent(event);
        if (axisAt(event->position()) >= 0) setCursor(Qt::SplitVCursor);
        return;
    }
    if (std::abs(event->position().y() - m_begin) < kRangeDrag) return;
    const double a = valueAt(m_dragged, m_begin), b = valueAt(m_dragged, event->position().y());
    setRange(m_dragged, Interval{std::min(a, b), std::max(a, b)});
}

void ParallelPlot::mouseReleaseEvent(QMouseEvent* event) {
    const int axis = std::exchange(m_dragged, -1);
    if (axis < 0 || std::abs(event->position().y() - m_begin) >= kRangeDrag) return Figure::mouseReleaseEvent(event);
    if (m_ranges[std::size_t(axis)]) setRange(axis, std::nullopt);
    else Figure::mousePressEvent(event);
}

void ParallelPlot::moveRange(bool upper, int steps) {
    const ParallelAxis& axis = m_axes[std::size_t(m_axis)];
    Interval range = m_ranges[std::size_t(m_axis)].value_or(Interval{axis.low, axis.high});
    double& end = upper ? range.high : range.low;
    end = axisValue(axis, std::clamp(axisShare(axis, end) + double(steps) / kRangeSteps, 0.0, 1.0));
    if (range.low > range.high) return;
    setRange(m_axis, range);
}

void ParallelPlot::keyPressEvent(QKeyEvent* event) {
    const int key = event->key();
    if (key == Qt::Key_Escape && anyRange()) return clearRanges();
    if (m_axes.empty()) return Figure::keyPressEvent(event);
    if (key == Qt::Key_Left || key == Qt::Key_Right) {
        m_axis = std::clamp(m_axis + (key == Qt::Key_Left ? -1 : 1), 0, int(m_axes.size()) - 1);
        return update();
    }
    if ((key == Qt::Key_Up || key == Qt::Key_Down) && event->modifiers() & Qt::ShiftModifier)
        return moveRange(!(event->modifiers() & Qt::ControlModifier), key == Qt::Key_Up ? 1 : -1);
    Figure::keyPressEvent(event);
}

}  // namespace safequant::widgets
