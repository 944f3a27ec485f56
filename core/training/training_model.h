// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/training/training_blocks.h"
#include "core/training/training_sample.h"

namespace safequant {

/// Cross entropy of what one sample teaches: -log p of its targets.
struct SampleLoss {
    double sum = 0.0;          ///< In nats over its targets.
    std::int64_t targets = 0;
};

/// Cross entropy of what samples teach.
struct TrainingLoss {
    double sum = 0.0;          ///< In nats over all targets.
    std::int64_t targets = 0;
    std::int64_t rows = 0;     ///< Tokens that went through the blocks.
    std::vector<SampleLoss> samples;
};

/// The derivative of what is minimised by each sample's sum, from all of them.
using SampleWeights = std::function<std::vector<double>(std::span<const SampleLoss> samples)>;

/// A model on a device whose blocks learn; final norm and head in float32 are frozen; embeddings are read from the mapped checkpoint.
/// Activations are kept for the inputs of all blocks and, within `graphBytes`, for the insides of as many last blocks as fit; the others
/// run again on the way back (Chen et al. 2016, arXiv 1604.06174). The results are the same bit for bit.
class TrainingModel {
public:
    /// Errors: those of the checkpoint, out_of_memory.
    static Expected<TrainingModel> load(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<TrainingBlocks> blocks,
                                        const at::Device& device, std::uint64_t graphBytes);

    /// Adds the gradient of the objective to what the blocks learn. Samples are one batch of rows without padding; what all of them begin
    /// with, up to the first target, is computed once. Errors: bad_input on ids outside the vocabulary and on samples longer than the
    /// context, cancelled.
    Expected<TrainingLoss> addGradient(std::span<const TrainingSample* const> samples, const SampleWeights& weights, const std::stop_token& stop = {});
    /// The losses alone. Errors: the same.
    Expected<TrainingLoss> losses(std::span<const TrainingSample* const> samples, const std::stop_token& stop = {}) const;
    /// Gradients of single samples' cross entropy: block by block from the last, `learned` once a sample, which takes what its leaves have
    /// and leaves them without, then `done` with the block's index. Memory: the inputs of all blocks for all samples, and one block's graph of one sample. Errors: the same.
    Expected<void> visitSampleGradients(std::span<const TrainingSample* const> samples, const std::function<void(std::size_t block)>& done,
                                        const std::stop_token& stop = {});

private:
    struct Batch;

    Expected<Batch> pack(std::span<const TrainingSample* const> samples) const;
    Expected<at::Tensor> embed(const Batch& batch) const;
    std::size_t blockCount() const;
    std::size_t firstKeptBlock(std::int32_t rows) const;
    at::Tensor run(const TensorBlock& block, const Batch& batch, const at::Tensor& hidden) const;
    /// Cross entropy of every sample, head and logits in pieces. `gradient`, unless null, gets the gradient of the objective by `hidden`.
    std::vector<SampleLoss> headLoss(const Batch& batch, const at::Tensor& hidden, const SampleWeights& weights, at::Tensor* gradient) const;

    std::shared_ptr<const Checkpoint> m_checkpoint;
    std::shared_ptr<TrainingBlocks> m_blocks;
    at::Device m_device{at::kCPU};
    at::Tensor m_finalNorm;  // Gains [hidden].
    at::Tensor m_head;       // [vocabulary, hidden].
    std::uint64_t m_graphBytes = 0;
};

}  // namespace safequant
