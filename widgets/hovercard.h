// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QPointF>
#include <QRectF>
#include <QString>
#include <vector>

class QPainter;

namespace safequant::widgets {

/// A card of exact values beside the pointer, drawn by plots over their own picture: a heading, a paragraph, and rows of a name
/// with one or two values.
struct HoverCard {
    struct Row {
        QString name;
        QString first, second;
        QColor firstColor, secondColor;  ///< Invalid: text colour.
    };
    QString heading;
    QString paragraph;          ///< Wrapped, at most four lines.
    bool hiddenParagraph = false;  ///< A bar stands for the paragraph.
    std::vector<Row> rows;
    QString shapeLabel;         ///< Label whose shape stands before the heading; empty: none.
    bool pinned = false;        ///< It stays, and has a mark to close it.

    /// Draws the card near `anchor` inside `bounds`, to its right when there is room. Returns where it is.
    QRectF paint(QPainter* painter, const QRectF& bounds, const QPointF& anchor) const;
    /// Where a pinned card is closed by a click.
    static QRectF closeMark(const QRectF& card);
    /// The same as lines of text.
    QString text() const;
};

}  // namespace safequant::widgets
