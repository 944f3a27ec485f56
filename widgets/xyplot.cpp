// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/xyplot.h"

#include <QLocale>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <cmath>

namespace safequant::widgets {

namespace {

constexpr double kLeft = 62.0, kTop = 26.0, kRight = 18.0, kBottom = 42.0;
constexpr double kMark = 3.6, kReach = 14.0, kItem = 7.0;
constexpr double kLegendSample = 18.0, kLegendGap = 16.0;

/// Round values between two bounds, about `wanted` of them; powers of ten on a logarithmic axis.
std::vector<double> ticks(const XyAxis& axis, double wanted) {
    std::vector<double> values;
    if (axis.logarithmic) {
        const double decades = std::log10(axis.high / axis.low);
        const int every = std::max(1, int(std::ceil(decades / std::max(1.0, wanted))));
        for (int power = int(std::ceil(std::log10(axis.low) - 1e-9)); power <= std::floor(std::log10(axis.high) + 1e-9); power += every)
            values.push_back(std::pow(10.0, power));
        return values;
    }
    const double rough = (axis.high - axis.low) / std::max(1.0, wanted);
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    double step = 10.0 * power;
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= rough) {
            step = factor * power;
            break;
        }
    for (double value = std::ceil(axis.low / step - 1e-9) * step; value <= axis.high + 1e-9 * step; value += step)
        values.push_back(std::abs(value) < 1e-9 * step ? 0.0 : value);
    return values;
}

double place(const XyAxis& axis, double value) {
    if (!axis.logarithmic) return (value - axis.low) / (axis.high - axis.low);
    return std::log(std::max(value, axis.low) / axis.low) / std::log(axis.high / axis.low);
}

double radiusOf(const XySeries& series, std::size_t point) { return point < series.sizes.size() ? series.sizes[point] : kMark; }

void paintPointMark(QPainter& painter, const QPointF& at, XySeries::Mark mark, double radius, const QColor& color, const ThemeColors& colors) {
    painter.setPen(QPen(color, 1.5));
    painter.setBrush(mark == XySeries::Mark::Circle ? colors.plot : color);
    if (mark == XySeries::Mark::Diamond) {
        const double r = radius * 1.35;
        painter.drawPolygon(QPolygonF{at + QPointF(0, -r), at + QPointF(r, 0), at + QPointF(0, r), at + QPointF(-r, 0)});
    } else if (mark != XySeries::Mark::None) {
        painter.drawEllipse(at, radius, radius);
    }
}

bool isFinite(const QPointF& point) { return std::isfinite(point.x()) && std::isfinite(point.y()); }

}  // namespace

XyPlot::XyPlot(const QString& title, QWidget* parent) : Figure(title, parent) {
    setAxes({}, {});
}

void XyPlot::setAxes(XyAxis x, XyAxis y) {
    for (XyAxis* axis : {&x, &y}) {
        if (!axis->format) axis->format = [](double value) { return QLocale().toString(value, 'g', 4).replace(QLatin1Char('-'), QChar(0x2212)); };
        if (!(axis->high > axis->low)) axis->high = axis->low + 1.0;
    }
    m_x = std::move(x);
    m_y = std::move(y);
    contentChanged();
}

void XyPlot::setGuides(std::vector<double> x, bool diagonal) {
    m_guides = std::move(x);
    m_diagonal = diagonal;
    update();
}

void XyPlot::setSeries(std::vector<XySeries> series, FigureTable table) {
    m_series = std::move(series);
    m_table = std::move(table);
    m_items.clear();
    for (int s = 0; s < int(m_series.size()); ++s)
        for (int p = 0; p < int(m_series[std::size_t(s)].cards.size()); ++p)
            if (isFinite(m_series[std::size_t(s)].points[std::size_t(p)])) m_items.emplace_back(s, p);
    contentChanged();
}

int XyPlot::itemOf(int series, int point) const {
    const auto found = std::find(m_items.begin(), m_items.end(), std::pair(series, point));
    return found == m_items.end() ? -1 : int(found - m_items.begin());
}

QRectF XyPlot::plotRect(const QSizeF& size) const {
    return QRectF(QPointF(0, 0), size).adjusted(kLeft, kTop, -kRight, -kBottom);
}

double XyPlot::xAt(const QRectF& plot, double value) const { return plot.left() + place(m_x, value) * plot.width(); }
double XyPlot::yAt(const QRectF& plot, double value) const { return plot.bottom() - place(m_y, value) * plot.height(); }

QPointF XyPlot::itemPosition(int item) const {
    const auto [series, point] = m_items[std::size_t(item)];
    const QPointF& at = m_series[std::size_t(series)].points[std::size_t(point)];
    const QRectF plot = plotRect(QSizeF(size()));
    return {xAt(plot, at.x()), yAt(plot, at.y())};
}

QRectF XyPlot::itemRect(int item) const {
    if (item < 0 || item >= itemCount()) return {};
    const QPointF at = itemPosition(item);
    const auto [series, point] = m_items[std::size_t(item)];
    const double reach = radiusOf(m_series[std::size_t(series)], std::size_t(point)) + kItem - kMark;
    return {at.x() - reach, at.y() - reach, 2.0 * reach, 2.0 * reach};
}

int XyPlot::itemAt(const QPointF& position) const {
    int nearest = -1;
    double best = kReach;
    for (int item = 0; item < itemCount(); ++item) {
        const QPointF away = itemPosition(item) - position;
        const double distance = std::hypot(away.x(), away.y());
        if (distance >= best) continue;
        best = distance;
        nearest = item;
    }
    return nearest;
}

HoverCard XyPlot::card(int item) const {
    const auto [series, point] = m_items[std::size_t(item)];
    return m_series[std::size_t(series)].cards[std::size_t(point)];
}

void XyPlot::paintGrid(QPainter& painter, const QRectF& plot, const ThemeColors& colors) const {
    painter.setFont(Theme::font(TextRole::Small));
    for (const double value : ticks(m_y, plot.height() / 44.0)) {
        const double y = std::round(yAt(plot, value)) + 0.5;
        painter.setPen(QPen(colors.grid, 1.0));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(colors.muted);
        painter.drawText(QRectF(18.0, y - 8.0, plot.left() - 24.0, 16.0), Qt::AlignRight | Qt::AlignVCenter, m_y.format(value));
    }
    for (const double value : ticks(m_x, plot.width() / 72.0)) {
        painter.setPen(colors.muted);
        painter.drawText(QRectF(xAt(plot, value) - 40.0, plot.bottom() + 4.0, 80.0, 14.0), Qt::AlignCenter, m_x.format(value));
    }
    painter.setPen(QPen(colors.line, 1.0));
    painter.drawLine(QPointF(plot.left(), plot.bottom() + 0.5), QPointF(plot.right(), plot.bottom() + 0.5));
    for (const double guide : m_guides) {
        if (guide < m_x.low || guide > m_x.high) continue;
        const double x = std::round(xAt(plot, guide)) + 0.5;
        painter.setPen(QPen(colors.line, 1.0));
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
    }
    if (m_diagonal) {
        const double low = std::max(m_x.low, m_y.low), high = std::min(m_x.high, m_y.high);
        painter.setPen(QPen(colors.muted, 1.0, Qt::DotLine));
        painter.drawLine(QPointF(xAt(plot, low), yAt(plot, low)), QPointF(xAt(plot, high), yAt(plot, high)));
    }
    painter.setPen(colors.muted);
    painter.drawText(QRectF(plot.left(), plot.bottom() + 22.0, plot.width(), 16.0), Qt::AlignCenter, m_x.title);
    painter.save();
    painter.translate(10.0, plot.bottom());
    painter.rotate(-90.0);
    painter.drawText(QRectF(0.0, -8.0, plot.height(), 16.0), Qt::AlignCenter, m_y.title);
    painter.restore();
}

void XyPlot::paintSeries(QPainter& painter, const QRectF& plot, const XySeries& series, const ThemeColors& colors) const {
    const QColor color = colors.*series.color;
    const auto at = [&](const QPointF& point) { return QPointF(xAt(plot, point.x()), yAt(plot, point.y())); };
    const bool histogram = series.kind == XySeries::Kind::Steps || series.kind == XySeries::Kind::Filled;
    if (histogram && series.points.size() > 1) {
        const double half = (series.points[1].x() - series.points[0].x()) / 2.0;
        QPainterPath path(QPointF(xAt(plot, series.points.front().x() - half), plot.bottom()));
        for (const QPointF& point : series.points) {
            path.lineTo(xAt(plot, point.x() - half), yAt(plot, point.y()));
            path.lineTo(xAt(plot, point.x() + half), yAt(plot, point.y()));
        }
        path.lineTo(xAt(plot, series.points.back().x() + half), plot.bottom());
        if (series.kind == XySeries::Kind::Filled) painter.fillPath(path, Theme::blend(color, colors.plot, 0.3));
        painter.strokePath(path, QPen(color, series.kind == XySeries::Kind::Filled ? 1.0 : 1.5));
        return;
    }
    painter.setBrush(Qt::NoBrush);
    if (series.kind == XySeries::Kind::Line) {
        QPainterPath path;
        bool begun = false;
        for (const QPointF& point : series.points) {
            if (!isFinite(point)) {
                begun = false;
                continue;
            }
            begun ? path.lineTo(at(point)) : path.moveTo(at(point));
            begun = true;
        }
        painter.strokePath(path, QPen(color, 1.8, series.dashed ? Qt::DashLine : Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    }
    painter.setPen(QPen(Theme::blend(color, colors.plot, 0.75), 1.5));
    for (std::size_t i = 0; i < series.points.size(); ++i) {
        if (!isFinite(series.points[i])) continue;
        const QPointF centre = at(series.points[i]);
        if (i < series.xIntervals.size())
            painter.drawLine(QPointF(xAt(plot, std::clamp(series.xIntervals[i].low, m_x.low, m_x.high)), centre.y()),
                             QPointF(xAt(plot, std::clamp(series.xIntervals[i].high, m_x.low, m_x.high)), centre.y()));
        if (i < series.yIntervals.size())
            painter.drawLine(QPointF(centre.x(), yAt(plot, std::clamp(series.yIntervals[i].low, m_y.low, m_y.high))),
                             QPointF(centre.x(), yAt(plot, std::clamp(series.yIntervals[i].high, m_y.low, m_y.high))));
    }
    if (series.mark == XySeries::Mark::None) return;
    for (std::size_t i = 0; i < series.points.size(); ++i)
        if (isFinite(series.points[i])) paintPointMark(painter, at(series.points[i]), series.mark, radiusOf(series, i), color, colors);
}

void XyPlot::paintLabels(QPainter& painter, const QRectF& plot, const ThemeColors& colors) const {
    painter.setFont(Theme::font(TextRole::Small));
    const QFontMetricsF metrics(painter.font());
    std::vector<QRectF> taken;
    for (const XySeries& series : m_series)
        for (std::size_t i = 0; i < series.points.size(); ++i)
            if (series.mark != XySeries::Mark::None && isFinite(series.points[i])) {
                const double radius = radiusOf(series, i);
                taken.emplace_back(xAt(plot, series.points[i].x()) - radius, yAt(plot, series.points[i].y()) - radius, 2.0 * radius, 2.0 * radius);
            }
    for (const XySeries& series : m_series)
        for (std::size_t i = 0; i < series.labels.size(); ++i) {
            if (series.labels[i].isEmpty() || !isFinite(series.points[i])) continue;
            const QPointF at(xAt(plot, series.points[i].x()), yAt(plot, series.points[i].y()));
            const QString text = metrics.elidedText(series.labels[i], Qt::ElideMiddle, 190.0);
            const double width = metrics.horizontalAdvance(text) + 2.0;
            // Beside the point, above or below it; where all places are taken the card still has the name.
            for (const QPointF& offset : {QPointF(8, -16), QPointF(8, 2), QPointF(-8 - width, -16), QPointF(-8 - width, 2), QPointF(8, -30), QPointF(8, 16)}) {
                const QRectF box(at + offset, QSizeF(width, 14.0));
                if (!plot.adjusted(-40, -10, 10, 4).contains(box)) continue;
                if (std::any_of(taken.begin(), taken.end(), [&](const QRectF& other) { return other.intersects(box); })) continue;
                taken.push_back(box);
                painter.setPen(colors.*series.color);
                painter.drawText(box, Qt::AlignLeft | Qt::AlignVCenter, text);
                break;
            }
        }
}

void XyPlot::paintLegend(QPainter& painter, const QRectF& plot, const ThemeColors& colors) const {
    painter.setFont(Theme::font(TextRole::Small));
    const QFontMetricsF metrics(painter.font());
    double x = plot.left();
    for (const XySeries& series : m_series) {
        if (series.name.isEmpty()) continue;
        const QColor color = colors.*series.color;
        const QPointF middle(x + kLegendSample / 2.0, plot.top() - 14.0);
        if (series.kind == XySeries::Kind::Filled) {
            painter.setPen(QPen(color, 1.0));
            painter.setBrush(Theme::blend(color, colors.plot, 0.3));
            painter.drawRect(QRectF(middle.x() - 7.0, middle.y() - 4.0, 14.0, 8.0));
        } else if (series.kind != XySeries::Kind::Points) {
            painter.setPen(QPen(color, 1.8, series.dashed ? Qt::DashLine : Qt::SolidLine));
            painter.drawLine(middle - QPointF(8.0, 0.0), middle + QPointF(8.0, 0.0));
        }
        if (series.mark != XySeries::Mark::None) paintPointMark(painter, middle, series.mark, kMark, color, colors);
        const double width = metrics.horizontalAdvance(series.name);
        painter.setPen(colors.text);
        painter.drawText(QRectF(x + kLegendSample + 4.0, middle.y() - 8.0, width + 2.0, 16.0), Qt::AlignLeft | Qt::AlignVCenter, series.name);
        x += kLegendSample + 4.0 + width + kLegendGap;
    }
}

void XyPlot::paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) {
    const QRectF plot = plotRect(size);
    paintGrid(painter, plot, colors);
    painter.save();
    painter.setClipRect(plot.adjusted(-6, -6, 6, 1));
    for (const XySeries& series : m_series) paintSeries(painter, plot, series, colors);
    painter.restore();
    paintLabels(painter, plot, colors);
    paintLegend(painter, plot, colors);
}

}  // namespace safequant::widgets
