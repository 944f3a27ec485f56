// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/bit_budget.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <stdexcept>
#include <string>

namespace safequant {
namespace {

/// Options that some multiplier of the Lagrangian prefers, by rising size and falling cost.
std::vector<std::size_t> lowerHull(const std::vector<BitOption>& options) {
    std::vector<std::size_t> order(options.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return options[a].size != options[b].size ? options[a].size < options[b].size : options[a].cost < options[b].cost;
    });
    std::vector<std::size_t> hull;
    const auto gain = [&](std::size_t from, std::size_t to) {
        return (options[from].cost - options[to].cost) / (options[to].size - options[from].size);
    };
    for (const std::size_t next : order) {
        if (!hull.empty() && options[next].cost >= options[hull.back()].cost) continue;
        while (hull.size() > 1 && gain(hull.back(), next) >= gain(hull[hull.size() - 2], hull.back())) hull.pop_back();
        hull.push_back(next);
    }
    return hull;
}

/// From one point of an item's hull to the next.
struct Step {
    std::size_t item = 0, option = 0;
    double size = 0.0, gain = 0.0;
    double rate = 0.0;  ///< Gain per bit.
};

void checkItems(std::span<const std::vector<BitOption>> items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto wrong = [](const BitOption& option) { return !std::isfinite(option.size) || !std::isfinite(option.cost) || option.size < 0.0; };
        if (items[i].empty() || std::any_of(items[i].begin(), items[i].end(), wrong))
            throw std::invalid_argument("[allocateBits] got no or broken options for item " + std::to_string(i) +
                                        ", need at least one of finite size and cost");
    }
}

/// Gives what is left of the budget to the options that gain most, also ones off the hull.
void spendRest(std::span<const std::vector<BitOption>> items, double budget, BitAllocation& allocation) {
    while (true) {
        std::size_t bestItem = items.size(), bestOption = 0;
        double best = 0.0;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const BitOption& now = items[i][allocation.options[i]];
            for (std::size_t k = 0; k < items[i].size(); ++k) {
                const BitOption& other = items[i][k];
                if (allocation.size - now.size + other.size > budget || now.cost - other.cost <= best) continue;
                best = now.cost - other.cost;
                bestItem = i;
                bestOption = k;
            }
        }
        if (bestItem == items.size()) return;
        allocation.size += items[bestItem][bestOption].size - items[bestItem][allocation.options[bestItem]].size;
        allocation.options[bestItem] = bestOption;
        allocation.cost -= best;
    }
}

}  // namespace

Expected<BitAllocation> allocateBits(std::span<const std::vector<BitOption>> items, double budget) {
    checkItems(items);
    BitAllocation allocation;
    std::vector<Step> steps;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto hull = lowerHull(items[i]);
        allocation.options.push_back(hull.front());
        allocation.size += items[i][hull.front()].size;
        allocation.cost += items[i][hull.front()].cost;
        for (std::size_t k = 1; k < hull.size(); ++k) {
            const BitOption &before = items[i][hull[k - 1]], &after = items[i][hull[k]];
            const double size = after.size - before.size, gain = before.cost - after.cost;
            steps.push_back({i, hull[k], size, gain, gain / size});
        }
    }
    if (allocation.size > budget) {
        char text[160];
        std::snprintf(text, sizeof text, "The least that these linears take is %.2f MB, and the budget leaves them %.2f MB. Allow more.",
                      allocation.size / 8e6, std::max(0.0, budget) / 8e6);
        return fail(ErrorKind::BadInput, text, "budget");
    }
    // Along a hull gains per bit fall, so that an item's steps stay in their order.
    std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.rate > b.rate; });
    allocation.bound = allocation.cost;
    bool full = false;
    for (const Step& step : steps) {
        if (!full && allocation.size + step.size <= budget) {
            allocation.options[step.item] = step.option;
            allocation.size += step.size;
            allocation.cost -= step.gain;
            allocation.bound = allocation.cost;
        } else if (!full) {
            allocation.bound = allocation.cost - step.gain * (budget - allocation.size) / step.size;
            full = true;
        }
    }
    if (full) spendRest(items, budget, allocation);
    return allocation;
}

}  // namespace safequant
