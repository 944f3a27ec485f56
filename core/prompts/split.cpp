// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/split.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "core/base/random.h"

namespace safequant {
namespace {

constexpr std::size_t kLabels = 3;
using Counts = std::array<double, kLabels>;

}  // namespace

void splitByClusters(std::vector<Prompt>& prompts, const std::vector<bool>& unsplit, const PromptSplitOptions& options) {
    struct Cluster {
        std::vector<std::size_t> members;  // Without a split.
        Counts counts{};
        bool follows = false;
        PromptSplit split = PromptSplit::Calibration;
    };
    const double ratio = options.calibration;
    if (!(ratio > 0.0 && ratio < 1.0))
        throw std::invalid_argument("[splitByClusters] got the share " + std::to_string(ratio) + ", need one between 0 and 1");
    const auto stratum = [&](const Prompt& prompt) { return options.stratified ? static_cast<std::size_t>(prompt.label) : 0; };
    int clusterCount = 0;
    for (const auto& prompt : prompts) clusterCount = std::max(clusterCount, prompt.cluster + 1);
    std::vector<Cluster> clusters(static_cast<std::size_t>(clusterCount));
    Counts surplus{};  // Calibration prompts over their share of all that are placed.
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        auto& cluster = clusters[static_cast<std::size_t>(prompts[i].cluster)];
        if (unsplit[i]) {
            cluster.members.push_back(i);
            cluster.counts[stratum(prompts[i])] += 1.0;
            continue;
        }
        surplus[stratum(prompts[i])] += prompts[i].split == PromptSplit::Calibration ? 1.0 - ratio : -ratio;
        if (!cluster.follows) {
            cluster.follows = true;
            cluster.split = prompts[i].split;
        }
    }

    RandomStream random(options.seed, "prompt-split");
    random.shuffle(clusters);
    // The large ones first: the many small ones even out what they leave.
    std::stable_sort(clusters.begin(), clusters.end(), [](const auto& a, const auto& b) {
        return a.follows != b.follows ? a.follows : a.members.size() > b.members.size();
    });
    for (auto& cluster : clusters) {
        if (cluster.members.empty()) continue;
        if (!cluster.follows) {
            // Squared surplus after calibration less that after evaluation.
            double worse = 0.0;
            for (std::size_t l = 0; l < kLabels; ++l)
                worse += cluster.counts[l] * (2.0 * surplus[l] + (1.0 - 2.0 * ratio) * cluster.counts[l]);
            const bool calibration = worse == 0.0 ? random.below(2) == 0 : worse < 0.0;
            cluster.split = calibration ? PromptSplit::Calibration : PromptSplit::Evaluation;
        }
        const double weight = cluster.split == PromptSplit::Calibration ? 1.0 - ratio : -ratio;
        for (std::size_t l = 0; l < kLabels; ++l) surplus[l] += weight * cluster.counts[l];
        for (const auto i : cluster.members) prompts[i].split = cluster.split;
    }
}

}  // namespace safequant
