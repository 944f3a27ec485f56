// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/patch/patch_options.h"
#include "core/patch/weight_bits.h"
#include "core/quantize/scheme.h"

namespace safequant {

/// An answer or a text whose targets' loss says which weights matter.
struct ScoredSample {
    TrainingSample sample;
    bool refusal = false;  ///< To a malicious prompt; false: of the general loss.
};

/// Weights of linears by name, those that are quantized.
using WeightChoice = std::map<std::string, WeightBits>;

/// The share of critical weights of a model that is not quantized: of each linear, or with `options.global` of all together, exactly
/// that share to the nearest weight. By `options.mask`: SafeScore, mean |w * dL/dw| over refusals, L = -log p(answer) (Q-resafe, arXiv
/// 2506.20251, equation 3); Protection, mean (dL/dw)^2 over refusals less `generalWeight` times that over the other samples, L a sample's
/// mean cross entropy a token (arXiv 2601.12033); Random, drawn by the seed for each linear; All, every weight. Memory: the hidden states
/// of all samples at all blocks, and two blocks. Progress counts blocks. Errors: bad_input without the samples that a score needs, failed
/// when a score is no number, cancelled, those of TrainingModel.
Expected<WeightChoice> chooseCriticalWeights(std::shared_ptr<const Checkpoint> checkpoint, std::span<const LinearPlan> plan,
                                             std::span<const ScoredSample> samples, const PatchOptions& options,
                                             const Progress& progress = {});

/// A choice as a file, and back. Errors: io; those of reading, mismatch when it is of another plan.
Expected<void> writeWeightChoice(const std::string& path, const WeightChoice& choice);
Expected<WeightChoice> readWeightChoice(const std::string& path, const DecoderConfig& config, std::span<const LinearPlan> plan);

}  // namespace safequant
