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

/// The rows of samples that learn, as the head meets them.
struct HeadRows {
    at::Tensor hidden;                  ///< `[rows, hidden]`, the last block's output; sample by sample.
    std::vector<std::int64_t> targets;  ///< The id that must follow each.
    std::vector<std::size_t> samples;   ///< Which sample each is of.
};

/// Takes a loss of rows and gives its gradient by their hidden states, `[rows, hidden]`.
using HeadGradient = std::function<at::Tensor(const HeadRows& rows)>;

/// A model on a device whose blocks learn; final norm and head in float32 are frozen; embeddings are read from the mapped checkpoint.
/// Activations are kept for the inputs of all blocks and, within `graphBytes`, for the insides of as many last blocks as fit; the others
/// run again on the way back (Chen et al. 2016, arXiv 1604.06174). The results are the same bit for bit.
class TrainingModel {
public:
    /// Errors: those of the checkpoint, out_of_memory.
    static Expected<TrainingModel> load(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<TrainingBlocks> blocks,
                                        const at::Device& device, std::uint64_t graphBytes);

    /// Another model of the same checkpoint and device with blocks of its own; norm and head are shared.
    TrainingModel withBlocks(std::shared_ptr<TrainingBlocks> blocks) const;

    /// Adds the gradient of the objective to what the blocks learn. Samples are one batch of rows without padding; what all of them begin
    /// with, up to the first target, is computed once. Errors: bad_input on ids outside the vocabulary and on samples longer than the
    /// context, cancelled.
    Expected<TrainingLoss> addGradient(std::span<const TrainingSample* const> samples, const SampleWeights& weights, const std::stop_token& stop = {});
    /// The same with a loss of the caller's; returns the tokens that went through the blocks. Errors: the same.
    Expected<std::int64_t> addGradientOf(std::span<const TrainingSample* const> samples, const HeadGradient& head,
                                         const std::stop_token& stop = {});
    /// The losses alone. Errors: the same.
    Expected<TrainingLoss> losses(std::span<const TrainingSample* const> samples, const std::stop_token& stop = {}) const;
    /// The rows alone. Errors: the same.
    Expected<HeadRows> headRows(std::span<const TrainingSample* const> samples, const std::stop_token& stop = {}) const;
    /// What the head reads at the rows that learn, behind the final norm: `[rows, hidden]`, sample by sample. `together` samples are
    /// computed at once, and every block is asked for once, so that it may be read from a file then. Memory: one block, and the hidden
    /// states of all samples. Progress counts blocks. Errors: the same.
    Expected<at::Tensor> headInputs(std::span<const TrainingSample* const> samples, std::size_t together,
                                    const Progress& progress = {}) const;

    std::int64_t headWidth() const { return m_head.size(1); }  ///< Of what `headInputs` gives.
    /// Logits `[rows, vocabulary]` of rows of the last block's output, and of what `headInputs` gives; differentiable in them.
    at::Tensor logits(const at::Tensor& hidden) const;
    at::Tensor logitsOfInputs(const at::Tensor& normed) const;
    /// Gradients of single samples' cross entropy: block by block from the last, `learned` once a sample, which takes what its leaves have
    /// and leaves them without, then `done` with the block's index. Memory: the inputs of all blocks for all samples, and one block's graph of one sample. Errors: the same.
    Expected<void> visitSampleGradients(std::span<const TrainingSample* const> samples, const std::function<void(std::size_t block)>& done,
                                        const std::stop_token& stop = {});

private:
    struct Batch;

    Expected<Batch> pack(std::span<const TrainingSample* const> samples) const;
    Expected<std::vector<Batch>> packAll(std::span<const TrainingSample* const> samples, std::size_t together) const;
    Expected<at::Tensor> embed(const Batch& batch) const;
    std::size_t blockCount() const;
    std::size_t firstKeptBlock(std::int32_t rows) const;
    at::Tensor run(const TensorBlock& block, const Batch& batch, const at::Tensor& hidden) const;
    HeadRows rowsOf(const Batch& batch, const at::Tensor& hidden) const;
    /// Cross entropy of `samples` samples, head and logits in pieces. `gradient`, unless null, gets each row's own.
    std::vector<SampleLoss> crossEntropy(const HeadRows& rows, std::size_t samples, at::Tensor* gradient) const;
    /// The gradient of the objective by the rows; `losses` gets what it is made of.
    at::Tensor crossEntropyGradient(const HeadRows& rows, std::size_t samples, const SampleWeights& weights,
                                    std::vector<SampleLoss>& losses) const;
    /// The rows behind all blocks, without gradients.
    Expected<HeadRows> ascend(const Batch& batch, const std::stop_token& stop) const;
    /// Goes up, and from the head's gradient down again.
    Expected<void> descend(const Batch& batch, const HeadGradient& head, const std::stop_token& stop);

    std::shared_ptr<const Checkpoint> m_checkpoint;
    std::shared_ptr<TrainingBlocks> m_blocks;
    at::Device m_device{at::kCPU};
    at::Tensor m_finalNorm;  // Gains [hidden].
    at::Tensor m_head;       // [vocabulary, hidden].
    std::uint64_t m_graphBytes = 0;
};

}  // namespace safequant
