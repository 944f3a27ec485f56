// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/selectionshape.h"

#include <utility>

namespace safequant::widgets {

void SelectionShape::begin(Kind kind, const PointIndex* index, const QRectF& visible, const QPointF& corner, Changed changed) {
    m_kind = kind;
    m_index = index;
    m_visible = visible;
    m_corners.assign(kind == Kind::Lasso ? 1 : 2, corner);
    m_inside.assign(index->size(), false);
    m_changed = std::move(changed);
    fill();
}

QRectF SelectionShape::box() const { return QRectF(m_corners.front(), m_corners.back()).normalized(); }

void SelectionShape::toggle(int point) {
    const bool inside = !m_inside[std::size_t(point)];
    m_inside[std::size_t(point)] = inside;
    m_changed(point, inside);
}

void SelectionShape::toggleTriangle(const QPointF& a, const QPointF& b, const QPointF& c) {
    m_index->visitTriangle(a, b, c, m_visible, [this](int point, const QPointF&) { toggle(point); });
}

void SelectionShape::moveTo(const QPointF& place) {
    const std::size_t count = m_corners.size();
    switch (m_kind) {
        case Kind::None: break;
        case Kind::Box: {
            const QRectF before = box();
            m_corners.back() = place;
            m_index->visitDifference(before, box(), m_visible, [this](int point) { toggle(point); });
            break;
        }
        case Kind::Lasso:
            toggleTriangle(m_corners.front(), m_corners.back(), place);
            m_corners.push_back(place);
            break;
        case Kind::Polygon:
            toggleTriangle(m_corners.front(), m_corners[count - 2], m_corners.back());
            m_corners.back() = place;
            toggleTriangle(m_corners.front(), m_corners[count - 2], m_corners.back());
            break;
    }
}

void SelectionShape::addCorner() {
    if (m_kind == Kind::Polygon) {
        m_corners.push_back(m_corners.back());
    }
}

bool SelectionShape::removeCorner() {
    if (m_kind != Kind::Polygon || m_corners.size() < 3) {
        return false;
    }
    const auto removed = m_corners.end() - 2;
    toggleTriangle(*(removed - 1), *removed, *(removed + 1));
    m_corners.erase(removed);
    return true;
}

void SelectionShape::fill() {
    if (m_kind == Kind::Box) {
        const QRectF area = box();
        m_index->visit(m_visible, [&](int point, const QPointF& place) {
            if (PointIndex::holds(area, place)) {
                toggle(point);
            }
        });
        return;
    }
    for (std::size_t corner = 2; corner < m_corners.size(); ++corner) {
        toggleTriangle(m_corners.front(), m_corners[corner - 1], m_corners[corner]);
    }
}

void SelectionShape::setVisible(const QRectF& visible) {
    if (m_kind == Kind::None || visible == m_visible) {
        return;
    }
    m_visible = visible;
    for (std::size_t point = 0; point < m_inside.size(); ++point) {
        if (m_inside[point]) {
            toggle(int(point));
        }
    }
    fill();
}

void SelectionShape::clear() {
    m_kind = Kind::None;
    m_corners.clear();
    m_inside.clear();
}

}  // namespace safequant::widgets
