// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/smooth_quant.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/quantize/block_calibration.h"

namespace safequant {
namespace {

constexpr float kFloor = 1e-5F;

}  // namespace

std::vector<float> smoothingScales(std::span<const float> activationMaxima, std::span<const float> weightMaxima, double alpha) {
    if (activationMaxima.size() != weightMaxima.size())
        throw std::invalid_argument("[smoothingScales] got maxima of " + std::to_string(activationMaxima.size()) + " inputs and " +
                                    std::to_string(weightMaxima.size()) + " columns, need as many");
    std::vector<float> scales(activationMaxima.size(), 1.0F);
    for (std::size_t i = 0; i < scales.size(); ++i) {
        if (activationMaxima[i] == 0.0F || weightMaxima[i] == 0.0F) continue;
        const auto x = static_cast<double>(std::max(activationMaxima[i], kFloor)), w = static_cast<double>(std::max(weightMaxima[i], kFloor));
        scales[i] = std::max(static_cast<float>(std::pow(x, alpha) / std::pow(w, 1.0 - alpha)), kFloor);
    }
    return scales;
}

void smoothInputs(BlockCalibration& block, InputGroup group, InputStatistics& inputs, double alpha) {
    if (group != InputGroup::QueryKeyValue && group != InputGroup::GateUp) return;
    std::vector<float> maxima(inputs.columns(), 0.0F);
    for (const LinearRole role : linearsOf(group)) {
        const Matrix& weight = block.weight(role);
        for (std::size_t r = 0; r < weight.rows(); ++r)
            for (std::size_t c = 0; c < weight.cols(); ++c) maxima[c] = std::max(maxima[c], std::fabs(weight(r, c)));
    }
    block.fold(group, smoothingScales(inputs.largest(), maxima, alpha), inputs);
}

void calibrateSmoothQuant(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options) {
    smoothInputs(block, group, inputs, options.smoothing.alpha);
    for (const LinearRole role : linearsOf(group))
        if (block.plan(role).quantized()) block.code(role, roundToNearest(block.weight(role), block.plan(role).actual), inputs);
}

}  // namespace safequant
