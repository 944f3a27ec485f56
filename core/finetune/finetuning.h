// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/finetune/finetune_spec.h"
#include "core/training/low_rank_adapter.h"
#include "core/tensor/adam_w.h"
#include "core/training/training_model.h"
#include "core/training/weight_blocks.h"

namespace safequant {

/// Steps that a training takes on so many samples.
int stepCount(const TrainingOptions& options, std::size_t samples);

/// What one step of the optimizer did.
struct FinetuneStep {
    int step = 0;              ///< Counted from 1.
    double loss = 0.0;         ///< Mean cross entropy of the step's targets in nats, before it.
    double learningRate = 0.0;
    double gradientNorm = 0.0; ///< Before clipping.
    std::int64_t targets = 0;
    std::int64_t rows = 0;     ///< Tokens computed.
};

/// Supervised fine-tuning of a low-rank adapter, or of the weights themselves, with AdamW: every step takes the gradient of the mean cross entropy over all targets
/// of its batches. Samples come in passes, each in an order of its own by the seed. Equal spec, samples, device and threads give
/// equal bits, in one go or resumed.
class Finetuning {
public:
    /// Loads the model and starts the adapter. Errors: those of checkpoint, adapter and device; mismatch of the initial adapter.
    static Expected<Finetuning> create(const FinetuneSpec& spec, std::shared_ptr<const Checkpoint> checkpoint,
                                       std::vector<TrainingSample> samples, const Progress& progress = {});

    int steps() const { return m_steps; }  ///< In all.
    int done() const { return m_done; }
    const LowRankAdapter& adapter() const { return m_adapter; }  ///< Without modules when the weights themselves learn.
    /// The weights that learn, by the names of their linears; none with an adapter.
    const std::vector<NamedTensor>& weights() const;

    /// Indices of the samples of a step, counted from 0, in their order.
    std::vector<std::size_t> samplesOf(int step) const;
    /// One step. Errors: cancelled (nothing has changed then), failed when the loss is not finite.
    Expected<FinetuneStep> step(const std::stop_token& stop = {});
    /// Adds the gradient of the mean loss of the next step's samples to the adapter's parameters without a step.
    Expected<TrainingLoss> gradient(const std::stop_token& stop = {});

    /// What learns, moments and steps done, in one file. Errors: io.
    Expected<void> save(const std::string& path) const;
    /// Goes on from such a file. Errors: those of reading; mismatch when it is another training's.
    Expected<void> restore(const std::string& path);

private:
    Finetuning(const FinetuneSpec& spec, LowRankAdapter adapter, std::shared_ptr<WeightBlocks> weights, TrainingModel model,
               std::vector<TrainingSample> samples);

    /// Of the parameters in a state file.
    std::vector<std::string> names() const;

    TrainingOptions m_options;
    std::uint64_t m_seed = 0;
    LowRankAdapter m_adapter;
    std::shared_ptr<WeightBlocks> m_weights;  // Null with an adapter.
    TrainingModel m_model;
    std::vector<TrainingSample> m_samples;
    AdamW m_optimizer;
    int m_steps = 0, m_done = 0;
};

}  // namespace safequant
