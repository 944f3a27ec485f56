// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/guestpoints.h"

#include <QPainter>
#include <QRectF>

#include "widgets/theme.h"

namespace safequant::widgets {

namespace {
constexpr double kRadius = 8.0;
}

std::vector<GuestMark> guestMarks(const std::vector<GuestPoint>& points, bool quantized, bool open) {
    std::vector<GuestMark> marks;
    for (const GuestPoint& point : points) {
        if (const auto& place = quantized ? point.quantized : point.base) {
            marks.push_back({point.mark, *place, open});
        }
    }
    return marks;
}

void paintGuests(QPainter* painter, const std::vector<GuestMark>& marks, const QRectF& plot, const std::function<QPointF(const QPointF&)>& toPixel) {
    const ThemeColors& colors = Theme::current();
    painter->setFont(Theme::font(TextRole::SmallStrong));
    for (const GuestMark& mark : marks) {
        const QPointF place = toPixel(mark.position);
        if (!plot.contains(place)) {
            continue;
        }
        painter->setPen(QPen(mark.open ? colors.text : colors.plot, 1.5));
        painter->setBrush(mark.open ? colors.plot : colors.text);
        painter->drawEllipse(place, kRadius, kRadius);
        painter->setPen(mark.open ? colors.text : colors.plot);
        painter->drawText(QRectF(place - QPointF(kRadius, kRadius), QSizeF(2.0 * kRadius, 2.0 * kRadius)), Qt::AlignCenter, mark.mark);
    }
}

}  // namespace safequant::widgets
