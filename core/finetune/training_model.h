// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/finetune/low_rank_adapter.h"
#include "core/finetune/training_sample.h"

namespace safequant {

/// Cross entropy of what samples teach.
struct BatchLoss {
    double sum = 0.0;          ///< In nats over all targets.
    std::int64_t targets = 0;
    std::int64_t rows = 0;     ///< Tokens that went through the blocks.
};

/// A frozen model on a device with an adapter that learns: blocks, final norm and head in float32; embeddings are read from the
/// mapped checkpoint. Activations are kept for the inputs of all blocks and, within `graphBytes`, for the insides of as many last
/// blocks as fit; the others run again on the way back (Chen et al. 2016, arXiv 1604.06174). The results are the same bit for bit.
class TrainingModel {
public:
    /// Errors: those of the checkpoint, out_of_memory, cancelled. Progress counts blocks. The adapter's tensors are shared with it.
    static Expected<TrainingModel> load(std::shared_ptr<const Checkpoint> checkpoint, const LowRankAdapter& adapter,
                                        const at::Device& device, std::uint64_t graphBytes, const Progress& progress = {});

    /// Adds the gradient of the samples' summed cross entropy times `weight` to the adapter's parameters. Samples are one batch of
    /// rows without padding; what all of them begin with, up to the first target, is computed once. Errors: bad_input on ids
    /// outside the vocabulary and on samples longer than the context, cancelled.
    Expected<BatchLoss> addGradient(std::span<const TrainingSample* const> samples, double weight, const std::stop_token& stop = {});

private:
    struct Batch;

    Expected<Batch> pack(std::span<const TrainingSample* const> samples) const;
    std::size_t firstKeptBlock(std::int32_t rows) const;
    at::Tensor run(std::size_t block, const Batch& batch, const at::Tensor& hidden) const;
    /// Cross entropy at the rows with targets, head and logits in pieces; `gradient` gets its gradient by `hidden`, times `weight`.
    double headLoss(const Batch& batch, const at::Tensor& hidden, double weight, at::Tensor& gradient) const;

    std::shared_ptr<const Checkpoint> m_checkpoint;
    at::Device m_device{at::kCPU};
    std::vector<TensorBlock> m_blocks;
    at::Tensor m_finalNorm;  // Gains [hidden].
    at::Tensor m_head;       // [vocabulary, hidden].
    std::uint64_t m_graphBytes = 0;
};

}  // namespace safequant
