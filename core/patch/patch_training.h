// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/patch/grid_blocks.h"
#include "core/patch/patch_options.h"
#include "core/tensor/adam_w.h"
#include "core/training/tensor_file.h"
#include "core/training/training_model.h"

namespace safequant {

/// The work behind Patcher, whose functions these are.
class PatchTraining {
public:
    /// Takes the reference's log-probabilities of all pairs. `blocks` are whole. Progress counts pairs. Errors: bad_input without pairs, or
    /// without malicious ones where scores need them; those of TrainingModel.
    static Expected<PatchTraining> create(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<GridBlocks> blocks,
                                          std::vector<PreferencePair> pairs, const PatchOptions& options, const Progress& progress = {});

    int steps() const { return m_options.steps; }  ///< In all.
    int done() const { return m_done; }

    /// One step. Errors: cancelled (nothing has changed then), failed when the loss is not finite.
    Expected<PatchStep> step(const std::stop_token& stop = {});

    /// Factors, moments, masks and steps done, in one file. Errors: io.
    Expected<void> save(const std::string& path) const;
    /// Goes on from such a file. Errors: those of reading; mismatch when it is another patch's.
    Expected<void> restore(const std::string& path);

private:
    PatchTraining(std::shared_ptr<GridBlocks> blocks, TrainingModel model, std::vector<PreferencePair> pairs, const PatchOptions& options);

    Expected<void> takeReference(const Progress& progress);
    Expected<void> identify(const std::stop_token& stop);
    std::vector<NamedTensor> state(at::Tensor counts) const;

    std::shared_ptr<GridBlocks> m_blocks;
    TrainingModel m_model;
    std::vector<PreferencePair> m_pairs;
    std::vector<double> m_chosen, m_rejected;  // Log-probabilities of the model as it was.
    PatchOptions m_options;
    AdamW m_optimizer;
    int m_done = 0, m_identified = -1;  // Step that the masks were found before.
};

}  // namespace safequant
