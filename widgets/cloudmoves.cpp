// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/cloudmoves.h"

#include <QPainter>
#include <QPainterPath>
#include <QPolygonF>
#include <algorithm>
#include <cmath>

#include "widgets/format.h"
#include "widgets/projectionview.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kArrowShaft = 2.5;
constexpr double kArrowHalo = 2.0;      ///< Ground on either side, so that arrows stand out from marks.
constexpr double kArrowTip = 11.0;
constexpr double kArrowStart = 3.0;     ///< Radius.
constexpr double kDiamond = 6.5;

QPointF pointAt(const protocol::FloatArray& points, std::size_t row) {
    return {double(points.values[2 * row]), double(points.values[2 * row + 1])};
}

/// The outline of an arrow, or of its start alone where it has no length.
QPainterPath arrowPath(const QPointF& from, const QPointF& to) {
    QPainterPath path;
    path.setFillRule(Qt::WindingFill);
    path.addEllipse(from, kArrowStart, kArrowStart);
    const QPointF way = to - from;
    const double length = std::hypot(way.x(), way.y());
    if (length < kArrowStart) {
        return path;
    }
    const QPointF along = way / length;
    const QPointF across(-along.y(), along.x());
    // A short move keeps some of its shaft.
    const double head = std::min(kArrowTip, 0.6 * length);
    const QPointF neck = to - along * head;
    path.addPolygon(QPolygonF({from + across * kArrowShaft / 2.0, neck + across * kArrowShaft / 2.0, neck - across * kArrowShaft / 2.0, from - across * kArrowShaft / 2.0,
                               from + across * kArrowShaft / 2.0}));
    path.addPolygon(QPolygonF({neck + across * head * 0.5, to, neck - across * head * 0.5, neck + across * head * 0.5}));
    return path.simplified();
}

}  // namespace

std::vector<CloudMove> cloudMoves(const protocol::ProjectionResult& projection, const std::vector<protocol::PromptItem>& prompts) {
    std::vector<CloudMove> moves;
    const bool ownAxes = projection.probe == "refitted" && projection.kind == "probe";
    const std::size_t rows = std::min(projection.quantized.values.size(), projection.base.values.size()) / 2;
    if (rows == 0 || ownAxes || ProjectionView::isEmbedding(QString::fromStdString(projection.kind))) {
        return moves;
    }
    for (const char* label : kLabels) {
        CloudMove move;
        for (std::size_t row = 0; row < std::min(rows, projection.prompts.size()); ++row) {
            const auto prompt = std::size_t(projection.prompts[row]);
            if (prompt < prompts.size() && prompts[prompt].label == label) {
                move.from += pointAt(projection.base, row);
                move.to += pointAt(projection.quantized, row);
                ++move.count;
            }
        }
        if (move.count == 0) {
            continue;
        }
        move.label = QLatin1String(label);
        move.from /= move.count;
        move.to /= move.count;
        const int row = move.label == QLatin1String("malicious") ? 0 : move.label == QLatin1String("benign") ? 1 : -1;
        if (row >= 0 && projection.aligned.values.size() == 4) {
            move.aligned = pointAt(projection.aligned, std::size_t(row));
        }
        moves.push_back(move);
    }
    return moves;
}

void paintCloudMoves(QPainter* painter, const std::vector<CloudMove>& moves, const QRectF& plot, const std::function<QPointF(const QPointF&)>& toPixel) {
    const ThemeColors& colors = Theme::current();
    painter->save();
    painter->setClipRect(plot);
    for (const CloudMove& move : moves) {
        // A shade nearer to the text's, as marks of the same label lie under it.
        const QColor ink = Theme::blend(colors.text, colors.label(move.label), 0.35);
        const QPainterPath arrow = arrowPath(toPixel(move.from), toPixel(move.to));
        painter->setPen(QPen(colors.plot, 2.0 * kArrowHalo, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        painter->setBrush(Qt::NoBrush);
        painter->drawPath(arrow);
        painter->fillPath(arrow, ink);
        if (!move.aligned) {
            continue;
        }
        const QPointF place = toPixel(*move.aligned);
        const QPolygonF diamond({place + QPointF(0.0, -kDiamond), place + QPointF(kDiamond, 0.0), place + QPointF(0.0, kDiamond), place + QPointF(-kDiamond, 0.0)});
        painter->setPen(QPen(colors.plot, 2.0 * kArrowHalo + kArrowShaft));
        painter->drawPolygon(diamond);
        painter->setPen(QPen(ink, kArrowShaft));
        painter->drawPolygon(diamond);
    }
    painter->restore();
}

}  // namespace safequant::widgets
