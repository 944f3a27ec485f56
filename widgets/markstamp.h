// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QPointF>
#include <QRect>
#include <array>
#include <functional>
#include <vector>

class QPainter;

namespace safequant::widgets {

/// A small mark drawn once at sixteen places within a pixel and stamped many times: tens of thousands in the time of a frame.
class MarkStamp {
public:
    /// `extent`: how far the mark goes from its centre, in logical pixels. `draw` draws it around a centre with a painter that is
    /// antialiased and in logical pixels; the whole then has `opacity` (0 to 1).
    MarkStamp(double extent, double opacity, qreal devicePixelRatio, const std::function<void(QPainter*, const QPointF&)>& draw);

    /// Stamps the mark around a centre, in logical pixels, onto an image of Format_ARGB32_Premultiplied that has as many device pixels
    /// per logical one as the stamp. `clip` is in device pixels and inside the image.
    void put(QImage* target, const QRect& clip, const QPointF& centre) const;

private:
    struct Line {
        int first = 0, end = 0;  ///< Columns that are not transparent.
    };
    struct Phase {
        std::vector<QRgb> pixels;
        std::vector<Line> lines;
    };

    qreal m_ratio;
    int m_size;  ///< Device pixels a side.
    std::array<Phase, 16> m_phases;
};

}  // namespace safequant::widgets
