// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/markstamp.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

namespace safequant::widgets {

namespace {

constexpr int kSteps = 4;  ///< Places within a pixel, each way.

/// Source over destination, both premultiplied; two channels at a time.
inline QRgb over(QRgb source, QRgb target) {
    const quint32 rest = 255U - (source >> 24U);
    quint32 even = (target & 0x00ff00ffU) * rest + 0x00800080U;
    even = ((even + ((even >> 8U) & 0x00ff00ffU)) >> 8U) & 0x00ff00ffU;
    quint32 odd = ((target >> 8U) & 0x00ff00ffU) * rest + 0x00800080U;
    odd = (odd + ((odd >> 8U) & 0x00ff00ffU)) & 0xff00ff00U;
    return source + (even | odd);
}

}  // namespace

MarkStamp::MarkStamp(double extent, double opacity, qreal devicePixelRatio, const std::function<void(QPainter*, const QPointF&)>& draw)
    : m_ratio(devicePixelRatio), m_size(2 * int(std::ceil((extent + 1.0) * devicePixelRatio)) + 1) {
    for (int step = 0; step < kSteps * kSteps; ++step) {
        QImage image(m_size, m_size, QImage::Format_ARGB32_Premultiplied);
        image.fill(Qt::transparent);
        QPainter painter(&image);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setOpacity(opacity);
        painter.scale(m_ratio, m_ratio);
        const QPointF place(m_size / 2 + double(step % kSteps) / kSteps, m_size / 2 + double(step / kSteps) / kSteps);
        draw(&painter, place / m_ratio);
        painter.end();
        Phase& phase = m_phases[std::size_t(step)];
        for (int y = 0; y < m_size; ++y) {
            const auto* line = reinterpret_cast<const QRgb*>(image.constScanLine(y));
            phase.pixels.insert(phase.pixels.end(), line, line + m_size);
            Line span{m_size, 0};
            for (int x = 0; x < m_size; ++x) {
                if (line[x] != 0) {
                    span.first = std::min(span.first, x);
                    span.end = x + 1;
                }
            }
            phase.lines.push_back(span);
        }
    }
}

void MarkStamp::put(QImage* target, const QRect& clip, const QPointF& centre) const {
    const auto x4 = int(std::lround(centre.x() * m_ratio * kSteps));
    const auto y4 = int(std::lround(centre.y() * m_ratio * kSteps));
    const int left = (x4 >> 2) - m_size / 2;
    const int top = (y4 >> 2) - m_size / 2;
    const Phase& phase = m_phases[std::size_t((y4 & 3) * kSteps + (x4 & 3))];
    const int firstLine = std::max(0, clip.top() - top);
    const int endLine = std::min(m_size, clip.bottom() + 1 - top);
    uchar* bits = target->bits();
    const auto stride = target->bytesPerLine();
    for (int y = firstLine; y < endLine; ++y) {
        const Line& span = phase.lines[std::size_t(y)];
        const int first = std::max(span.first, clip.left() - left);
        const int end = std::min(span.end, clip.right() + 1 - left);
        auto* out = reinterpret_cast<QRgb*>(bits + (top + y) * stride) + left;
        const QRgb* in = phase.pixels.data() + std::size_t(y) * std::size_t(m_size);
        for (int x = first; x < end; ++x) {
            out[x] = over(in[x], out[x]);
        }
    }
}

}  // namespace safequant::widgets
