// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QString>
#include <functional>
#include <optional>
#include <vector>

class QPainter;
class QRectF;

namespace safequant::widgets {

/// A point that is none of the run's prompts, where each model has it.
struct GuestPoint {
    QString mark;  ///< A number: what stands in the mark.
    std::optional<QPointF> base, quantized;
};

/// One mark of a pane, in the axes' units.
struct GuestMark {
    QString mark;
    QPointF position;
    bool open = false;  ///< Of the base model in an overlay.
};

/// The marks of one model's points; `open` as GuestMark has it.
std::vector<GuestMark> guestMarks(const std::vector<GuestPoint>& points, bool quantized, bool open = false);
/// Draws numbered discs, those outside `plot` left out.
void paintGuests(QPainter* painter, const std::vector<GuestMark>& marks, const QRectF& plot, const std::function<QPointF(const QPointF&)>& toPixel);

}  // namespace safequant::widgets
