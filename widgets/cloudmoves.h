// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QString>
#include <functional>
#include <optional>
#include <vector>

#include "core/engine/protocol/messages.h"

class QPainter;
class QRectF;

namespace safequant::widgets {

/// How the prompts of a label moved as a whole, from the base model's mean place to the quantized one's.
struct CloudMove {
    QString label;
    QPointF from, to;
    std::optional<QPointF> aligned;  ///< Mean place in the aligned model, where the run has its signature.
    int count = 0;
};

/// Moves of a projection, one a label that has points; none without both models, or where places say nothing of movement: on axes of their own,
/// and in embeddings.
std::vector<CloudMove> cloudMoves(const protocol::ProjectionResult& projection, const std::vector<protocol::PromptItem>& prompts);

/// An arrow for each move, and a diamond at the aligned model's place.
void paintCloudMoves(QPainter* painter, const std::vector<CloudMove>& moves, const QRectF& plot, const std::function<QPointF(const QPointF&)>& toPixel);

}  // namespace safequant::widgets
