// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/quantize/calibration_options.h"
#include "core/quantize/input_statistics.h"
#include "core/quantize/round_to_nearest.h"

namespace safequant {

class BlockCalibration;
enum class InputGroup : std::uint8_t;

/// Scales of input channels at one exponent: x^ratio / (w^(1 - ratio) + 1e-4), without `weights` (empty) x^ratio, floored at 1e-4, then
/// divided by sqrt(max * min); 1 where that is not finite. x: mean magnitudes of inputs; w: channelShares.
std::vector<float> awqScales(std::span<const double> magnitudes, std::span<const double> weights, double ratio);

/// Mean over the rows of some weights of |w| / (max|w| of its group + 1e-6), `[columns]`. `groupSizes`: of each, -1 for whole rows.
std::vector<double> channelShares(std::span<const Matrix* const> weights, std::span<const int> groupSizes);

/// Limits each group to the range max|w| * (1 - i / 20), i < 10, that gives the least squared error of the group's part of the output over
/// all rows of `inputs`.
Matrix clippedWeights(const Matrix& weight, const QuantizationScheme& scheme, const InputStatistics& inputs);

/// The method "awq" (arXiv 2306.00978) on one group of linears: scales by the best exponent, judged by the output of attention or feed-forward
/// layer or, for Output and Down, of the linear; then clipping, but not of queries and keys, and rounding to nearest. Scales before
/// Output only where every query head has a value head of its own. Queries, keys and values that norms follow in a block with
/// post-norms (Gemma 3) get no scales.
void calibrateAwq(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options);

}  // namespace safequant
