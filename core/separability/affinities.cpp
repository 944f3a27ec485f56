// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/affinities.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

#include "core/model/parallel.h"

namespace safequant {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kRowsAtOnce = 64;

/// The middle of a bracket that may still be open above.
double between(double low, double high) {
    return high == kInfinity ? 2.0 * low : 0.5 * (low + high);
}

void probabilitiesOf(const float* squared, std::size_t k, double logPerplexity, double* into) {
    constexpr int kSteps = 100;
    constexpr double kTolerance = 1e-5;
    const auto nearest = static_cast<double>(squared[0]);
    double mean = 0.0;
    for (std::size_t j = 0; j < k; ++j) mean += static_cast<double>(squared[j]) - nearest;
    mean /= static_cast<double>(k);
    if (!(mean > 0.0)) {
        std::fill(into, into + k, 1.0 / static_cast<double>(k));
        return;
    }
    double beta = 1.0 / mean;
    double low = 0.0;
    double high = kInfinity;
    double sum = 0.0;
    for (int step = 0; step < kSteps; ++step) {
        sum = 0.0;
        double weighted = 0.0;
        for (std::size_t j = 0; j < k; ++j) {
            const double distance = static_cast<double>(squared[j]) - nearest;
            into[j] = std::exp(-distance * beta);
            sum += into[j];
            weighted += distance * into[j];
        }
        const double difference = std::log(sum) + beta * weighted / sum - logPerplexity;
        if (std::abs(difference) <= kTolerance) break;
        (difference > 0.0 ? low : high) = beta;
        beta = between(low, high);
    }
    for (std::size_t j = 0; j < k; ++j) into[j] /= sum;
}

void strengthsOf(const float* squared, std::size_t k, double meanOfAll, double* into) {
    constexpr int kSteps = 64;
    constexpr double kTolerance = 1e-5;
    constexpr double kLeast = 1e-3;
    const double target = std::log2(static_cast<double>(k + 1));
    double mean = 0.0;
    double rho = 0.0;
    for (std::size_t j = 0; j < k; ++j) {
        into[j] = std::sqrt(static_cast<double>(squared[j]));
        mean += into[j];
        if (rho == 0.0) rho = into[j];
    }
    mean /= static_cast<double>(k + 1);
    double low = 0.0;
    double high = kInfinity;
    double sigma = 1.0;
    for (int step = 0; step < kSteps; ++step) {
        double sum = 0.0;
        for (std::size_t j = 0; j < k; ++j) sum += into[j] > rho ? std::exp(-(into[j] - rho) / sigma) : 1.0;
        if (std::abs(sum - target) < kTolerance) break;
        if (sum > target) {
            high = sigma;
            sigma = 0.5 * (low + high);
        } else {
            low = sigma;
            sigma = between(low, high);
        }
    }
    sigma = std::max(sigma, kLeast * (rho > 0.0 ? mean : meanOfAll));
    for (std::size_t j = 0; j < k; ++j)
        into[j] = into[j] <= rho || sigma == 0.0 ? 1.0 : std::exp(-(into[j] - rho) / sigma);
}

}  // namespace

std::vector<double> conditionalProbabilities(const NeighbourLists& lists, double perplexity) {
    if (!(perplexity > 0.0) || !(perplexity < static_cast<double>(lists.k)))
        throw std::invalid_argument("[conditionalProbabilities] got perplexity " + std::to_string(perplexity) +
                                    " and " + std::to_string(lists.k) +
                                    " neighbours, need a perplexity above 0 and below them");
    std::vector<double> values(lists.indices.size());
    parallelRows(lists.points(), kRowsAtOnce, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            probabilitiesOf(lists.squared.data() + i * lists.k, lists.k, std::log(perplexity),
                            values.data() + i * lists.k);
    });
    return values;
}

SparseGraph jointProbabilities(const NeighbourLists& lists, double perplexity) {
    auto values = conditionalProbabilities(lists, perplexity);
    const auto n = static_cast<double>(lists.points());
    for (double& value : values) value /= n;
    return symmetricGraph(lists, values, Symmetry::Mean);
}

std::vector<double> membershipStrengths(const NeighbourLists& lists) {
    double meanOfAll = 0.0;
    for (const float squared : lists.squared) meanOfAll += std::sqrt(static_cast<double>(squared));
    meanOfAll /= static_cast<double>(lists.points() * (lists.k + 1));
    std::vector<double> values(lists.indices.size());
    parallelRows(lists.points(), kRowsAtOnce, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            strengthsOf(lists.squared.data() + i * lists.k, lists.k, meanOfAll, values.data() + i * lists.k);
    });
    return values;
}

SparseGraph fuzzyGraph(const NeighbourLists& lists) {
    return symmetricGraph(lists, membershipStrengths(lists), Symmetry::FuzzyUnion);
}

}  // namespace safequant
