// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/tsne.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <string>

#include "core/base/progress.h"
#include "core/model/parallel.h"
#include "core/separability/affinities.h"
#include "core/separability/projection.h"
#include "core/separability/repulsion.h"

namespace safequant {
namespace {

constexpr std::size_t kExactPoints = 4000;
constexpr std::size_t kRowsAtOnce = 64;

/// Gradient over 4 from P and the repulsion of the same positions.
class Objective {
public:
    Objective(const SparseGraph& p, bool exact) : m_p(p), m_exact(exact), m_divergences(p.nodes()) {}

    /// The divergence is only summed up when asked for: its logarithms cost as much as the forces.
    double gradient(std::span<const float> points, double exaggeration, std::span<float> into, bool divergence) {
        const std::size_t n = m_p.nodes();
        const double total = std::max(m_exact ? exactRepulsion(points, into) : m_mesh(points, into), 1e-300);
        const auto repulsionScale = static_cast<float>(1.0 / total);
        const auto attractionScale = static_cast<float>(exaggeration);
        parallelRows(n, kRowsAtOnce, [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) {
                const float x = points[2 * i];
                const float y = points[2 * i + 1];
                float alongX = 0.0F;
                float alongY = 0.0F;
                double sum = 0.0;
                for (std::size_t e = m_p.offsets[i]; e < m_p.offsets[i + 1]; ++e) {
                    const std::size_t j = m_p.columns[e];
                    const float dx = x - points[2 * j];
                    const float dy = y - points[2 * j + 1];
                    const float w = 1.0F / (1.0F + dx * dx + dy * dy);
                    const float force = m_p.values[e] * w;
                    alongX += force * dx;
                    alongY += force * dy;
                    if (divergence) {
                        const auto p = static_cast<double>(m_p.values[e]);
                        sum += p * std::log(p * total / static_cast<double>(w));
                    }
                }
                into[2 * i] = attractionScale * alongX - repulsionScale * into[2 * i];
                into[2 * i + 1] = attractionScale * alongY - repulsionScale * into[2 * i + 1];
                m_divergences[i] = sum;
            }
        });
        double result = 0.0;
        for (const double value : m_divergences) result += value;
        return result;
    }

private:
    const SparseGraph& m_p;
    bool m_exact;
    MeshRepulsion m_mesh;
    std::vector<double> m_divergences;
};

/// Positions and what gradient descent with momentum and gains (Jacobs 1988) remembers of them.
class Descent {
public:
    explicit Descent(Matrix start)
        : m_points(std::move(start)),
          m_update(m_points.size(), 0.0F),
          m_gain(m_points.size(), 1.0F),
          m_gradient(m_points.size()) {}

    Matrix& points() { return m_points; }

    /// Gains begin anew with each phase, as the gradient's size does.
    void beginPhase() {
        std::fill(m_update.begin(), m_update.end(), 0.0F);
        std::fill(m_gain.begin(), m_gain.end(), 1.0F);
    }

    double step(Objective& objective, double exaggeration, const TsneOptions& options, bool divergence) {
        const std::size_t n = m_points.rows();
        const double result = objective.gradient(m_points.span(), exaggeration, m_gradient, divergence);
        const auto rate = static_cast<float>(static_cast<double>(n) / exaggeration);
        const auto momentum = static_cast<float>(options.momentum);
        const auto longest = static_cast<float>(options.maxStep);
        float* points = m_points.data();
        double centre[2] = {0.0, 0.0};
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t c = 2 * i; c < 2 * i + 2; ++c) {
                const bool turned = (m_update[c] < 0.0F) == (m_gradient[c] < 0.0F);
                m_gain[c] = std::max(turned ? m_gain[c] * 0.8F : m_gain[c] + 0.2F, 0.01F);
                m_update[c] = momentum * m_update[c] - rate * m_gain[c] * m_gradient[c];
            }
            const float length = std::hypot(m_update[2 * i], m_update[2 * i + 1]);
            const float shorter = length > longest ? longest / length : 1.0F;
            for (std::size_t c = 0; c < 2; ++c) {
                m_update[2 * i + c] *= shorter;
                points[2 * i + c] += m_update[2 * i + c];
                centre[c] += static_cast<double>(points[2 * i + c]);
            }
        }
        for (std::size_t c = 0; c < 2; ++c) {
            const auto mean = static_cast<float>(centre[c] / static_cast<double>(n));
            for (std::size_t i = 0; i < n; ++i) points[2 * i + c] -= mean;
        }
        return result;
    }

private:
    Matrix m_points;
    std::vector<float> m_update, m_gain, m_gradient;
};

void requireOptions(const TsneOptions& options) {
    const bool sensible = options.perplexity >= 1.0 && options.exaggeratedSteps >= 0 && options.steps >= 0 &&
                          options.exaggeration >= 1.0 && options.momentum >= 0.0 && options.momentum < 1.0 &&
                          options.maxStep > 0.0;
    if (!sensible)
        throw std::invalid_argument(
            "[embedTsne] got perplexity " + std::to_string(options.perplexity) + ", exaggeration " +
            std::to_string(options.exaggeration) + ", momentum " + std::to_string(options.momentum) +
            ", need at least 1, at least 1 and 0 to 1, steps of 0 or more and a positive longest step");
}

}  // namespace

Matrix principalStart(const Matrix& x) {
    constexpr double kDeviation = 1e-4;
    auto points = project(fitPca(x), x);
    double squares = 0.0;
    for (std::size_t i = 0; i < points.rows(); ++i)
        squares += static_cast<double>(points(i, 0)) * static_cast<double>(points(i, 0));
    const double deviation = std::sqrt(squares / static_cast<double>(points.rows()));
    const auto scale = static_cast<float>(deviation > 0.0 ? kDeviation / deviation : 0.0);
    for (float& value : points.span()) value *= scale;
    return points;
}

double tsneGradient(const SparseGraph& p, std::span<const float> points, double exaggeration, bool exact,
                    std::span<float> gradient) {
    return Objective(p, exact).gradient(points, exaggeration, gradient, true);
}

Expected<Embedding> embedTsne(const Matrix& x, const TsneOptions& options, const EmbeddingWatch& watch) {
    requireOptions(options);
    const std::size_t n = x.rows();
    if (!(3.0 * options.perplexity < static_cast<double>(n) - 1.0)) {
        std::ostringstream message;
        message << "Perplexity " << options.perplexity << " looks at " << 3.0 * options.perplexity
                << " neighbours of a point, and there are " << n << " points. ";
        // The largest whole perplexity with 3 * perplexity < n - 1.
        if (n >= 5)
            message << "Choose at most " << (n - 2) / 3 << ".";
        else
            message << "t-SNE needs at least 5 points: use PCA.";
        return fail(ErrorKind::BadInput, message.str(), "perplexity");
    }
    const auto k = std::min(n - 1, static_cast<std::size_t>(3.0 * options.perplexity) + 1);
    const auto lists = nearestNeighbours(x, k, watch.stop);
    if (lists.k == 0) return fail(cancelledError());
    const auto p = jointProbabilities(lists, options.perplexity);
    if (watch.stop.stop_requested()) return fail(cancelledError());
    return embedTsne(p, principalStart(x), options, watch);
}

Expected<Embedding> embedTsne(const SparseGraph& p, Matrix start, const TsneOptions& options,
                              const EmbeddingWatch& watch) {
    requireOptions(options);
    if (start.rows() != p.nodes() || start.cols() != 2)
        throw std::invalid_argument("[embedTsne] got " + std::to_string(start.rows()) + " first positions, need " +
                                    std::to_string(p.nodes()) + " in two dimensions");
    const bool exact = options.repulsion == TsneOptions::Repulsion::Exact ||
                       (options.repulsion == TsneOptions::Repulsion::Auto && p.nodes() <= kExactPoints);
    Objective objective(p, exact);
    Descent descent(std::move(start));
    Embedding result;
    const int steps = options.exaggeratedSteps + options.steps;
    for (int step = 0; step < steps; ++step) {
        if (watch.stop.stop_requested()) return fail(cancelledError());
        if (step == options.exaggeratedSteps) descent.beginPhase();
        descent.step(objective, step < options.exaggeratedSteps ? options.exaggeration : 1.0, options, false);
        if (watch.frame) watch.frame({step + 1, steps, descent.points().span()});
    }
    std::vector<float> gradient(descent.points().size());
    result.divergence = objective.gradient(descent.points().span(), 1.0, gradient, true);
    result.points = std::move(descent.points());
    result.steps = steps;
    return result;
}

}  // namespace safequant
