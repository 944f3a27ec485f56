// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/projection.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "core/separability/discriminant.h"
#include "core/separability/labels.h"
#include "core/separability/lanczos.h"
#include "core/separability/principal.h"

namespace safequant {
namespace {

void requireMatrix(const Matrix& x, const char* caller) {
    if (x.rows() < 3 || x.cols() < 2)
        throw std::invalid_argument("[" + std::string(caller) + "] got " + std::to_string(x.rows()) + " rows and " +
                                    std::to_string(x.cols()) + " features, need at least 3 rows and 2 features");
    for (std::size_t i = 0; i < x.rows(); ++i)
        for (const float value : x.rowSpan(i))
            if (!std::isfinite(value))
                throw std::invalid_argument("[" + std::string(caller) + "] got " + std::to_string(value) + " in row " +
                                            std::to_string(i) + ", need finite features");
}

std::vector<float> narrowed(const std::vector<double>& values, std::size_t count) {
    std::vector<float> result(count);
    for (std::size_t j = 0; j < count; ++j) result[j] = static_cast<float>(values[j]);
    return result;
}

ProjectionAxes axesOf(ProjectionKind kind, const CentredRows& rows, const std::vector<double>& axis1) {
    const auto axis2 = leadingDirection(rows, {axis1});
    ProjectionAxes axes;
    axes.kind = kind;
    axes.centre = narrowed(rows.mean(), rows.features());
    axes.axis1 = narrowed(axis1, rows.features());
    axes.axis2 = narrowed(axis2, rows.features());
    axes.boundary = std::numeric_limits<float>::quiet_NaN();
    if (rows.totalVariance() > 0.0) {
        axes.explained1 = static_cast<float>(rows.varianceAlong(axis1) / rows.totalVariance());
        axes.explained2 = static_cast<float>(rows.varianceAlong(axis2) / rows.totalVariance());
    }
    return axes;
}

struct ClassMeans {
    std::vector<double> positive, negative;  // Of centred rows, [stride].
};

ClassMeans classMeans(const CentredRows& rows, const std::vector<bool>& positive) {
    ClassMeans means{std::vector<double>(rows.stride(), 0.0), std::vector<double>(rows.stride(), 0.0)};
    double counts[2] = {0.0, 0.0};
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        auto& mean = positive[i] ? means.positive : means.negative;
        ++counts[positive[i] ? 1 : 0];
        for (std::size_t j = 0; j < rows.features(); ++j) mean[j] += rows.row(i)[j];
    }
    for (std::size_t j = 0; j < rows.features(); ++j) {
        means.negative[j] /= counts[0];
        means.positive[j] /= counts[1];
    }
    return means;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0.0;
    for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
    return sum;
}

/// Difference of the class means as a unit vector, or the first principal component where the means are the same.
std::vector<double> meanDirection(const CentredRows& rows, const std::vector<bool>& positive) {
    const auto means = classMeans(rows, positive);
    std::vector<double> direction(rows.stride());
    for (std::size_t j = 0; j < direction.size(); ++j) direction[j] = means.positive[j] - means.negative[j];
    return normalise(direction) ? direction : leadingDirection(rows, {});
}

}  // namespace

const char* projectionKindName(ProjectionKind kind) {
    switch (kind) {
        case ProjectionKind::Probe:
            return "probe";
        case ProjectionKind::Lda:
            return "lda";
        case ProjectionKind::Pca:
            break;
    }
    return "pca";
}

ProjectionAxes fitPca(const Matrix& x) {
    requireMatrix(x, "fitPca");
    const CentredRows rows(x);
    return axesOf(ProjectionKind::Pca, rows, leadingDirection(rows, {}));
}

ProjectionAxes fitLda(const Matrix& x, const std::vector<bool>& positive) {
    requireMatrix(x, "fitLda");
    requireTwoClasses(positive, x.rows(), "fitLda");
    const CentredRows rows(x);
    auto direction = shrunkDiscriminant(x, positive);
    direction.resize(rows.stride(), 0.0);
    if (!normalise(direction)) direction = meanDirection(rows, positive);
    auto axes = axesOf(ProjectionKind::Lda, rows, direction);
    const auto means = classMeans(rows, positive);
    axes.boundary = static_cast<float>(0.5 * (product(means.positive, direction) + product(means.negative, direction)));
    return axes;
}

ProjectionAxes fitProbeAxes(const Matrix& x, const std::vector<bool>& positive, const Probe& probe) {
    requireMatrix(x, "fitProbeAxes");
    requireTwoClasses(positive, x.rows(), "fitProbeAxes");
    if (probe.weights.size() != x.cols())
        throw std::invalid_argument("[fitProbeAxes] got a probe of " + std::to_string(probe.weights.size()) +
                                    " weights, need " + std::to_string(x.cols()));
    const CentredRows rows(x);
    std::vector<double> weights(rows.stride(), 0.0);
    for (std::size_t j = 0; j < x.cols(); ++j) weights[j] = static_cast<double>(probe.weights[j]);
    auto direction = weights;
    if (!normalise(direction)) return axesOf(ProjectionKind::Probe, rows, meanDirection(rows, positive));
    auto axes = axesOf(ProjectionKind::Probe, rows, direction);
    const double length = product(weights, direction);
    axes.boundary = static_cast<float>(-(probe.intercept + product(weights, rows.mean())) / length);
    return axes;
}

Matrix project(const ProjectionAxes& axes, const Matrix& x) {
    if (axes.centre.size() != x.cols() || axes.axis1.size() != x.cols() || axes.axis2.size() != x.cols())
        throw std::invalid_argument("[project] got " + std::to_string(x.cols()) + " features, need the " +
                                    std::to_string(axes.centre.size()) + " of the axes");
    Matrix points(x.rows(), 2);
    for (std::size_t i = 0; i < x.rows(); ++i) {
        double along1 = 0.0;
        double along2 = 0.0;
        for (std::size_t j = 0; j < x.cols(); ++j) {
            const double centred = static_cast<double>(x(i, j)) - static_cast<double>(axes.centre[j]);
            along1 += centred * static_cast<double>(axes.axis1[j]);
            along2 += centred * static_cast<double>(axes.axis2[j]);
        }
        points(i, 0) = static_cast<float>(along1);
        points(i, 1) = static_cast<float>(along2);
    }
    return points;
}

}  // namespace safequant
