// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/labelshape.h"

#include <QPainter>
#include <QPen>
#include <QPolygonF>

#include "widgets/format.h"
#include "widgets/theme.h"

namespace safequant::widgets {

void paintLabelShape(QPainter* painter, const QPointF& centre, double radius, const QString& label, const QColor& color,
                     ShapeFill fill) {
    const bool square = label == QLatin1String("hard_benign");
    const bool open = fill == ShapeFill::OfLabel ? square : fill == ShapeFill::Open;
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(open ? QPen(color, square ? 1.6 : 1.2, Qt::SolidLine, Qt::SquareCap, Qt::MiterJoin) : QPen(Qt::NoPen));
    painter->setBrush(open ? QBrush(Qt::NoBrush) : QBrush(color));
    if (square) {
        const double half = radius * 0.78;
        painter->drawRect(QRectF(centre.x() - half, centre.y() - half, 2.0 * half, 2.0 * half));
    } else if (label == QLatin1String("malicious")) {
        const QPolygonF triangle{QPointF(centre.x(), centre.y() - radius * 0.95),
                                 QPointF(centre.x() + radius, centre.y() + radius * 0.78),
                                 QPointF(centre.x() - radius, centre.y() + radius * 0.78)};
        painter->drawPolygon(triangle);
    } else {
        painter->drawEllipse(centre, radius * 0.85, radius * 0.85);
    }
    painter->restore();
}

LabelShape::LabelShape(const QString& label, QWidget* parent) : QWidget(parent) {
    setLabel(label);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setFixedSize(sizeHint());
}

void LabelShape::setLabel(const QString& label) {
    m_label = label;
    setAccessibleName(labelText(label));
    update();
}

void LabelShape::paintEvent(QPaintEvent*) {
    if (m_label.isEmpty()) {
        return;
    }
    QPainter painter(this);
    paintLabelShape(&painter, QRectF(rect()).center(), 4.8, m_label, Theme::current().label(m_label));
}

}  // namespace safequant::widgets
