// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/densitymap.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace safequant::widgets {

namespace {

constexpr int kRadius = 2;  ///< Of one box, in bins.
constexpr int kBoxes = 3;

/// Means over a running window; beyond the ends there is nothing.
void boxAlongRows(const float* in, float* out, int width, int height) {
    constexpr float kScale = 1.0F / (2 * kRadius + 1);
    for (int y = 0; y < height; ++y) {
        const float* line = in + std::size_t(y) * std::size_t(width);
        float* result = out + std::size_t(y) * std::size_t(width);
        float sum = 0.0F;
        for (int x = 0; x < std::min(kRadius, width); ++x) {
            sum += line[x];
        }
        for (int x = 0; x < width; ++x) {
            sum += x + kRadius < width ? line[x + kRadius] : 0.0F;
            result[x] = sum * kScale;
            sum -= x >= kRadius ? line[x - kRadius] : 0.0F;
        }
    }
}

void boxAlongColumns(const float* in, float* out, int width, int height) {
    constexpr float kScale = 1.0F / (2 * kRadius + 1);
    const auto stride = std::size_t(width);
    std::vector<float> sums(stride, 0.0F);
    for (int y = 0; y < std::min(kRadius, height); ++y) {
        for (std::size_t x = 0; x < stride; ++x) {
            sums[x] += in[std::size_t(y) * stride + x];
        }
    }
    for (int y = 0; y < height; ++y) {
        float* result = out + std::size_t(y) * stride;
        if (y + kRadius < height) {
            const float* entering = in + std::size_t(y + kRadius) * stride;
            for (std::size_t x = 0; x < stride; ++x) {
                sums[x] += entering[x];
            }
        }
        for (std::size_t x = 0; x < stride; ++x) {
            result[x] = sums[x] * kScale;
        }
        if (y >= kRadius) {
            const float* leaving = in + std::size_t(y - kRadius) * stride;
            for (std::size_t x = 0; x < stride; ++x) {
                sums[x] -= leaving[x];
            }
        }
    }
}

/// The cube root of 0 to 1, from a table: a frame needs one a bin.
float cubeRoot(float share) {
    static const auto table = [] {
        std::array<float, 1026> roots{};
        for (std::size_t at = 0; at < roots.size(); ++at) {
            roots[at] = std::cbrt(float(at) / 1024.0F);
        }
        return roots;
    }();
    // The root of a small share is an eighth of that of 512 times as much: where the curve is steep the table stays fine.
    const bool small = share < 1.0F / 512.0F;
    const float place = share * (small ? 512.0F * 1024.0F : 1024.0F);
    const auto below = std::size_t(place);
    const float root = table[below] + (table[below + 1] - table[below]) * (place - float(below));
    return small ? root / 8.0F : root;
}

}  // namespace

DensityMap::DensityMap(const QRectF& area, int kinds)
    : m_area(area),
      m_width(std::max(1, int(std::ceil(area.width() / kBin)))),
      m_height(std::max(1, int(std::ceil(area.height() / kBin)))),
      m_bins(std::size_t(kinds), std::vector<float>(std::size_t(m_width) * std::size_t(m_height), 0.0F)) {}

void DensityMap::blur(std::vector<float>& bins) const {
    std::vector<float> other(bins.size());
    for (int box = 0; box < kBoxes; ++box) {
        boxAlongRows(bins.data(), other.data(), m_width, m_height);
        boxAlongColumns(other.data(), bins.data(), m_width, m_height);
    }
}

QImage DensityMap::image(const std::vector<QColor>& colors, const std::vector<double>& opacities) {
    float densest = 0.0F;
    for (std::vector<float>& bins : m_bins) {
        blur(bins);
        densest = std::max(densest, *std::max_element(bins.begin(), bins.end()));
    }
    QImage image(m_width, m_height, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    if (densest <= 0.0F) {
        return image;
    }
    const float scale = 1.0F / densest;
    for (int y = 0; y < m_height; ++y) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
        for (int x = 0; x < m_width; ++x) {
            const std::size_t at = std::size_t(y) * std::size_t(m_width) + std::size_t(x);
            float weight = 0.0F, red = 0.0F, green = 0.0F, blue = 0.0F, clear = 1.0F;
            for (std::size_t kind = 0; kind < m_bins.size(); ++kind) {
                // Running sums leave a trace of rounding, below or above zero, where there is nothing.
                const float share = m_bins[kind][at] * scale;
                if (share < 1e-6F) {
                    continue;
                }
                const float alpha = cubeRoot(std::min(share, 1.0F)) * float(opacities[kind]);
                weight += alpha;
                red += alpha * float(colors[kind].red());
                green += alpha * float(colors[kind].green());
                blue += alpha * float(colors[kind].blue());
                clear *= 1.0F - alpha;
            }
            if (weight > 0.0F) {
                const float factor = (1.0F - clear) / weight;
                line[x] = qRgba(int(red * factor + 0.5F), int(green * factor + 0.5F), int(blue * factor + 0.5F),
                                int((1.0F - clear) * 255.0F + 0.5F));
            }
        }
    }
    return image;
}

}  // namespace safequant::widgets
