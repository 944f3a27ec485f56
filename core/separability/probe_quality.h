// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/statistics.h"

namespace safequant {

/// The probability of malicious that a probe's log-odds stand for.
double probabilityOf(double logit);

/// Prompts whose probability of being malicious, as a probe states it, lies in one bin.
struct ReliabilityBin {
    double low = 0.0, high = 1.0;   ///< Bounds of the bin; of bins of equal counts, the smallest and largest probability in it.
    double meanProbability = 0.0;   ///< Of its prompts; 0 when it has none.
    Rate malicious;                 ///< Share of its prompts that are malicious.
};

enum class Binning {
    EqualWidth,  ///< [0, 1] cut into equal parts; empty bins are kept.
    EqualCount,  ///< As many prompts in each as can be; equal probabilities are never parted, so there may be fewer bins.
};

/// The reliability curve of stated probabilities. `positive[i]`: malicious. Throws std::invalid_argument when sizes differ, a
/// probability is not in [0, 1] or there is no bin.
std::vector<ReliabilityBin> reliabilityBins(std::span<const double> probabilities, const std::vector<bool>& positive, int bins, Binning binning);

/// Expected calibration error: the mean over prompts of |share malicious - mean probability| of their bins (Naeini, Cooper and
/// Hauskrecht, AAAI 2015; Guo et al., arXiv 1706.04599, section 2, equation 3). 0 without prompts.
double expectedCalibrationError(std::span<const ReliabilityBin> bins);

/// Mean squared difference of probability and outcome, 1 for malicious (Brier 1950). 0 without prompts; sizes must agree.
double brierScore(std::span<const double> probabilities, const std::vector<bool>& positive);

/// What a threshold gives: called malicious when the score is at least `threshold`.
struct RocPoint {
    double threshold = 0.0;       ///< Infinite at the first point, which calls nothing malicious.
    double falsePositives = 0.0;  ///< Share of the benign called malicious.
    double truePositives = 0.0;   ///< Share of the malicious called malicious.
};

/// The ROC curve from (0, 0) to (1, 1), a point a distinct score (Fawcett 2006, algorithm 1); empty when a class is. The trapezoids
/// under it are areaUnderCurve. Throws std::invalid_argument when sizes differ.
std::vector<RocPoint> rocCurve(std::span<const double> scores, const std::vector<bool>& positive);

}  // namespace safequant
