// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/umap.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/cpu.h"
#include "core/base/progress.h"
#include "core/base/random.h"
#include "core/separability/affinities.h"
#include "core/separability/spectral_layout.h"

namespace safequant {
namespace {

constexpr std::size_t kFewPoints = 10000;
constexpr std::size_t kLanes = 8;
using Lanes = float __attribute__((vector_size(32)));
using IntLanes = std::int32_t __attribute__((vector_size(32)));

#define SAFEQUANT_INLINE __attribute__((always_inline)) inline

/// x^exponent of positive numbers, relative error below 1e-5: logarithm and exponential to the base 2 by polynomials.
SAFEQUANT_INLINE void power(Lanes& x, float exponent) {
    const IntLanes bits = reinterpret_cast<IntLanes>(x);
    // Mantissa in [sqrt(1/2), sqrt(2)).
    const IntLanes shifted = (bits - 0x3f3504f3) >> 23;
    const Lanes mantissa = reinterpret_cast<Lanes>(bits - (shifted << 23));
    const Lanes t = (mantissa - 1.0F) / (mantissa + 1.0F);
    const Lanes t2 = t * t;
    const Lanes series = t * (2.88539008F + t2 * (0.961796694F + t2 * (0.577078016F + t2 * 0.434249F)));
    Lanes y = (__builtin_convertvector(shifted, Lanes) + series) * exponent;
    y = y > 126.0F ? Lanes{} + 126.0F : y;
    y = y < -126.0F ? Lanes{} - 126.0F : y;
    // Rounded to the nearest whole number by a number so large that no digits are left behind the point.
    const Lanes whole = (y + 12582912.0F) - 12582912.0F;
    const Lanes f = y - whole;
    const Lanes fraction =
        1.0F +
        f * (0.693147182F + f * (0.240226462F + f * (0.0555032721F + f * (0.00961812911F + f * 0.00133335581F))));
    x = fraction * reinterpret_cast<Lanes>((__builtin_convertvector(whole, IntLanes) + 127) << 23);
}

/// Pull and push along an edge of UMAP's cross entropy.
struct Forces {
    float a, b, gamma;

    /// Factor of (x_i - x_j) in the step towards a neighbour at these squared distances (positive).
    SAFEQUANT_INLINE void pull(Lanes& squared) const {
        Lanes withB = squared;
        power(withB, b);
        squared = (-2.0F * a * b) * withB / (squared * (a * withB + 1.0F));
    }
    /// The same away from a point that is none.
    SAFEQUANT_INLINE void push(Lanes& squared) const {
        Lanes withB = squared;
        power(withB, b);
        squared = (2.0F * gamma * b) / ((0.001F + squared) * (a * withB + 1.0F));
    }
};

float clipped(float step) {
    return std::clamp(step, -4.0F, 4.0F);
}

/// An edge and when it is next due, in epochs.
struct Edge {
    std::uint32_t head, tail;
    float period, due, negativePeriod, negativeDue;
};

std::vector<Edge> edgesOf(const SparseGraph& graph, int epochs, int negatives) {
    float strongest = 0.0F;
    for (const float value : graph.values) strongest = std::max(strongest, value);
    std::vector<Edge> edges;
    for (std::size_t i = 0; i < graph.nodes(); ++i)
        for (std::size_t e = graph.offsets[i]; e < graph.offsets[i + 1]; ++e) {
            // Edges that would not come up once are left out.
            if (graph.values[e] * static_cast<float>(epochs) < strongest) continue;
            const float period = strongest / graph.values[e];
            const float negative = negatives > 0 ? period / static_cast<float>(negatives) : 0.0F;
            edges.push_back({static_cast<std::uint32_t>(i), graph.columns[e], period, period, negative, negative});
        }
    return edges;
}

/// Whole numbers below n, several times as fast as unbiased ones; the bias is n / 2^32.
class FastIndices {
public:
    FastIndices(std::uint64_t seed, std::size_t n) : m_random(seed, "umap-negatives"), m_points(n) {}

    std::size_t next() {
        if (m_left == 0) {
            m_bits = m_random.next();
            m_left = 2;
        }
        const std::uint64_t low = m_bits & 0xffffffffU;
        m_bits >>= 32;
        --m_left;
        return static_cast<std::size_t>(low * m_points >> 32);
    }

private:
    RandomStream m_random;
    std::uint64_t m_points, m_bits = 0;
    int m_left = 0;
};

SAFEQUANT_INLINE void epochBody(std::vector<Edge>& edges, float* points, FastIndices& indices, const Forces& forces,
                                float rate, float epoch, bool negatives) {
    for (Edge& edge : edges) {
        if (edge.due > epoch) continue;
        edge.due += edge.period;
        float* head = points + 2 * edge.head;
        float* tail = points + 2 * edge.tail;
        const float dx = head[0] - tail[0];
        const float dy = head[1] - tail[1];
        const float squared = dx * dx + dy * dy;
        if (squared > 0.0F) {
            Lanes factor = Lanes{} + squared;
            forces.pull(factor);
            const float stepX = rate * clipped(factor[0] * dx);
            const float stepY = rate * clipped(factor[0] * dy);
            head[0] += stepX;
            head[1] += stepY;
            tail[0] -= stepX;
            tail[1] -= stepY;
        }
        if (!negatives) continue;
        int count = static_cast<int>((epoch - edge.negativeDue) / edge.negativePeriod);
        edge.negativeDue += static_cast<float>(std::max(count, 0)) * edge.negativePeriod;
        // Up to eight points push at once, from where the head is.
        for (; count > 0; count -= static_cast<int>(kLanes)) {
            Lanes fromX{};
            Lanes fromY{};
            Lanes apart = Lanes{} + 1.0F;
            const auto lanes = std::min(static_cast<std::size_t>(count), kLanes);
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                const float* other = points + 2 * indices.next();
                fromX[lane] = head[0] - other[0];
                fromY[lane] = head[1] - other[1];
            }
            apart = fromX * fromX + fromY * fromY;
            // Points at the same place push nowhere.
            Lanes factor = apart > 0.0F ? apart : Lanes{} + 1.0F;
            forces.push(factor);
            fromX *= factor;
            fromY *= factor;
            float stepX = 0.0F;
            float stepY = 0.0F;
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                stepX += clipped(fromX[lane]);
                stepY += clipped(fromY[lane]);
            }
            head[0] += rate * stepX;
            head[1] += rate * stepY;
        }
    }
}

using Epoch = void (*)(std::vector<Edge>& edges, float* points, FastIndices& indices, const Forces& forces, float rate,
                       float epoch, bool negatives);

void epochPlain(std::vector<Edge>& edges, float* points, FastIndices& indices, const Forces& forces, float rate,
                float epoch, bool negatives) {
    epochBody(edges, points, indices, forces, rate, epoch, negatives);
}
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void epochAvx2(std::vector<Edge>& edges, float* points, FastIndices& indices,
                                                   const Forces& forces, float rate, float epoch, bool negatives) {
    epochBody(edges, points, indices, forces, rate, epoch, negatives);
}
#endif
#undef SAFEQUANT_INLINE

Epoch bestEpoch() {
#if defined(__x86_64__)
    if (cpuHasAvx2()) return &epochAvx2;
#endif
    return &epochPlain;
}

void requireOptions(const UmapOptions& options) {
    const bool sensible = options.neighbours >= 2 && options.spread > 0.0 && options.minDistance >= 0.0 &&
                          options.minDistance <= options.spread && options.epochs >= 0 && options.negatives >= 0 &&
                          options.repulsion >= 0.0 && options.learningRate > 0.0;
    if (!sensible)
        throw std::invalid_argument(
            "[embedUmap] got " + std::to_string(options.neighbours) + " neighbours, minimum distance " +
            std::to_string(options.minDistance) + " and spread " + std::to_string(options.spread) +
            ", need at least 2, and 0 <= minimum distance <= spread; counts and rates must not be negative");
}

/// Each axis from 0 to 10, as the descent's step sizes expect.
void fillSquare(Matrix& points) {
    constexpr float kSide = 10.0F;
    for (std::size_t c = 0; c < 2; ++c) {
        float low = points(0, c);
        float high = low;
        for (std::size_t i = 0; i < points.rows(); ++i) {
            low = std::min(low, points(i, c));
            high = std::max(high, points(i, c));
        }
        const float scale = high > low ? kSide / (high - low) : 0.0F;
        for (std::size_t i = 0; i < points.rows(); ++i) points(i, c) = (points(i, c) - low) * scale;
    }
}

}  // namespace

std::pair<double, double> fitUmapCurve(double minDistance, double spread) {
    constexpr int kSamples = 300;
    constexpr int kSteps = 200;
    double a = 1.0;
    double b = 1.0;
    // Levenberg and Marquardt on two parameters.
    const auto system = [&](double tryA, double tryB, double* normal) {
        double error = 0.0;
        std::fill_n(normal, 5, 0.0);
        for (int s = 0; s < kSamples; ++s) {
            const double d = 3.0 * spread * s / (kSamples - 1);
            const double target = d < minDistance ? 1.0 : std::exp(-(d - minDistance) / spread);
            const double powered = d > 0.0 ? std::pow(d, 2.0 * tryB) : 0.0;
            const double value = 1.0 / (1.0 + tryA * powered);
            const double byA = -powered * value * value;
            const double byB = d > 0.0 ? -tryA * powered * 2.0 * std::log(d) * value * value : 0.0;
            const double residual = target - value;
            error += residual * residual;
            normal[0] += byA * byA;
            normal[1] += byA * byB;
            normal[2] += byB * byB;
            normal[3] += byA * residual;
            normal[4] += byB * residual;
        }
        return error;
    };
    double normal[5];
    double error = system(a, b, normal);
    double damping = 1e-3;
    for (int step = 0; step < kSteps; ++step) {
        const double n00 = normal[0] * (1.0 + damping);
        const double n11 = normal[2] * (1.0 + damping);
        const double determinant = n00 * n11 - normal[1] * normal[1];
        const double stepA = (n11 * normal[3] - normal[1] * normal[4]) / determinant;
        const double stepB = (n00 * normal[4] - normal[1] * normal[3]) / determinant;
        double tried[5];
        const double newError = system(a + stepA, b + stepB, tried);
        if (!(newError < error)) {
            if (damping > 1e12) break;
            damping *= 10.0;
            continue;
        }
        a += stepA;
        b += stepB;
        error = newError;
        std::copy_n(tried, 5, normal);
        damping *= 0.1;
    }
    return {a, b};
}

Expected<Embedding> embedUmap(const Matrix& x, const UmapOptions& options, const EmbeddingWatch& watch) {
    requireOptions(options);
    const std::size_t n = x.rows();
    const auto neighbours = static_cast<std::size_t>(options.neighbours);
    if (n < 3)
        return fail(ErrorKind::BadInput, "UMAP needs at least 3 points, and there are " + std::to_string(n) + ".",
                    "neighbours");
    if (neighbours > n)
        return fail(ErrorKind::BadInput,
                    "There are " + std::to_string(n) + " points, too few for " + std::to_string(neighbours) +
                        " neighbours. Choose at most " + std::to_string(n) + ".",
                    "neighbours");
    const auto lists = nearestNeighbours(x, neighbours - 1, watch.stop);
    if (lists.k == 0) return fail(cancelledError());
    const auto graph = fuzzyGraph(lists);
    if (watch.stop.stop_requested()) return fail(cancelledError());
    return embedUmap(graph, spectralLayout(graph, x, options.seed), options, watch);
}

Expected<Embedding> embedUmap(const SparseGraph& graph, Matrix start, const UmapOptions& options,
                              const EmbeddingWatch& watch) {
    requireOptions(options);
    const std::size_t n = graph.nodes();
    if (start.rows() != n || start.cols() != 2 || n == 0)
        throw std::invalid_argument("[embedUmap] got " + std::to_string(start.rows()) + " first positions, need " +
                                    std::to_string(n) + " in two dimensions");
    static const Epoch runEpoch = bestEpoch();
    const int epochs = options.epochs > 0 ? options.epochs : n <= kFewPoints ? 500 : 200;
    const auto [a, b] = fitUmapCurve(options.minDistance, options.spread);
    const Forces forces{static_cast<float>(a), static_cast<float>(b), static_cast<float>(options.repulsion)};
    auto edges = edgesOf(graph, epochs, options.negatives);
    FastIndices indices(options.seed, n);
    Embedding result;
    result.points = std::move(start);
    fillSquare(result.points);
    for (int epoch = 0; epoch < epochs; ++epoch) {
        if (watch.stop.stop_requested()) return fail(cancelledError());
        const double rate = options.learningRate * (1.0 - static_cast<double>(epoch) / epochs);
        runEpoch(edges, result.points.data(), indices, forces, static_cast<float>(rate), static_cast<float>(epoch),
                 options.negatives > 0);
        if (watch.frame) watch.frame({epoch + 1, epochs, result.points.span()});
    }
    result.steps = epochs;
    return result;
}

}  // namespace safequant
