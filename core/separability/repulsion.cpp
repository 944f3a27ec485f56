// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/repulsion.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/base/cpu.h"
#include "core/model/parallel.h"

namespace safequant {
namespace {

using Lanes = float __attribute__((vector_size(64)));
constexpr std::size_t kLanes = 16;

#define SAFEQUANT_INLINE __attribute__((always_inline)) inline

/// Sums over all of `xs`, `ys` (a multiple of 16, padded with points so far away that they add nothing) for one point,
/// itself included.
SAFEQUANT_INLINE void sumsBody(const float* xs, const float* ys, std::size_t count, float x, float y, double* sums) {
    constexpr std::size_t kStretch = 64 * kLanes;
    for (std::size_t begin = 0; begin < count; begin += kStretch) {
        Lanes forceX{};
        Lanes forceY{};
        Lanes total{};
        for (std::size_t j = begin; j < std::min(count, begin + kStretch); j += kLanes) {
            Lanes dx, dy;
            std::memcpy(&dx, xs + j, sizeof(Lanes));
            std::memcpy(&dy, ys + j, sizeof(Lanes));
            dx = x - dx;
            dy = y - dy;
            const Lanes w = 1.0F / (1.0F + dx * dx + dy * dy);
            const Lanes squared = w * w;
            total += w;
            forceX += squared * dx;
            forceY += squared * dy;
        }
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            sums[0] += static_cast<double>(forceX[lane]);
            sums[1] += static_cast<double>(forceY[lane]);
            sums[2] += static_cast<double>(total[lane]);
        }
    }
}

using Sums = void (*)(const float* xs, const float* ys, std::size_t count, float x, float y, double* sums);

void sumsPlain(const float* xs, const float* ys, std::size_t count, float x, float y, double* sums) {
    sumsBody(xs, ys, count, x, y, sums);
}
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void sumsAvx2(const float* xs, const float* ys, std::size_t count, float x, float y,
                                                  double* sums) {
    sumsBody(xs, ys, count, x, y, sums);
}
__attribute__((target("avx512f,avx512vl,avx512dq"))) void sumsAvx512(const float* xs, const float* ys,
                                                                     std::size_t count, float x, float y,
                                                                     double* sums) {
    sumsBody(xs, ys, count, x, y, sums);
}
#endif
#undef SAFEQUANT_INLINE

Sums bestSums() {
#if defined(__x86_64__)
    if (cpuHasAvx512()) return &sumsAvx512;
    if (cpuHasAvx2()) return &sumsAvx2;
#endif
    return &sumsPlain;
}

constexpr std::size_t kOrder = 6;
/// Nodes at each edge that splines of points at the edge reach.
constexpr std::size_t kMargin = 4;
constexpr double kSpacing = 0.375;

/// Values and derivatives of the quintic B-splines at the six nodes around a point, `t` in [0, 1) from the third of
/// them (de Boor's recursion).
void splineWeights(double t, float* values, float* slopes) {
    double lower[kOrder] = {1.0 - t, t};
    for (std::size_t degree = 2; degree < kOrder; ++degree) {
        double next[kOrder] = {};
        const auto d = static_cast<double>(degree);
        if (degree == kOrder - 1)
            for (std::size_t i = 0; i < kOrder; ++i)
                slopes[i] = static_cast<float>((i > 0 ? lower[i - 1] : 0.0) - (i < degree ? lower[i] : 0.0));
        for (std::size_t i = 0; i <= degree; ++i) {
            const double left = i > 0 ? (t + d - static_cast<double>(i)) * lower[i - 1] : 0.0;
            const double right = i < degree ? (static_cast<double>(i) + 1.0 - t) * lower[i] : 0.0;
            next[i] = (left + right) / d;
        }
        std::copy_n(next, kOrder, lower);
    }
    for (std::size_t i = 0; i < kOrder; ++i) values[i] = static_cast<float>(lower[i]);
}

/// Undoes the smoothing of both splines, which spread and gather, at a frequency of the transform of length n.
double inverseSpline(double frequency, double n) {
    const double angle = 2.0 * std::numbers::pi * frequency / n;
    const double spline = (66.0 + 52.0 * std::cos(angle) + 2.0 * std::cos(2.0 * angle)) / 120.0;
    return 1.0 / (spline * spline);
}

}  // namespace

double exactRepulsion(std::span<const float> points, std::span<float> forces) {
    static const Sums sumsOf = bestSums();
    constexpr float kFar = 1e15F;
    const std::size_t n = points.size() / 2;
    const std::size_t padded = (n + kLanes - 1) / kLanes * kLanes;
    std::vector<float> xs(padded, kFar), ys(padded, kFar);
    for (std::size_t i = 0; i < n; ++i) {
        xs[i] = points[2 * i];
        ys[i] = points[2 * i + 1];
    }
    std::vector<double> totals(n);
    parallelRows(n, std::max<std::size_t>(1, 200000 / std::max<std::size_t>(n, 1)),
                 [&](std::size_t begin, std::size_t end) {
                     for (std::size_t i = begin; i < end; ++i) {
                         double sums[3] = {};
                         sumsOf(xs.data(), ys.data(), padded, xs[i], ys[i], sums);
                         forces[2 * i] = static_cast<float>(sums[0]);
                         forces[2 * i + 1] = static_cast<float>(sums[1]);
                         totals[i] = sums[2] - 1.0;
                     }
                 });
    double total = 0.0;
    for (const double value : totals) total += value;
    return total;
}

double MeshRepulsion::operator()(std::span<const float> points, std::span<float> forces) {
    const std::size_t n = points.size() / 2;
    double low[2] = {static_cast<double>(points[0]), static_cast<double>(points[1])};
    double high[2] = {low[0], low[1]};
    for (std::size_t i = 0; i < 2 * n; ++i) {
        low[i % 2] = std::min(low[i % 2], static_cast<double>(points[i]));
        high[i % 2] = std::max(high[i % 2], static_cast<double>(points[i]));
    }
    const double extent = std::max(high[0] - low[0], high[1] - low[1]);
    // The spacing cannot grow without losing close pairs: points strewn beyond the largest grid are taken pair by pair.
    if (!(extent / kSpacing + 1.0 + 2.0 * kMargin < static_cast<double>(PlaneConvolution::kMostNodes)))
        return exactRepulsion(points, forces);
    const std::size_t side = PlaneConvolution::sideFor(static_cast<std::size_t>(extent / kSpacing) + 1 + 2 * kMargin);
    if (!m_convolution || m_convolution->side() != side) {
        const auto length = static_cast<double>(2 * side);
        m_convolution = std::make_unique<PlaneConvolution>(
            side, [](double u, double v) { return 1.0 / (1.0 + kSpacing * kSpacing * (u * u + v * v)); },
            [length](double frequency) { return inverseSpline(frequency, length); });
        m_field = Matrix(side, side);
    }
    m_weights.resize(n * 4 * kOrder);
    m_first.resize(2 * n);
    parallelRows(n, 1024, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            for (std::size_t axis = 0; axis < 2; ++axis) {
                const double place =
                    (static_cast<double>(points[2 * i + axis]) - low[axis]) / kSpacing + static_cast<double>(kMargin);
                const double node = std::floor(place);
                m_first[2 * i + axis] = static_cast<int>(node) - 2;
                float* weights = m_weights.data() + (4 * i + 2 * axis) * kOrder;
                splineWeights(place - node, weights, weights + kOrder);
            }
    });
    std::fill_n(m_field.data(), m_field.size(), 0.0F);
    for (std::size_t i = 0; i < n; ++i) {
        const float* wx = m_weights.data() + 4 * i * kOrder;
        const float* wy = wx + 2 * kOrder;
        for (std::size_t r = 0; r < kOrder; ++r) {
            float* row = m_field.row(static_cast<std::size_t>(m_first[2 * i + 1]) + r) + m_first[2 * i];
            for (std::size_t c = 0; c < kOrder; ++c) row[c] += wy[r] * wx[c];
        }
    }
    m_convolution->apply(m_field);
    std::vector<double> potentials(n);
    parallelRows(n, 1024, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const float* wx = m_weights.data() + 4 * i * kOrder;
            const float* sx = wx + kOrder;
            const float* wy = sx + kOrder;
            const float* sy = wy + kOrder;
            float potential = 0.0F;
            float alongX = 0.0F;
            float alongY = 0.0F;
            for (std::size_t r = 0; r < kOrder; ++r) {
                const float* row = m_field.row(static_cast<std::size_t>(m_first[2 * i + 1]) + r) + m_first[2 * i];
                float value = 0.0F;
                float slope = 0.0F;
                for (std::size_t c = 0; c < kOrder; ++c) {
                    value += wx[c] * row[c];
                    slope += sx[c] * row[c];
                }
                potential += wy[r] * value;
                alongX += wy[r] * slope;
                alongY += sy[r] * value;
            }
            // The force is minus half the gradient of the potential sum_j w.
            constexpr auto scale = static_cast<float>(-0.5 / kSpacing);
            forces[2 * i] = scale * alongX;
            forces[2 * i + 1] = scale * alongY;
            potentials[i] = static_cast<double>(potential) - 1.0;
        }
    });
    // Every force has its counterforce: what their sum is not zero by is rounding of a potential far larger than its
    // slopes.
    for (std::size_t axis = 0; axis < 2; ++axis) {
        double sum = 0.0;
        for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(forces[2 * i + axis]);
        const auto mean = static_cast<float>(sum / static_cast<double>(n));
        for (std::size_t i = 0; i < n; ++i) forces[2 * i + axis] -= mean;
    }
    double total = 0.0;
    for (const double value : potentials) total += value;
    return total;
}

}  // namespace safequant
