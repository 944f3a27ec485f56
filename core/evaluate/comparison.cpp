// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/comparison.h"

namespace safequant {
namespace {

nlohmann::json rateJson(const Rate& rate) {
    return {{"count", rate.count}, {"total", rate.total}, {"value", rate.value}, {"interval", {rate.wilson.low, rate.wilson.high}}};
}

}  // namespace

PairedComparison comparePaired(const std::string& firstName, const MeasuredItems& first, const std::string& secondName,
                               const MeasuredItems& second, std::uint64_t seed) {
    PairedComparison row;
    row.measure = first.measure;
    row.first = firstName;
    row.second = secondName;
    std::vector<double> differences;
    std::vector<int> clusters;
    std::uint64_t firstCount = 0, secondCount = 0;
    int alone = -1;
    for (const auto& [id, before] : first.items) {
        const auto other = second.items.find(id);
        if (other == second.items.end()) continue;
        const bool after = other->second;
        firstCount += before ? 1 : 0;
        secondCount += after ? 1 : 0;
        if (before && !after) row.onlyFirst.push_back(id);
        if (after && !before) row.onlySecond.push_back(id);
        differences.push_back((after ? 1.0 : 0.0) - (before ? 1.0 : 0.0));
        const auto cluster = first.clusters.find(id);
        clusters.push_back(cluster == first.clusters.end() || cluster->second < 0 ? alone-- : cluster->second);
    }
    row.unpaired = first.items.size() + second.items.size() - 2 * differences.size();
    row.firstRate = rateOf(firstCount, differences.size());
    row.secondRate = rateOf(secondCount, differences.size());
    row.difference = row.secondRate.value - row.firstRate.value;
    if (differences.empty()) return row;
    row.interval = clusterBootstrapMean(differences, clusters, seed);
    row.p = mcnemarExact(row.onlyFirst.size(), row.onlySecond.size());
    return row;
}

void correctForNumber(std::vector<PairedComparison>& rows) {
    std::vector<double> pValues;
    for (const auto& row : rows)
        if (row.firstRate.total > 0) pValues.push_back(row.p);
    const auto adjusted = holmAdjusted(pValues);
    std::size_t next = 0;
    for (auto& row : rows)
        if (row.firstRate.total > 0) row.pHolm = adjusted[next++];
}

nlohmann::json toJson(const PairedComparison& row) {
    return {{"measure", row.measure},
            {"first", row.first},
            {"second", row.second},
            {"first_rate", rateJson(row.firstRate)},
            {"second_rate", rateJson(row.secondRate)},
            {"difference", row.difference},
            {"interval", {row.interval.low, row.interval.high}},
            {"p", row.p},
            {"p_holm", row.pHolm},
            {"only_first", row.onlyFirst},
            {"only_second", row.onlySecond},
            {"unpaired", row.unpaired}};
}

}  // namespace safequant
