// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/statistics.h"

namespace safequant {

/// Yes or no on every item of one measure, for one model.
struct MeasuredItems {
    std::string measure;                        ///< "harmful score", say.
    std::map<std::string, bool> items;          ///< By the item's id.
    std::map<std::string, int> clusters;        ///< Near-duplicate cluster of each item; an item without one stands alone.
};

/// Two models on the items that both have.
struct PairedComparison {
    std::string measure, first, second;
    Rate firstRate, secondRate;
    double difference = 0.0;                         ///< second - first.
    Interval interval;                               ///< 95%, bootstrap over clusters, seeded.
    double p = 1.0;                                  ///< McNemar, exact.
    double pHolm = 1.0;                              ///< Corrected over all rows of the table.
    std::vector<std::string> onlyFirst, onlySecond;  ///< Flips: ids with yes by one model alone.
    std::uint64_t unpaired = 0;                      ///< Items that one of the two lacks, left out.
};

/// Compares two models on one measure. The ids of `first` and `second` must be of the same items. Without a common item all
/// rates are of 0 and p is 1.
PairedComparison comparePaired(const std::string& firstName, const MeasuredItems& first, const std::string& secondName,
                               const MeasuredItems& second, std::uint64_t seed);
/// Holm's correction over the rows of one table, those without any item left out.
void correctForNumber(std::vector<PairedComparison>& rows);

nlohmann::json toJson(const PairedComparison& row);

}  // namespace safequant
