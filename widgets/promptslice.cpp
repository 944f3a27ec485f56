// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/promptslice.h"

#include <QCoreApplication>
#include <QPainter>
#include <QPolygonF>
#include <algorithm>
#include <iterator>

#include "widgets/theme.h"

namespace safequant::widgets {

QColor sliceColor(int mark) { return Theme::current().slices.at(std::size_t(mark)); }

QString sliceShapeText(int mark) {
    static const char* const kTexts[kSliceMarks] = {
        QT_TRANSLATE_NOOP("PromptSlice", "circle"),        QT_TRANSLATE_NOOP("PromptSlice", "square"),
        QT_TRANSLATE_NOOP("PromptSlice", "diamond"),       QT_TRANSLATE_NOOP("PromptSlice", "triangle"),
        QT_TRANSLATE_NOOP("PromptSlice", "dashed circle"), QT_TRANSLATE_NOOP("PromptSlice", "corners"),
    };
    return QCoreApplication::translate("PromptSlice", kTexts[mark]);
}

void paintSliceMark(QPainter* painter, const QPointF& centre, double radius, int mark, const QColor& color) {
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    QPen pen(color, 1.8, Qt::SolidLine, Qt::FlatCap, Qt::MiterJoin);
    painter->setBrush(Qt::NoBrush);
    const double x = centre.x(), y = centre.y();
    const auto outline = [&](std::initializer_list<QPointF> corners) {
        painter->setPen(pen);
        painter->drawPolygon(QPolygonF(QList<QPointF>(corners)));
    };
    const double square = radius * 0.92;
    switch (mark) {
        case 1: outline({{x - square, y - square}, {x + square, y - square}, {x + square, y + square}, {x - square, y + square}}); break;
        case 2: outline({{x, y - 1.3 * radius}, {x + 1.3 * radius, y}, {x, y + 1.3 * radius}, {x - 1.3 * radius, y}}); break;
        case 3: outline({{x - 1.25 * radius, y - 0.85 * radius}, {x + 1.25 * radius, y - 0.85 * radius}, {x, y + 1.35 * radius}}); break;
        case 4:
            pen.setDashPattern({1.4, 1.2});
            painter->setPen(pen);
            painter->drawEllipse(centre, radius, radius);
            break;
        case 5: {
            painter->setPen(pen);
            const double arm = radius * 0.55;
            for (const auto& [sx, sy] : {std::pair(-1, -1), std::pair(1, -1), std::pair(1, 1), std::pair(-1, 1)}) {
                const QPointF corner(x + sx * square, y + sy * square);
                const QPointF ends[] = {corner - QPointF(sx * arm, 0.0), corner, corner - QPointF(0.0, sy * arm)};
                painter->drawPolyline(ends, 3);
            }
            break;
        }
        default:
            painter->setPen(pen);
            painter->drawEllipse(centre, radius, radius);
    }
    painter->restore();
}

QList<int> slicesBoth(const QList<int>& first, const QList<int>& second) {
    QList<int> result;
    std::set_intersection(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(result));
    return result;
}

QList<int> slicesAny(const QList<int>& first, const QList<int>& second) {
    QList<int> result;
    std::set_union(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(result));
    return result;
}

QList<int> slicesMinus(const QList<int>& first, const QList<int>& second) {
    QList<int> result;
    std::set_difference(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(result));
    return result;
}

}  // namespace safequant::widgets
