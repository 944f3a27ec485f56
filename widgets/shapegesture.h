// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QRectF>
#include <cstdint>
#include <vector>

#include "widgets/pointscene.h"
#include "widgets/selectionmodel.h"
#include "widgets/selectionshape.h"

class QPainter;

namespace safequant::widgets {

/// A shape that is drawn around points of a scene, and what would be selected if it ended now. Only points in sight are ever taken.
class ShapeGesture {
public:
    using Kind = SelectionShape::Kind;

    /// `scene` outlives the gesture.
    explicit ShapeGesture(const PointScene* scene) : m_scene(scene) {}

    Kind kind() const { return m_shape.kind(); }
    bool active() const { return kind() != Kind::None; }
    void begin(Kind kind, const QPointF& pixel);
    void moveTo(const QPointF& pixel);
    /// Polygon: a corner stays at a place.
    void addCorner(const QPointF& pixel);
    /// Polygon: takes the corner back that was set last. False when the first is all there is.
    bool removeCorner() { return m_shape.removeCorner(); }
    void cancel() { m_shape.clear(); }

    /// What the end of the gesture does to the selection.
    void setMode(SelectionMode mode) { m_mode = mode; }
    SelectionMode mode() const { return m_mode; }
    /// The scene shows another part of its axes.
    void followRange() { m_shape.setVisible(m_scene->range()); }
    /// The scene has another selection.
    void followSelection();
    /// What would be selected.
    LabelCounts counts() const;
    /// Prompts inside.
    QList<int> prompts() const;

    void paint(QPainter* painter, const QRectF& plot) const;

private:
    void take(int point, bool inside);

    const PointScene* m_scene;
    SelectionShape m_shape;
    SelectionMode m_mode = SelectionMode::Replace;
    std::vector<std::uint8_t> m_held;     ///< Points inside, by row: of an overlay a row has two.
    LabelCounts m_inside, m_alreadyThere;  ///< Rows inside, and those of them that are selected.
};

}  // namespace safequant::widgets
