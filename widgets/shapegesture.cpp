// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/shapegesture.h"

#include <QPainter>

#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kLassoStep = 2.0;  ///< Pixels between two corners of a lasso.
constexpr double kCorner = 2.5;

}  // namespace

void ShapeGesture::begin(Kind kind, const QPointF& pixel) {
    m_held.assign(m_scene->rows(), 0);
    m_inside = m_alreadyThere = {};
    m_shape.begin(kind, &m_scene->index(), m_scene->range(), m_scene->toValue(pixel),
                  [this](int point, bool inside) { take(point, inside); });
}

void ShapeGesture::moveTo(const QPointF& pixel) {
    const QPointF last = m_scene->toPixel(m_shape.corners().back());
    if (kind() != Kind::Lasso || (pixel - last).manhattanLength() >= kLassoStep) {
        m_shape.moveTo(m_scene->toValue(pixel));
    }
}

void ShapeGesture::addCorner(const QPointF& pixel) {
    m_shape.moveTo(m_scene->toValue(pixel));
    m_shape.addCorner();
}

void ShapeGesture::take(int point, bool inside) {
    const std::size_t row = m_scene->rowOfPoint(point);
    const bool before = m_held[row] > 0;
    m_held[row] = std::uint8_t(inside ? m_held[row] + 1 : m_held[row] - 1);
    if (before == (m_held[row] > 0)) {
        return;
    }
    const auto kind = std::size_t(m_scene->kindOf(row));
    m_inside.of[kind] += inside ? 1 : -1;
    if (m_scene->selected(row)) {
        m_alreadyThere.of[kind] += inside ? 1 : -1;
    }
}

void ShapeGesture::followSelection() {
    m_alreadyThere = {};
    for (std::size_t row = 0; active() && row < m_held.size(); ++row) {
        if (m_held[row] > 0 && m_scene->selected(row)) {
            ++m_alreadyThere.of[std::size_t(m_scene->kindOf(row))];
        }
    }
}

LabelCounts ShapeGesture::counts() const {
    if (m_mode == SelectionMode::Replace) {
        return m_inside;
    }
    LabelCounts counts = m_scene->selectedCounts();
    for (std::size_t kind = 0; kind < counts.of.size(); ++kind) {
        counts.of[kind] += (m_mode == SelectionMode::Add ? m_inside.of[kind] : 0) - m_alreadyThere.of[kind];
    }
    return counts;
}

QList<int> ShapeGesture::prompts() const {
    QList<int> prompts;
    for (std::size_t row = 0; row < m_held.size(); ++row) {
        if (m_held[row] > 0) {
            prompts << m_scene->points().prompts[row];
        }
    }
    return prompts;
}

void ShapeGesture::paint(QPainter* painter, const QRectF& plot) const {
    const ThemeColors& colors = Theme::current();
    QPolygonF outline;
    for (const QPointF& corner : m_shape.corners()) {
        outline << m_scene->toPixel(corner);
    }
    QColor wash = colors.accent;
    wash.setAlphaF(0.12F);
    painter->save();
    painter->setClipRect(plot);
    if (kind() == Kind::Box) {
        painter->setPen(QPen(colors.accent, 1.0));
        painter->setBrush(wash);
        painter->drawRect(QRectF(outline.first(), outline.last()).normalized());
    } else {
        painter->setPen(Qt::NoPen);
        painter->setBrush(wash);
        painter->drawPolygon(outline, Qt::OddEvenFill);
        painter->setPen(QPen(colors.accent, 1.4));
        painter->drawPolyline(outline);
        painter->setPen(QPen(colors.accent, 1.0, Qt::DotLine));
        painter->drawLine(outline.last(), outline.first());
    }
    if (kind() == Kind::Polygon) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(colors.accent);
        for (qsizetype corner = 0; corner + 1 < outline.size(); ++corner) {
            painter->drawRect(QRectF(outline[corner] - QPointF(kCorner, kCorner), QSizeF(2.0 * kCorner, 2.0 * kCorner)));
        }
    }
    painter->restore();
}

}  // namespace safequant::widgets
