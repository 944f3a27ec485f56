// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/model/decoder.h"
#include "core/quantize/coded_block.h"
#include "core/training/training_sample.h"
#include "core/tuning/tuning_options.h"

namespace safequant {

/// Trains a model with its quantization in place. Equal inputs and threads give equal bits, in one go or resumed.
class Tuner {
public:
    /// LLM-QAT (arXiv 2305.17888): float weights behind the grids they are rounded to learn the soft labels of the full-precision model.
    /// Memory: each weight, its gradient and its two moments in float32, one float a hidden channel for every token that is learned, and
    /// one block's gradients.
    static std::unique_ptr<Tuner> latentWeights(std::shared_ptr<const Checkpoint> checkpoint, const TuningOptions& options);

    /// QLoRA (arXiv 2305.14314): a low-rank change of every quantized linear learns on top of the linear in NF4, which stays. The model is
    /// base and adapter, whose factors are bfloat16 in the end; its weights are on no grid, and its bits count both. Memory: each weight in
    /// float32, and the adapter with its gradient and moments.
    static std::unique_ptr<Tuner> adapterOnNormalFloats(std::shared_ptr<const Checkpoint> checkpoint, const TuningOptions& options);

    virtual ~Tuner() = default;

    /// Adds the next block: its full-precision weights and how each linear is to be quantized, seven entries. Throws std::invalid_argument
    /// on a plan that is not of the block.
    virtual void add(BlockWeights weights, std::span<const LinearPlan> plan) = 0;
    /// Takes the samples, and what the full-precision model says of them where that is learned; blocks are all there. Progress counts
    /// blocks. Errors: bad_input without samples, or when there is nothing to learn; those of TrainingModel.
    virtual Expected<void> begin(std::vector<TrainingSample> samples, const Progress& progress = {}) = 0;

    virtual int done() const = 0;  ///< Steps.
    /// One step. Errors: cancelled (nothing has changed then), failed when the loss is not finite.
    virtual Expected<TuningStep> step(const std::stop_token& stop = {}) = 0;
    /// The block as it is now.
    virtual CodedBlock tuned(int block) const = 0;

    /// Parameters, moments and steps done, in one file. Errors: io.
    virtual Expected<void> save(const std::string& path) const = 0;
    /// Goes on from such a file, behind `begin`. Errors: those of reading; mismatch when it is another tuning's.
    virtual Expected<void> restore(const std::string& path) = 0;
};

}  // namespace safequant
