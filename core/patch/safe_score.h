// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <stop_token>

#include "core/patch/grid_blocks.h"
#include "core/patch/patch_options.h"
#include "core/training/training_model.h"

namespace safequant {

/// Sets the masks of all modules to the weights that matter most to `samples`: of each linear, or of the model with `options.global`, the
/// share with the largest mean over samples of |w * dL/dw|, L = -log p(targets), w the weights as they are quantized now (Q-resafe, equation 3).
/// Memory: the scores of one block; with `global` the model is gone through twice. Errors: those of visitSampleGradients.
Expected<void> maskCriticalWeights(GridBlocks& blocks, TrainingModel& model, std::span<const TrainingSample* const> samples, const PatchOptions& options,
                                   const std::stop_token& stop = {});

/// Sets the masks to a random choice of the same size, seeded by each linear's name.
void maskRandomWeights(GridBlocks& blocks, const PatchOptions& options);

/// The weights of a linear that may change; 1 without a mask.
double maskedShare(const GridBlocks::Module& module);

}  // namespace safequant
