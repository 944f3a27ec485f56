// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QImage>
#include <QRectF>
#include <vector>

namespace safequant::widgets {

/// How densely points of several kinds lie in a part of the screen: counted in bins of two pixels, blurred (three boxes in a row, close to
/// a Gaussian of 5 pixels), and painted with an opacity that grows with the cube root of the density, as perceived lightness does. Where
/// kinds mix, so do their colours; none covers another.
class DensityMap {
public:
    /// `area` in logical pixels.
    DensityMap(const QRectF& area, int kinds);

    /// A point of a kind at a place in logical pixels; outside the area it is left out.
    void add(int kind, const QPointF& pixel) {
        const int x = int((pixel.x() - m_area.left()) / kBin);
        const int y = int((pixel.y() - m_area.top()) / kBin);
        if (pixel.x() >= m_area.left() && pixel.y() >= m_area.top() && x < m_width && y < m_height) {
            m_bins[std::size_t(kind)][std::size_t(y) * std::size_t(m_width) + std::size_t(x)] += 1.0F;
        }
    }

    /// One pixel a bin; colours and the greatest opacities (0 to 1) by kind.
    QImage image(const std::vector<QColor>& colors, const std::vector<double>& opacities);
    /// Where the image belongs: whole bins, which may reach beyond the area.
    QRectF area() const { return {m_area.topLeft(), QSizeF(m_width, m_height) * kBin}; }

private:
    static constexpr double kBin = 2.0;

    void blur(std::vector<float>& bins) const;

    QRectF m_area;
    int m_width, m_height;
    std::vector<std::vector<float>> m_bins;  ///< By kind, row by row.
};

}  // namespace safequant::widgets
