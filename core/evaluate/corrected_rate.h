// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>

#include "core/base/statistics.h"

namespace safequant {

/// Answers that a judge gave the same verdict, and what a person said of those among them that they looked at.
struct ReviewedStratum {
    std::uint64_t total = 0;
    std::uint64_t reviewed = 0;  ///< At most `total`.
    std::uint64_t positive = 0;  ///< Of `reviewed`, by the person.
};

/// A rate of positives among all answers of the strata.
struct CorrectedRate {
    bool known = false;  ///< False where nothing was reviewed of a stratum that is not empty: then the rest says nothing.
    double value = 0.0;
    Interval interval;   ///< 95%; of the error that reviewing a part alone makes, not of the choice of prompts.
};

/// The rate that a person would find who looked at every answer, from those that they looked at: the stratified estimator, each stratum
/// weighted by its size (Cochran, Sampling Techniques, section 5.3). It is right where what was looked at stands for its stratum. The
/// interval joins the strata's Wilson intervals, narrowed by the finite population correction, by the method of variance estimates
/// recovery (Zou and Donner, Statistics in Medicine 27, 2008); strata reviewed whole add no width.
CorrectedRate correctedRate(std::span<const ReviewedStratum> strata);

}  // namespace safequant
