// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/statistics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>

#include "core/base/random.h"

namespace safequant {
namespace {

constexpr double kZ95 = 1.959963984540054;

/// For each score, the share of `others` below it, ties one half. `others` is sorted.
double placement(double score, const std::vector<double>& others) {
    const auto low = std::lower_bound(others.begin(), others.end(), score);
    const auto high = std::upper_bound(low, others.end(), score);
    const auto below = static_cast<double>(low - others.begin());
    const auto ties = static_cast<double>(high - low);
    return (below + 0.5 * ties) / static_cast<double>(others.size());
}

struct Placements {
    std::vector<double> ofPositives;
    std::vector<double> ofNegatives;
};

Placements placements(std::span<const double> scores, const std::vector<bool>& positive) {
    if (scores.size() != positive.size())
        throw std::invalid_argument("[areaUnderCurve] got " + std::to_string(scores.size()) + " scores and " +
                                    std::to_string(positive.size()) + " labels, need as many");
    std::vector<double> positives;
    std::vector<double> negatives;
    for (std::size_t i = 0; i < scores.size(); ++i) (positive[i] ? positives : negatives).push_back(scores[i]);
    Placements result;
    if (positives.empty() || negatives.empty()) return result;
    auto sortedPositives = positives;
    auto sortedNegatives = negatives;
    std::sort(sortedPositives.begin(), sortedPositives.end());
    std::sort(sortedNegatives.begin(), sortedNegatives.end());
    for (const double s : positives) result.ofPositives.push_back(placement(s, sortedNegatives));
    for (const double s : negatives) result.ofNegatives.push_back(1.0 - placement(s, sortedPositives));
    return result;
}

double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double variance(const std::vector<double>& values, double centre) {
    if (values.size() < 2) return 0.0;
    double sum = 0.0;
    for (const double v : values) sum += (v - centre) * (v - centre);
    return sum / static_cast<double>(values.size() - 1);
}

}  // namespace

Interval wilsonInterval(std::uint64_t count, std::uint64_t total, double z) {
    if (count > total) throw std::invalid_argument("[wilsonInterval] got a count above its total");
    if (total == 0) return {0.0, 1.0};
    const auto n = static_cast<double>(total);
    const double p = static_cast<double>(count) / n;
    const double z2 = z * z;
    const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    const double half = z / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    return {count == 0 ? 0.0 : std::max(0.0, centre - half), count == total ? 1.0 : std::min(1.0, centre + half)};
}

Rate rateOf(std::uint64_t count, std::uint64_t total) {
    Rate rate;
    rate.count = count;
    rate.total = total;
    rate.value = total == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(total);
    rate.wilson = wilsonInterval(count, total);
    return rate;
}

Interval clusterBootstrapMean(std::span<const double> values, std::span<const int> clusters, std::uint64_t seed, int resamples,
                              double level) {
    if (values.size() != clusters.size() || values.empty() || resamples < 1)
        throw std::invalid_argument("[clusterBootstrapMean] got " + std::to_string(values.size()) + " values and " +
                                    std::to_string(clusters.size()) + " clusters, need as many and at least one");
    struct Sum {
        double sum = 0.0;
        double count = 0.0;
    };
    std::map<int, Sum> byCluster;
    for (std::size_t i = 0; i < values.size(); ++i) {
        byCluster[clusters[i]].sum += values[i];
        byCluster[clusters[i]].count += 1.0;
    }
    std::vector<Sum> sums;
    for (const auto& [cluster, sum] : byCluster) sums.push_back(sum);
    RandomStream random(seed, "cluster-bootstrap");
    std::vector<double> means;
    means.reserve(static_cast<std::size_t>(resamples));
    for (int r = 0; r < resamples; ++r) {
        Sum total;
        for (std::size_t k = 0; k < sums.size(); ++k) {
            const auto& drawn = sums[random.below(sums.size())];
            total.sum += drawn.sum;
            total.count += drawn.count;
        }
        means.push_back(total.sum / total.count);
    }
    std::sort(means.begin(), means.end());
    const double tail = (1.0 - level) / 2.0;
    const auto at = [&](double q) {
        const double position = q * static_cast<double>(means.size() - 1);
        const auto index = static_cast<std::size_t>(position);
        const double rest = position - static_cast<double>(index);
        const double next = means[std::min(index + 1, means.size() - 1)];
        return means[index] + rest * (next - means[index]);
    };
    return {at(tail), at(1.0 - tail)};
}

double mcnemarExact(std::uint64_t onlyFirst, std::uint64_t onlySecond) {
    const std::uint64_t discordant = onlyFirst + onlySecond;
    const auto n = static_cast<double>(discordant);
    // By logarithms: the coefficients overflow from some thousand pairs on.
    double tail = 0.0;
    for (std::uint64_t k = 0; k <= std::min(onlyFirst, onlySecond); ++k) {
        const auto successes = static_cast<double>(k);
        tail += std::exp(std::lgamma(n + 1) - std::lgamma(successes + 1) - std::lgamma(n - successes + 1) - n * std::log(2.0));
    }
    return std::min(1.0, 2.0 * tail);
}

std::vector<double> holmAdjusted(std::span<const double> pValues) {
    std::vector<std::size_t> order(pValues.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return pValues[a] < pValues[b]; });
    std::vector<double> adjusted(pValues.size());
    double highest = 0.0;
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
        const double scaled = pValues[order[rank]] * static_cast<double>(order.size() - rank);
        highest = std::max(highest, std::min(1.0, scaled));
        adjusted[order[rank]] = highest;
    }
    return adjusted;
}

double cohenKappa(std::span<const int> first, std::span<const int> second) {
    if (first.size() != second.size() || first.empty())
        throw std::invalid_argument("[cohenKappa] got " + std::to_string(first.size()) + " and " + std::to_string(second.size()) +
                                    " ratings, need as many and at least one");
    std::map<int, std::pair<double, double>> counts;
    double agreed = 0.0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        counts[first[i]].first += 1.0;
        counts[second[i]].second += 1.0;
        if (first[i] == second[i]) agreed += 1.0;
    }
    const auto n = static_cast<double>(first.size());
    double chance = 0.0;
    for (const auto& [category, count] : counts) chance += count.first * count.second;
    // In counts, so that certainty is found exactly.
    return (agreed * n - chance) / (n * n - chance);
}

double areaUnderCurve(std::span<const double> scores, const std::vector<bool>& positive) {
    const auto p = placements(scores, positive);
    return p.ofPositives.empty() ? 0.5 : mean(p.ofPositives);
}

Interval areaUnderCurveInterval(std::span<const double> scores, const std::vector<bool>& positive) {
    const auto p = placements(scores, positive);
    if (p.ofPositives.empty()) return {0.0, 1.0};
    const double area = mean(p.ofPositives);
    const double spread = std::sqrt(variance(p.ofPositives, area) / static_cast<double>(p.ofPositives.size()) +
                                    variance(p.ofNegatives, area) / static_cast<double>(p.ofNegatives.size()));
    return {std::max(0.0, area - kZ95 * spread), std::min(1.0, area + kZ95 * spread)};
}

}  // namespace safequant
