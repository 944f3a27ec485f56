// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QRectF>
#include <QString>
#include <QWidget>

class QPainter;

namespace safequant::widgets {

/// How the shape of a label is drawn: as everywhere, or all of them filled or open, where that tells two models apart.
enum class ShapeFill { OfLabel, Filled, Open };

/// Draws the shape of a prompt label centred at a point: malicious filled triangle, benign filled circle, hard benign open square.
/// `radius` is half the extent in logical pixels.
void paintLabelShape(QPainter* painter, const QPointF& centre, double radius, const QString& label, const QColor& color,
                     ShapeFill fill = ShapeFill::OfLabel);

/// The shape alone, as a small widget for legends and panels.
class LabelShape : public QWidget {
    Q_OBJECT
public:
    explicit LabelShape(const QString& label, QWidget* parent = nullptr);
    void setLabel(const QString& label);
    QSize sizeHint() const override { return {14, 14}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString m_label;
};

}  // namespace safequant::widgets
