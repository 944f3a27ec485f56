// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QRectF>
#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "widgets/polygon.h"

namespace safequant::widgets {

/// Points of the plane in the cells of a grid, so that what is near a place, or inside a part of the plane, is found without looking at
/// the rest. Points are known by their place in the list they came in. Rectangles have their edges.
class PointIndex {
public:
    PointIndex() = default;
    explicit PointIndex(const std::vector<QPointF>& points);

    std::size_t size() const { return m_places.size(); }
    std::size_t count(const QRectF& area) const;
    /// The nearest point in an ellipse around `place`, by the distance that makes the ellipse a circle; -1: none.
    int nearest(const QPointF& place, double radiusX, double radiusY) const;

    /// Calls visit(point, place) for every point in `area`.
    template <typename Visit>
    void visit(const QRectF& area, Visit&& visit) const {
        const Cells cells = cellsOf(area);
        for (int row = cells.top; row <= cells.bottom; ++row) {
            visitCells(row, cells.left, cells.right, area, visit);
        }
    }

    /// Calls visit(point, place) for every point in `area` that is in the triangle, by the rule of polygonContains.
    template <typename Visit>
    void visitTriangle(const QPointF& a, const QPointF& b, const QPointF& c, const QRectF& area, Visit&& visit) const {
        const Cells rows = cellsOf(std::max(std::min({a.x(), b.x(), c.x()}), area.left()),
                                   std::max(std::min({a.y(), b.y(), c.y()}), area.top()),
                                   std::min(std::max({a.x(), b.x(), c.x()}), area.right()),
                                   std::min(std::max({a.y(), b.y(), c.y()}), area.bottom()));
        for (int row = rows.top; row <= rows.bottom; ++row) {
            Reach reach;
            reach.take(*this, a, b, row);
            reach.take(*this, b, c, row);
            reach.take(*this, c, a, row);
            if (reach.left > reach.right) {
                continue;
            }
            const int first = std::max(columnOf(reach.left) - 1, rows.left);
            const int last = std::min(columnOf(reach.right) + 1, rows.right);
            visitCells(row, first, last, area, [&](int point, const QPointF& place) {
                if (crossesRay(a, b, place) ^ crossesRay(b, c, place) ^ crossesRay(c, a, place)) {
                    visit(point, place);
                }
            });
        }
    }

    /// Calls visit(point) for every point in `area` that is in one of two rectangles and not in the other.
    template <typename Visit>
    void visitDifference(const QRectF& one, const QRectF& other, const QRectF& area, Visit&& visit) const {
        const Cells outer = cellsOf(std::min(one.left(), other.left()), std::min(one.top(), other.top()),
                                    std::max(one.right(), other.right()), std::max(one.bottom(), other.bottom()));
        const Cells first = innerCells(one);
        const Cells second = innerCells(other);
        const auto look = [&](int point, const QPointF& place) {
            if (holds(one, place) != holds(other, place)) {
                visit(point);
            }
        };
        for (int row = outer.top; row <= outer.bottom; ++row) {
            const int left = std::max(first.left, second.left);
            const int right = std::min(first.right, second.right);
            if (row < std::max(first.top, second.top) || row > std::min(first.bottom, second.bottom) || left > right) {
                visitCells(row, outer.left, outer.right, area, look);
                continue;
            }
            visitCells(row, outer.left, left - 1, area, look);
            visitCells(row, right + 1, outer.right, area, look);
        }
    }

    static bool holds(const QRectF& area, const QPointF& place) {
        return place.x() >= area.left() && place.x() <= area.right() && place.y() >= area.top() && place.y() <= area.bottom();
    }

private:
    /// Columns and rows of cells, both ends included; none when an end comes before its beginning.
    struct Cells {
        int left = 0, right = -1, top = 0, bottom = -1;
    };
    /// How far to the left and the right a triangle goes within a row of cells.
    struct Reach {
        double left = std::numeric_limits<double>::infinity(), right = -std::numeric_limits<double>::infinity();
        void take(const PointIndex& index, const QPointF& a, const QPointF& b, int row);
    };

    int columnOf(double x) const { return int(std::clamp((x - m_left) * m_perX, 0.0, m_side - 1.0)); }
    int rowOf(double y) const { return int(std::clamp((y - m_top) * m_perY, 0.0, m_side - 1.0)); }
    Cells cellsOf(double left, double top, double right, double bottom) const;
    Cells cellsOf(const QRectF& area) const { return cellsOf(area.left(), area.top(), area.right(), area.bottom()); }
    /// Cells that surely hold only points of the rectangle.
    Cells innerCells(const QRectF& area) const;

    template <typename Visit>
    void visitCells(int row, int left, int right, const QRectF& area, Visit&& visit) const {
        if (left > right) {
            return;
        }
        const auto line = std::size_t(row) * std::size_t(m_side);
        const std::size_t end = m_starts[line + std::size_t(right) + 1];
        for (std::size_t at = m_starts[line + std::size_t(left)]; at < end; ++at) {
            if (holds(area, m_places[at])) {
                visit(m_points[at], m_places[at]);
            }
        }
    }

    double m_left = 0.0, m_top = 0.0, m_right = 0.0, m_bottom = 0.0;
    int m_side = 0;
    double m_perX = 0.0, m_perY = 0.0;       ///< Cells per unit.
    std::vector<std::size_t> m_starts;       ///< Of each cell, row by row, and the end.
    std::vector<int> m_points;               ///< In the order of the cells.
    std::vector<QPointF> m_places;           ///< The same order.
};

}  // namespace safequant::widgets
