// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/base/statistics.h"
#include "widgets/figure.h"
#include "widgets/theme.h"

namespace safequant::widgets {

/// A measure, drawn upright from `low` below to `high` above.
struct ParallelAxis {
    QString title;
    QString direction;  ///< Which way is better, in a word; empty: neither.
    double low = 0.0, high = 1.0;
    bool logarithmic = false;  ///< `low` has to be positive.
    std::function<QString(double)> format = {};
};

/// A thing measured on every axis; NaN where it was not.
struct ParallelLine {
    QColor ThemeColors::*color = &ThemeColors::accent;
    bool dashed = false;
    std::vector<double> values;  ///< One an axis.
    HoverCard card;
};

/// Parallel coordinates (Inselberg 1985): an axis a measure, a line a thing. A range marked on an axis, by drag or keys, greys the lines
/// that leave it; ranges on several axes have all to be kept. A click on an axis, or Escape, takes ranges away.
class ParallelPlot : public Figure {
    Q_OBJECT
public:
    explicit ParallelPlot(const QString& title, QWidget* parent = nullptr);

    /// Ranges are kept where as many axes with the same titles stand.
    void setContent(std::vector<ParallelAxis> axes, std::vector<ParallelLine> lines, FigureTable table);
    /// The marked range of an axis, in its unit.
    std::optional<Interval> range(int axis) const { return m_ranges[std::size_t(axis)]; }
    void setRange(int axis, std::optional<Interval> range);
    void clearRanges();
    bool anyRange() const;
    /// Whether a line keeps every range; one that was not measured on a marked axis does not.
    bool keeps(int item) const;
    int kept() const;
    /// Where a value stands on an axis.
    QPointF positionOf(int axis, double value) const;

    int itemCount() const override { return int(m_lines.size()); }
    FigureTable table() const override { return m_table; }
    QSize sizeHint() const override { return {640, 360}; }
    QSize minimumSizeHint() const override { return {360, 220}; }

signals:
    void rangesChanged();

protected:
    void paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) override;
    QRectF itemRect(int item) const override;
    int itemAt(const QPointF& position) const override;
    HoverCard card(int item) const override { return m_lines[std::size_t(item)].card; }
    int step(int item, int key) const override;
    void paintMark(QPainter& painter, int item, double width) const override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    QRectF plotRect(const QSizeF& size) const;
    double xOf(const QRectF& plot, int axis) const;
    double yOf(const QRectF& plot, int axis, double value) const;
    double valueAt(int axis, double y) const;
    /// The axis under a position; -1: none.
    int axisAt(const QPointF& position) const;
    /// The pieces of a line: it breaks where it was not measured.
    std::vector<QPolygonF> pieces(const QRectF& plot, const ParallelLine& line) const;
    void paintAxis(QPainter& painter, const QRectF& plot, int axis, const ThemeColors& colors) const;
    void moveRange(bool upper, int steps);

    std::vector<ParallelAxis> m_axes;
    std::vector<ParallelLine> m_lines;
    std::vector<std::optional<Interval>> m_ranges;  ///< One an axis.
    FigureTable m_table;
    int m_axis = 0;       ///< The one that keys move the range of.
    int m_dragged = -1;   ///< The axis a drag began on.
    double m_begin = 0.0;  ///< Where, in pixels from above.
};

}  // namespace safequant::widgets
