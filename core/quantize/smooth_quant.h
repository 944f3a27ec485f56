// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/quantize/calibration_options.h"
#include "core/quantize/input_statistics.h"

namespace safequant {

class BlockCalibration;
enum class InputGroup : std::uint8_t;

/// Scales max|x_j|^alpha / max|w_j|^(1 - alpha) of input channels (SmoothQuant, arXiv 2211.10438, equation 4), both maxima at least
/// 1e-5, the scales too; 1 where a channel carries nothing on either side. Throws std::invalid_argument on lengths that differ.
std::vector<float> smoothingScales(std::span<const float> activationMaxima, std::span<const float> weightMaxima, double alpha);

/// Moves them from the norm before a group into the group's weights, the maxima of weights being taken over all linears of the group;
/// groups without a norm before them are left as they are.
void smoothInputs(BlockCalibration& block, InputGroup group, InputStatistics& inputs, double alpha);

/// The method "smoothquant" on one group of linears: smoothing, then rounding to nearest.
void calibrateSmoothQuant(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options);

}  // namespace safequant
