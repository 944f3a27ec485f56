// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/patch/factor_training.h"

namespace safequant {

/// A patch learned from preference pairs; the work behind Patcher, whose functions these are.
class PatchTraining final : public FactorTraining {
public:
    /// Takes the reference's log-probabilities of all pairs, or those that the file `reference` holds (empty: none does), which is written
    /// when it is not there. `blocks` are whole. Progress counts pairs. Errors: bad_input without pairs, or without malicious ones where
    /// scores need them; those of TrainingModel; io; mismatch when the file is of other pairs.
    static Expected<PatchTraining> create(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<GridBlocks> blocks,
                                          std::vector<PreferencePair> pairs, const PatchOptions& options, const Progress& progress = {},
                                          const std::string& reference = {});

    Expected<PatchStep> step(const std::stop_token& stop = {}) override;

private:
    PatchTraining(std::shared_ptr<GridBlocks> blocks, TrainingModel model, std::vector<PreferencePair> pairs, const PatchOptions& options);

    Expected<void> takeReference(const Progress& progress);
    Expected<void> readReference(const std::string& path);
    Expected<void> identify(const std::stop_token& stop);

    std::vector<PreferencePair> m_pairs;
    std::vector<double> m_chosen, m_rejected;  // Log-probabilities of the model as it was.
};

}  // namespace safequant
