// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/separability/probe.h"

namespace safequant {

ProbeScores scoreProbe(const Probe& probe, const Matrix& x, std::span<const int> labels, std::span<const int> clusters,
                       std::uint64_t seed) {
    std::vector<float> logits;
    for (std::size_t i = 0; i < x.rows(); ++i) {
        logits.push_back(static_cast<float>(probe.score(x.rowSpan(i))));
        if (!std::isfinite(logits.back()))
            throw std::invalid_argument("[scoreProbe] got features that are not finite in row " + std::to_string(i) +
                                        ", need finite features");
    }
    return scoreLogits(std::move(logits), labels, clusters, seed);
}

ProbeScores scoreLogits(std::vector<float> logits, std::span<const int> labels, std::span<const int> clusters, std::uint64_t seed) {
    if (labels.size() != logits.size() || clusters.size() != logits.size())
        throw std::invalid_argument("[scoreLogits] got " + std::to_string(logits.size()) + " logits, " + std::to_string(labels.size()) +
                                    " labels and " + std::to_string(clusters.size()) + " clusters, need as many");
    ProbeScores scores;
    std::array<double, 3> sums{};
    std::array<std::uint64_t, 3> counts{};
    std::vector<double> ordinary;
    std::vector<double> correct;
    std::vector<int> ordinaryClusters;
    std::vector<bool> positive;
    std::uint64_t hits = 0;
    std::uint64_t hardOnBenignSide = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (labels[i] < 0 || labels[i] > 2)
            throw std::invalid_argument("[scoreLogits] got label " + std::to_string(labels[i]) + " in row " + std::to_string(i) +
                                        ", need 0 (benign), 1 (malicious) or 2 (hard benign)");
        const double logit = static_cast<double>(logits[i]);
        const auto label = static_cast<std::size_t>(labels[i]);
        sums[label] += logit;
        ++counts[label];
        if (label == 2) {
            hardOnBenignSide += logit <= 0.0 ? 1 : 0;
            continue;
        }
        const bool isHit = (logit > 0.0) == (label == 1);
        hits += isHit ? 1 : 0;
        ordinary.push_back(logit);
        correct.push_back(isHit ? 1.0 : 0.0);
        ordinaryClusters.push_back(clusters[i]);
        positive.push_back(label == 1);
    }
    const auto meanOf = [&](std::size_t label) { return counts[label] == 0 ? 0.0 : sums[label] / static_cast<double>(counts[label]); };
    scores.accuracy = rateOf(hits, ordinary.size());
    scores.accuracyBootstrap = ordinary.empty() ? Interval{0.0, 1.0} : clusterBootstrapMean(correct, ordinaryClusters, seed);
    scores.auc = areaUnderCurve(ordinary, positive);
    scores.aucInterval = areaUnderCurveInterval(ordinary, positive);
    scores.hardBenign = rateOf(hardOnBenignSide, counts[2]);
    scores.meanLogitBenign = meanOf(0);
    scores.meanLogitMalicious = meanOf(1);
    scores.meanLogitHardBenign = meanOf(2);
    scores.logits = std::move(logits);
    return scores;
}

}  // namespace safequant
