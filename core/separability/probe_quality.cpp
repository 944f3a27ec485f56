// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/probe_quality.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

namespace safequant {
namespace {

void checkSizes(const char* function, std::size_t values, std::size_t labels) {
    if (values != labels)
        throw std::invalid_argument(std::string("[") + function + "] got " + std::to_string(values) + " values and " + std::to_string(labels) +
                                    " labels, need as many");
}

std::vector<std::size_t> sortedIndices(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    return order;
}

/// The bin of prompts `order[first, last)`.
ReliabilityBin binOf(std::span<const double> probabilities, const std::vector<bool>& positive, std::span<const std::size_t> members) {
    ReliabilityBin bin;
    std::uint64_t malicious = 0;
    for (const std::size_t i : members) {
        bin.meanProbability += probabilities[i];
        malicious += positive[i] ? 1 : 0;
    }
    if (!members.empty()) bin.meanProbability /= static_cast<double>(members.size());
    bin.malicious = rateOf(malicious, members.size());
    return bin;
}

}  // namespace

double probabilityOf(double logit) { return 1.0 / (1.0 + std::exp(-logit)); }

std::vector<ReliabilityBin> reliabilityBins(std::span<const double> probabilities, const std::vector<bool>& positive, int bins, Binning binning) {
    checkSizes("reliabilityBins", probabilities.size(), positive.size());
    if (bins < 1) throw std::invalid_argument("[reliabilityBins] got " + std::to_string(bins) + " bins, need at least one");
    for (const double p : probabilities)
        if (!(p >= 0.0 && p <= 1.0)) throw std::invalid_argument("[reliabilityBins] got a probability of " + std::to_string(p) + ", need 0 to 1");
    const auto order = sortedIndices(probabilities);
    const std::span<const std::size_t> all(order);
    const auto count = static_cast<std::size_t>(bins);
    std::vector<ReliabilityBin> result;
    std::size_t first = 0;
    for (std::size_t b = 0; b < count; ++b) {
        std::size_t last = first;
        if (binning == Binning::EqualWidth) {
            const double low = static_cast<double>(b) / bins, high = static_cast<double>(b + 1) / bins;
            while (last < order.size() && (b + 1 == count || probabilities[order[last]] < high)) ++last;
            auto bin = binOf(probabilities, positive, all.subspan(first, last - first));
            bin.low = low;
            bin.high = high;
            result.push_back(bin);
        } else {
            last = std::max(first, (b + 1) * order.size() / count);
            while (last > first && last < order.size() && probabilities[order[last]] == probabilities[order[last - 1]]) ++last;
            if (last == first) continue;
            auto bin = binOf(probabilities, positive, all.subspan(first, last - first));
            bin.low = probabilities[order[first]];
            bin.high = probabilities[order[last - 1]];
            result.push_back(bin);
        }
        first = last;
    }
    return result;
}

double expectedCalibrationError(std::span<const ReliabilityBin> bins) {
    double error = 0.0, prompts = 0.0;
    for (const ReliabilityBin& bin : bins) {
        const auto count = static_cast<double>(bin.malicious.total);
        error += count * std::fabs(bin.malicious.value - bin.meanProbability);
        prompts += count;
    }
    return prompts > 0.0 ? error / prompts : 0.0;
}

double brierScore(std::span<const double> probabilities, const std::vector<bool>& positive) {
    checkSizes("brierScore", probabilities.size(), positive.size());
    double sum = 0.0;
    for (std::size_t i = 0; i < probabilities.size(); ++i) {
        const double difference = probabilities[i] - (positive[i] ? 1.0 : 0.0);
        sum += difference * difference;
    }
    return probabilities.empty() ? 0.0 : sum / static_cast<double>(probabilities.size());
}

std::vector<RocPoint> rocCurve(std::span<const double> scores, const std::vector<bool>& positive) {
    checkSizes("rocCurve", scores.size(), positive.size());
    const auto positives = static_cast<double>(std::count(positive.begin(), positive.end(), true));
    const double negatives = static_cast<double>(positive.size()) - positives;
    if (positives == 0.0 || negatives == 0.0) return {};
    std::vector<RocPoint> curve{{std::numeric_limits<double>::infinity(), 0.0, 0.0}};
    const auto order = sortedIndices(scores);
    double hits = 0.0, alarms = 0.0;
    for (std::size_t i = order.size(); i-- > 0;) {
        (positive[order[i]] ? hits : alarms) += 1.0;
        if (i > 0 && scores[order[i - 1]] == scores[order[i]]) continue;
        curve.push_back({scores[order[i]], alarms / negatives, hits / positives});
    }
    return curve;
}

}  // namespace safequant
