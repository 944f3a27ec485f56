// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/corrected_rate.h"

#include <algorithm>
#include <cmath>

namespace safequant {

CorrectedRate correctedRate(std::span<const ReviewedStratum> strata) {
    double all = 0.0;
    for (const auto& stratum : strata) all += static_cast<double>(stratum.total);
    CorrectedRate corrected;
    corrected.interval = {0.0, 1.0};
    if (all == 0.0) return corrected;
    double below = 0.0, above = 0.0;
    for (const auto& stratum : strata) {
        if (stratum.total == 0) continue;
        if (stratum.reviewed == 0) return {false, 0.0, {0.0, 1.0}};
        const double total = static_cast<double>(stratum.total);
        const double reviewed = static_cast<double>(stratum.reviewed);
        const Rate rate = rateOf(stratum.positive, stratum.reviewed);
        const double weight = total / all;
        const double left = total > 1.0 ? (total - reviewed) / (total - 1.0) : 0.0;
        corrected.value += weight * rate.value;
        below += left * std::pow(weight * (rate.value - rate.wilson.low), 2);
        above += left * std::pow(weight * (rate.wilson.high - rate.value), 2);
    }
    corrected.known = true;
    corrected.interval = {std::max(corrected.value - std::sqrt(below), 0.0), std::min(corrected.value + std::sqrt(above), 1.0)};
    return corrected;
}

}  // namespace safequant
