// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>

#include "core/base/progress.h"
#include "core/realign/block_terms.h"
#include "core/realign/objective.h"

namespace safequant {

/// Learns the quantizer of one block: `input` is the quantized stream before it, `targets` what its output is pulled to. The order of
/// samples is drawn anew each epoch from seed and block. Nothing when stopped. Throws std::invalid_argument on
/// options or streams that do not fit.
std::optional<CodedBlock> learnBlock(const DecoderConfig& config, const BlockWeights& weights, std::span<const LinearPlan> plan,
                                       const CalibrationRows& rows, const CalibrationStream& input, const BlockTargets& targets,
                                       const BlockLearning& options, const at::Device& device, const Progress& progress,
                                       const std::function<void(const EpochLosses&)>& report = {});

/// Largest magnitude of every input channel of a block's linears in full precision, `[kLinearsPerBlock][in]`.
std::vector<std::vector<float>> inputMaxima(const DecoderConfig& config, const BlockWeights& weights, const CalibrationRows& rows,
                                            const CalibrationStream& input, int batchSize, const at::Device& device);

}  // namespace safequant
