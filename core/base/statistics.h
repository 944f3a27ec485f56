// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace safequant {

/// A 95% interval, or any other at the level asked for.
struct Interval {
    double low = 0.0;
    double high = 0.0;
};

/// A rate with its counts and Wilson interval.
struct Rate {
    std::uint64_t count = 0;
    std::uint64_t total = 0;
    double value = 0.0;  ///< count / total, 0 when total is 0.
    Interval wilson;     ///< 95%; [0, 1] when total is 0.
};

/// Wilson score interval of a binomial rate. `z` = 1.959964 is 95%. Total 0 gives [0, 1].
Interval wilsonInterval(std::uint64_t count, std::uint64_t total, double z = 1.959963984540054);

/// Rate with its 95% Wilson interval.
Rate rateOf(std::uint64_t count, std::uint64_t total);

/// Percentile interval of the mean of `values` under resampling of whole clusters with replacement (a cluster's items stay
/// together). `clusters[i]` is the cluster of item i, any number. Deterministic in `seed`. Sizes must agree and not be 0.
Interval clusterBootstrapMean(std::span<const double> values, std::span<const int> clusters, std::uint64_t seed,
                              int resamples = 2000, double level = 0.95);

/// Exact two-sided McNemar test of paired yes-or-no outcomes: the binomial probability, at one half, of a split of the discordant
/// pairs at least as uneven as `onlyFirst` against `onlySecond`. 1 without discordant pairs.
double mcnemarExact(std::uint64_t onlyFirst, std::uint64_t onlySecond);

/// p-values adjusted for their number by Holm's step-down procedure (1979), in their order.
std::vector<double> holmAdjusted(std::span<const double> pValues);

/// Cohen's kappa (1960) of two raters over the same items, categories numbered in any way. NaN when agreement by chance is certain
/// (both raters use one and the same category throughout). Sizes must agree and not be 0.
double cohenKappa(std::span<const int> first, std::span<const int> second);

/// Area under the ROC curve by Mann-Whitney, ties count one half. `positive[i]` tells the class. 0.5 when a class is empty.
double areaUnderCurve(std::span<const double> scores, const std::vector<bool>& positive);

/// DeLong (1988) 95% interval of the same area, clamped to [0, 1].
Interval areaUnderCurveInterval(std::span<const double> scores, const std::vector<bool>& positive);

}  // namespace safequant
