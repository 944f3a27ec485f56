// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <vector>

#include "core/base/statistics.h"
#include "widgets/figure.h"
#include "widgets/theme.h"

namespace safequant::widgets {

/// One thing drawn on two numeric axes.
struct XySeries {
    enum class Kind {
        Line,    ///< Points joined, in their order.
        Steps,   ///< Counts of bins of equal width around the points' x, as an outline.
        Filled,  ///< The same, filled.
        Points,  ///< Marks alone.
    };
    enum class Mark { None, Disc, Circle, Diamond };
    QString name;                 ///< In the legend; empty: not there.
    QColor ThemeColors::*color = &ThemeColors::accent;
    Kind kind = Kind::Line;
    Mark mark = Mark::None;
    bool dashed = false;
    std::vector<QPointF> points;
    std::vector<Interval> xIntervals, yIntervals;  ///< Error bars; empty, or one a point.
    std::vector<QString> labels;                   ///< Beside the points; empty, or one a point.
    std::vector<HoverCard> cards;                  ///< Empty: points are no items. One a point.
    std::vector<double> sizes = {};                ///< Radii of the marks, pixels; empty: all the same, or one a point.
};

struct XyAxis {
    QString title;
    double low = 0.0, high = 1.0;
    bool logarithmic = false;     ///< `low` has to be positive.
    std::function<QString(double)> format = {};
};

/// Curves, histograms and points on two numeric axes.
class XyPlot : public Figure {
    Q_OBJECT
public:
    explicit XyPlot(const QString& title, QWidget* parent = nullptr);

    void setAxes(XyAxis x, XyAxis y);
    /// Lines across at places of the x axis, and the line on which both axes agree.
    void setGuides(std::vector<double> x, bool diagonal = false);
    void setSeries(std::vector<XySeries> series, FigureTable table);
    /// The item of a point of a series; -1 when it is none.
    int itemOf(int series, int point) const;
    std::pair<int, int> pointOf(int item) const { return m_items[std::size_t(item)]; }
    /// Where an item's point is drawn.
    QPointF itemPosition(int item) const;

    int itemCount() const override { return int(m_items.size()); }
    FigureTable table() const override { return m_table; }
    QSize sizeHint() const override { return {480, 320}; }
    QSize minimumSizeHint() const override { return {260, 180}; }

protected:
    void paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) override;
    QRectF itemRect(int item) const override;
    int itemAt(const QPointF& position) const override;
    HoverCard card(int item) const override;
    bool roundMarks() const override { return true; }

private:
    QRectF plotRect(const QSizeF& size) const;
    double xAt(const QRectF& plot, double value) const;
    double yAt(const QRectF& plot, double value) const;
    void paintGrid(QPainter& painter, const QRectF& plot, const ThemeColors& colors) const;
    void paintSeries(QPainter& painter, const QRectF& plot, const XySeries& series, const ThemeColors& colors) const;
    void paintLabels(QPainter& painter, const QRectF& plot, const ThemeColors& colors) const;
    void paintLegend(QPainter& painter, const QRectF& plot, const ThemeColors& colors) const;

    XyAxis m_x, m_y;
    std::vector<double> m_guides;
    bool m_diagonal = false;
    std::vector<XySeries> m_series;
    std::vector<std::pair<int, int>> m_items;
    FigureTable m_table;
};

}  // namespace safequant::widgets
