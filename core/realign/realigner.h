// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/quantize/coded_block.h"
#include "core/quantize/scheme.h"
#include "core/realign/learning_options.h"

namespace safequant {

/// What a model is learned from, block by block.
struct RealignSetup {
    std::shared_ptr<const Checkpoint> checkpoint;  ///< The fine-tuned model, which is quantized.
    std::shared_ptr<const Checkpoint> aligned;     ///< Null unless the objective uses it. Of the same shape and vocabulary.
    /// By block, `[tail, hidden]`: where MaliciousTarget::Signature moves the last positions to when there is no aligned model. Empty: none.
    std::vector<Matrix> shifts;
    std::vector<LinearPlan> plan;                  ///< Of every linear.
    std::vector<LearningSample> samples;
    BlockLearning learning;             ///< Its `epochs` are those of the later blocks.
    int earlyEpochs = 2;                ///< Epochs of blocks 0 to blocks / 2.
    int firstBlock = 0, lastBlock = -1; ///< Blocks the objective holds for, the rest learns reconstruction; lastBlock -1: to the end.
    std::string device = "cpu";         ///< See parseDevice.
};

/// What became of a block's streams. Errors are relative: mean square of the difference over that of the fine-tuned stream.
struct RealignedBlock {
    std::vector<EpochLosses> epochs;
    double benignError = 0.0;     ///< Quantized against fine-tuned stream, samples that are not malicious.
    double maliciousError = 0.0;  ///< Quantized against the malicious target, malicious samples.
    double maliciousBefore = 0.0; ///< Fine-tuned stream against the malicious target: what there was to repair.
};

/// The streams that move through the blocks together. Behind `prepare` the first two are one block ahead of the quantized one.
enum class RealignStream : std::uint8_t { Aligned, FineTuned, Quantized };

/// Learns a model's quantizer block by block, each on the quantized stream of those before it (Q-realign, arXiv 2601.08089, and the
/// objectives of RealignObjective). Streams of the fine-tuned, the aligned and the quantized model move together. Memory: one block's
/// weights with their gradients, and three streams.
class Realigner {
public:
    /// Embeds the samples. Errors: those of the checkpoints; bad_input when the aligned model has another shape or what stands for it is missing,
    /// or a part of the mix that the objective needs is empty; those of parseDevice.
    static Expected<std::unique_ptr<Realigner>> create(RealignSetup setup);
    virtual ~Realigner() = default;

    /// Index of the block that comes next.
    virtual int next() const = 0;
    /// Passes over the samples a block is learned in.
    virtual int epochsOf(int block) const = 0;
    /// Learns it. The probe is needed by objectives that use one. Errors: cancelled (the block may be asked again), those of the
    /// checkpoints, failed when a loss is not finite.
    virtual Expected<CodedBlock> learn(const BlockProbe& probe, const Progress& progress,
                                       const std::function<void(const EpochLosses&)>& report = {}) = 0;
    /// Moves the streams through it as it was learned before.
    virtual Expected<void> pass(const BlockWeights& learned, const std::stop_token& stop = {}) = 0;
    /// Of the block last learned or passed.
    virtual const RealignedBlock& last() const = 0;
    /// Runs the full-precision streams through the next block, so that its aligned outputs are known before it is learned; `learn`
    /// and `pass` do it themselves when it was not called.
    virtual Expected<void> prepare(const std::stop_token& stop = {}) = 0;
    /// The malicious and the benign samples among those of the setup, which probes are fitted on.
    virtual const std::vector<std::size_t>& chats() const = 0;
    /// A stream at the last tokens of `chats`, `[chats, hidden]`: the fine-tuned one in the place of an aligned one that is missing.
    virtual Matrix chatRows(RealignStream stream) const = 0;
};

}  // namespace safequant
