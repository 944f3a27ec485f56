// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <vector>

#include "widgets/pointindex.h"

namespace safequant::widgets {

/// A box, a lasso or a polygon while it is drawn, and the points inside it at every moment. Corners are places on the axes, so that the
/// shape stays with the points when the axes move. A step costs what it changes: the triangle that a new corner adds or takes, by the
/// even-odd rule, or the strips by which a box grows or shrinks.
class SelectionShape {
public:
    enum class Kind { None, Box, Lasso, Polygon };
    /// Told of every point that gets in or out.
    using Changed = std::function<void(int point, bool inside)>;

    Kind kind() const { return m_kind; }
    /// Begins at a corner. Only points in `visible` are ever inside. `index` outlives the shape.
    void begin(Kind kind, const PointIndex* index, const QRectF& visible, const QPointF& corner, Changed changed);
    /// The pointer is at `place`: a lasso gets a corner there, of a box or a polygon the last corner moves there.
    void moveTo(const QPointF& place);
    /// Polygon: the last corner stays, and another follows the pointer.
    void addCorner();
    /// Polygon: takes the corner back that was set last. False when the first is all there is.
    bool removeCorner();
    /// Other points are visible now.
    void setVisible(const QRectF& visible);
    /// No shape, and nothing told.
    void clear();

    /// Of a box two opposite ones. The last of a box or a polygon is where the pointer is.
    const std::vector<QPointF>& corners() const { return m_corners; }
    bool contains(int point) const { return m_inside[std::size_t(point)]; }

private:
    QRectF box() const;
    void toggle(int point);
    void toggleTriangle(const QPointF& a, const QPointF& b, const QPointF& c);
    void fill();

    Kind m_kind = Kind::None;
    const PointIndex* m_index = nullptr;
    QRectF m_visible;
    std::vector<QPointF> m_corners;
    std::vector<bool> m_inside;
    Changed m_changed;
};

}  // namespace safequant::widgets
