// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/training_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/base/random.h"

namespace safequant {

const char* rateScheduleName(RateSchedule schedule) {
    switch (schedule) {
        case RateSchedule::Constant: return "constant";
        case RateSchedule::Cosine: return "cosine";
        case RateSchedule::Linear: break;
    }
    return "linear";
}

double rateFactor(RateSchedule schedule, int step, int warmup, int steps) {
    const double rise = warmup > 0 ? std::min(1.0, (step + 1.0) / warmup) : 1.0;
    const double passed = static_cast<double>(step) / std::max(steps, 1);
    switch (schedule) {
        case RateSchedule::Constant: return rise;
        case RateSchedule::Cosine: return rise * 0.5 * (1.0 + std::cos(std::numbers::pi * passed));
        case RateSchedule::Linear: break;
    }
    return rise * (1.0 - passed);
}

std::vector<std::size_t> samplesOfStep(int step, std::size_t perStep, std::size_t samples, std::uint64_t seed, const std::string& stream) {
    const std::size_t first = static_cast<std::size_t>(step) * perStep;
    std::vector<std::size_t> chosen;
    std::vector<std::size_t> order;
    std::size_t orderPass = 0;
    for (std::size_t i = first; i < first + perStep; ++i) {
        const std::size_t pass = i / samples;
        if (order.empty() || pass != orderPass) {
            order.resize(samples);
            std::iota(order.begin(), order.end(), std::size_t{0});
            RandomStream(seed, stream + std::to_string(pass)).shuffle(order);
            orderPass = pass;
        }
        chosen.push_back(order[i % samples]);
    }
    return chosen;
}

}  // namespace safequant
