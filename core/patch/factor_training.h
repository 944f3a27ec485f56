// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/patch/grid_blocks.h"
#include "core/patch/patch_options.h"
#include "core/tensor/adam_w.h"
#include "core/training/training_model.h"

namespace safequant {

/// What all patches that learn do alike: the factors of GridBlocks, their optimizer and masks, step by step, and their state as a file.
class FactorTraining {
public:
    virtual ~FactorTraining() = default;
    FactorTraining(FactorTraining&&) = default;

    int steps() const { return m_options.steps; }  ///< In all.
    int done() const { return m_done; }

    /// One step. Errors: cancelled (nothing has changed then), failed when the loss is not finite.
    virtual Expected<PatchStep> step(const std::stop_token& stop = {}) = 0;

    /// Factors, moments, masks and steps done, in one file. Errors: io.
    Expected<void> save(const std::string& path) const;
    /// Goes on from such a file. Errors: those of reading; mismatch when it is another patch's.
    Expected<void> restore(const std::string& path);

protected:
    FactorTraining(std::shared_ptr<GridBlocks> blocks, TrainingModel model, const PatchOptions& options);

    /// Samples of the next step out of so many.
    std::vector<std::size_t> chosenOf(std::size_t samples) const;
    /// Steps along the gradients that are there, and fills the step's common part. Errors: failed when its loss is not finite.
    Expected<void> advance(PatchStep& step);

    GridBlocks& blocks() const { return *m_blocks; }
    TrainingModel& model() { return m_model; }
    const TrainingModel& model() const { return m_model; }
    const PatchOptions& options() const { return m_options; }
    AdamW& optimizer() { return m_optimizer; }

    int m_identified = -1;  ///< Step that the masks were found before.

private:
    std::vector<std::string> names() const;

    std::shared_ptr<GridBlocks> m_blocks;
    TrainingModel m_model;
    PatchOptions m_options;
    AdamW m_optimizer;
    int m_done = 0;
};

/// Opens the model that a patch's blocks are of. Errors: those of TrainingModel::load; bad_input when no linear is quantized.
Expected<TrainingModel> patchedModel(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<GridBlocks> blocks,
                                     const PatchOptions& options);

/// Numbers to the last bit as a tensor file holds them, and back.
at::Tensor storedNumbers(const std::vector<double>& values);
std::vector<double> numbersOf(const at::Tensor& stored);

}  // namespace safequant
