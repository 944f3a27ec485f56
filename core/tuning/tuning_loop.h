// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/tensor/adam_w.h"
#include "core/training/tensor_file.h"
#include "core/training/training_model.h"
#include "core/tuning/tuning_options.h"

namespace safequant {

/// Indices of the samples that any step takes, ascending.
std::vector<std::size_t> samplesTaken(const TuningOptions& options, std::size_t samples);

/// Cross entropy of a step's samples, in nats over all their targets.
struct TuningLoss {
    double sum = 0.0, entropy = 0.0;  ///< See SoftLoss; no entropy where ids are learned.
    std::int64_t targets = 0;
};

/// The steps of a tuning: samples come in passes, each in an order of its own by the seed, and every step goes along the gradient of the
/// mean cross entropy over its targets.
class TuningLoop {
public:
    /// `labels`: what softCrossEntropy takes of a teacher, `[targets, hidden]` for each sample, undefined for those no step takes; or none:
    /// ids are learned. `parameters` are leaves of the model's blocks with names for files.
    TuningLoop(TrainingModel model, std::vector<TrainingSample> samples, std::vector<at::Tensor> labels,
               std::vector<NamedTensor> parameters, const TuningOptions& options);

    int done() const { return m_done; }
    /// See Tuner::step.
    Expected<TuningStep> step(const std::stop_token& stop = {});
    /// Adds the gradient of the next step's mean loss to the parameters without a step.
    Expected<TuningLoss> gradient(const std::stop_token& stop = {});

    Expected<void> save(const std::string& path) const;
    Expected<void> restore(const std::string& path);

private:
    TrainingModel m_model;
    std::vector<TrainingSample> m_samples;
    std::vector<at::Tensor> m_labels;
    std::vector<std::string> m_names;  // Of the parameters.
    TuningOptions m_options;
    AdamW m_optimizer;
    int m_done = 0;
};

}  // namespace safequant
