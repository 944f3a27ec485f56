// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/pointindex.h"

#include <cmath>
#include <limits>

namespace safequant::widgets {

namespace {

constexpr double kPointsPerCell = 4.0;
constexpr int kMaxSide = 512;

}  // namespace

PointIndex::PointIndex(const std::vector<QPointF>& points) {
    if (points.empty()) {
        return;
    }
    m_left = m_right = points.front().x();
    m_top = m_bottom = points.front().y();
    for (const QPointF& point : points) {
        m_left = std::min(m_left, point.x());
        m_right = std::max(m_right, point.x());
        m_top = std::min(m_top, point.y());
        m_bottom = std::max(m_bottom, point.y());
    }
    m_side = std::clamp(int(std::sqrt(double(points.size()) / kPointsPerCell)), 1, kMaxSide);
    m_perX = m_right > m_left ? m_side / (m_right - m_left) : 0.0;
    m_perY = m_bottom > m_top ? m_side / (m_bottom - m_top) : 0.0;
    const auto cellOf = [this](const QPointF& point) {
        return std::size_t(rowOf(point.y())) * std::size_t(m_side) + std::size_t(columnOf(point.x()));
    };
    m_starts.assign(std::size_t(m_side) * std::size_t(m_side) + 1, 0);
    for (const QPointF& point : points) {
        ++m_starts[cellOf(point) + 1];
    }
    for (std::size_t cell = 1; cell < m_starts.size(); ++cell) {
        m_starts[cell] += m_starts[cell - 1];
    }
    m_points.resize(points.size());
    m_places.resize(points.size());
    std::vector<std::size_t> next(m_starts.begin(), m_starts.end() - 1);
    for (std::size_t point = 0; point < points.size(); ++point) {
        const std::size_t at = next[cellOf(points[point])]++;
        m_points[at] = int(point);
        m_places[at] = points[point];
    }
}

PointIndex::Cells PointIndex::cellsOf(double left, double top, double right, double bottom) const {
    if (m_places.empty() || right < m_left || left > m_right || bottom < m_top || top > m_bottom || left > right || top > bottom) {
        return {};
    }
    return {columnOf(left), columnOf(right), rowOf(top), rowOf(bottom)};
}

PointIndex::Cells PointIndex::innerCells(const QRectF& area) const {
    const Cells touched = cellsOf(area);
    return {touched.left + 1, touched.right - 1, touched.top + 1, touched.bottom - 1};
}

void PointIndex::Reach::take(const PointIndex& index, const QPointF& a, const QPointF& b, int row) {
    // The first and the last row have everything beyond them, and rounding may put a point on an edge into either of two rows.
    const double height = index.m_perY > 0.0 ? 1.0 / index.m_perY : 0.0;
    const double low = index.m_top + (row - 0.001) * height;
    const double high = index.m_top + (row + 1.001) * height;
    const QPointF& lower = a.y() <= b.y() ? a : b;
    const QPointF& upper = a.y() <= b.y() ? b : a;
    if (upper.y() < low || lower.y() > high) {
        return;
    }
    const auto xAt = [&](double y) {
        if (y <= lower.y() || upper.y() <= lower.y()) {
            return lower.x();
        }
        return y >= upper.y() ? upper.x() : lower.x() + (upper.x() - lower.x()) * (y - lower.y()) / (upper.y() - lower.y());
    };
    const double ends[] = {xAt(low), xAt(high), upper.y() <= lower.y() ? upper.x() : xAt(high)};
    for (const double x : ends) {
        left = std::min(left, x);
        right = std::max(right, x);
    }
}

std::size_t PointIndex::count(const QRectF& area) const {
    const Cells cells = cellsOf(area);
    const Cells inner = innerCells(area);
    std::size_t found = 0;
    const auto look = [&found](int, const QPointF&) { ++found; };
    for (int row = cells.top; row <= cells.bottom; ++row) {
        if (row < inner.top || row > inner.bottom || inner.left > inner.right) {
            visitCells(row, cells.left, cells.right, area, look);
            continue;
        }
        const auto line = std::size_t(row) * std::size_t(m_side);
        visitCells(row, cells.left, inner.left - 1, area, look);
        found += m_starts[line + std::size_t(inner.right) + 1] - m_starts[line + std::size_t(inner.left)];
        visitCells(row, inner.right + 1, cells.right, area, look);
    }
    return found;
}

int PointIndex::nearest(const QPointF& place, double radiusX, double radiusY) const {
    int best = -1;
    double least = 1.0;
    visit(QRectF(place.x() - radiusX, place.y() - radiusY, 2.0 * radiusX, 2.0 * radiusY), [&](int point, const QPointF& other) {
        const double x = (other.x() - place.x()) / radiusX;
        const double y = (other.y() - place.y()) / radiusY;
        const double distance = x * x + y * y;
        if (distance < least || (distance == least && (best < 0 || point > best))) {
            least = distance;
            best = point;
        }
    });
    return best;
}

}  // namespace safequant::widgets
