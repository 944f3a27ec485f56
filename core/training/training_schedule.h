// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace safequant {

enum class RateSchedule : std::uint8_t { Constant, Linear, Cosine };
/// "constant", "linear", "cosine".
const char* rateScheduleName(RateSchedule schedule);

/// Share of the learning rate at a step, counted from 0: it rises over the warm-up, (step + 1) / warmup, and falls to 0 at `steps`,
/// linearly, min(rise, 1) * (1 - step / steps), or along half a cosine.
double rateFactor(RateSchedule schedule, int step, int warmup, int steps);

/// The samples of a step, counted from 0, out of `samples` ones: they come in passes, each in an order of its own by the seed and the stream's
/// name, `perStep` a step.
std::vector<std::size_t> samplesOfStep(int step, std::size_t perStep, std::size_t samples, std::uint64_t seed, const std::string& stream);

}  // namespace safequant
