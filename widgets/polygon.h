// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <vector>

/// Plane geometry whose answers are exact for any finite coordinates, so that a point is never on both sides of a line.
namespace safequant::widgets {

/// Positive when `point` lies to the left of the line from `a` to `b` (y up), negative to its right, 0 on it. The sign is exact
/// (Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997) while no product of two coordinates over- or underflows.
double orientation(const QPointF& a, const QPointF& b, const QPointF& point);

/// Whether the edge between `a` and `b`, in either order, crosses the ray from `point` to greater x. An edge has its lower end and
/// not its upper one, so that two edges that meet count once.
bool crossesRay(const QPointF& a, const QPointF& b, const QPointF& point);

/// Even-odd: whether the closed outline through the corners is crossed an odd number of times on the way out of it. Of two polygons
/// with a common edge a point is in one. Fewer than three corners hold nothing.
bool polygonContains(const std::vector<QPointF>& corners, const QPointF& point);

}  // namespace safequant::widgets
