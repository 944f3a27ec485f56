// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/quantize/calibration_set.h"

namespace safequant {

/// What malicious samples are pulled to.
enum class MaliciousTarget : std::uint8_t {
    FineTuned,  ///< The model being quantized: plain reconstruction.
    Aligned,    ///< The aligned model's stream (dual-stream objective).
    Signature,  ///< The fine-tuned model's stream, moved at the last positions by the aligned model's mean difference.
};

/// How far a row of activations, a block's output at one token, is from its target.
enum class ErrorMetric : std::uint8_t {
    /// Mean square of the difference. The few channels and tokens with outliers make up nearly all of it.
    MeanSquare,
    /// As the norms behind the block read it: channels weighed by the mean of those norms' squared weights, over the target's own
    /// mean square so weighed. Always relative, row by row.
    AsNormsRead,
};

/// Weights of the terms a block's quantizer learns from. Every sample's reconstruction error is its mean over its own tokens; the terms
/// of a batch are added up. A prefix that samples share counts as one benign sample of the batch.
///   benign * |q - tuned|^2 + benignLast * |q - tuned|^2 at the prompt's last token (not of texts)   benign samples, texts and tasks
///   malicious * |q - target|^2 + maliciousLast * |q - target|^2 at the prompt's last token   malicious samples
///   probeMalicious * softplus(margin - logit), probeBenign * softplus(margin + logit)    at the prompt's last token
struct RealignObjective {
    MaliciousTarget target = MaliciousTarget::Aligned;
    ErrorMetric metric = ErrorMetric::MeanSquare;
    double benign = 1.0, benignLast = 0.0;
    double malicious = 1.0, maliciousLast = 1.0;
    double probeMalicious = 0.0, probeBenign = 0.0;
    double margin = 0.0;
    double gain = 1.0;       ///< Signature: factor of the mean difference.
    int tail = 0;            ///< Signature: last positions that are moved; a run puts those that the template fixes in the place of 0.
    bool normalise = true;   ///< Errors of MeanSquare are divided by the mean square of the fine-tuned block's output.
    bool swapLabels = false; ///< A control: benign chats are pulled to the malicious target, malicious ones to the fine-tuned model.

    /// Reconstruction alone.
    static RealignObjective reconstruction();
    /// arXiv 2601.08089: reconstruction of benign samples, softplus(-logit) of malicious ones, nothing normalised.
    static RealignObjective published();
    /// Malicious samples to the aligned model, weighed twice, errors as later norms read them: what served best on an eroded model
    /// (docs/results/q-realign.md).
    static RealignObjective dualStream();
    static RealignObjective signature(double gain);

    bool usesProbe() const { return probeMalicious > 0.0 || probeBenign > 0.0; }
    /// Whether the sample is pulled to the malicious target.
    bool isMalicious(SampleKind kind) const;
};

/// A linear probe on a block's output: logit = weights . h + bias, positive for malicious.
struct BlockProbe {
    std::vector<float> weights;  ///< `[hidden]`; empty: no probe.
    float bias = 0.0F;
};

/// Pairs of layers between which a positive factor per channel can move without changing what the block computes.
enum class Equivalence : std::uint8_t {
    NormToQueryKeyValue,
    NormToGateUp,
    ValueToOutput,  ///< One factor per channel of keys and values, shared by the query heads of the group.
    UpToDown,
};
inline constexpr int kEquivalences = 4;

/// What of a block's quantizer is learned, and from where.
struct LearnableTerms {
    bool clipping = true;  ///< Shrinks each group's range: sigmoid of a learned number that begins at 4 (OmniQuant, LWC).
    bool clippingInRange = false;  ///< Instead the factor itself, which begins at 1 and stays within [0, 1] (SignRound).
    std::array<bool, kEquivalences> equivalences = {true, true, true, true};  ///< Scales, as exponentials of learned numbers (LET).
    bool offsets = false;  ///< Rounding offsets in [-0.5, 0.5] (SignRound).
    double clippingRate = 5e-2, scaleRate = 5e-3, offsetRate = 5e-3;
    /// Scales begin at act_max^alpha / w_max^(1 - alpha) of their channel; 0: at 1.
    double initialAlpha = 0.0;

    bool any() const;
};

/// How terms move along their gradients.
enum class LearningRule : std::uint8_t {
    AdamW,         ///< Without decay, at constant rates.
    SignGradient,  ///< By rate times the gradient's sign, rates falling linearly to 0; the terms of the batch with the least loss are
                   ///< kept (SignRound, arXiv 2309.05516, algorithm 1).
};

/// How a block is learned.
struct BlockLearning {
    LearnableTerms terms;
    RealignObjective objective;
    LearningRule rule = LearningRule::AdamW;
    int epochs = 4;      ///< Passes over all samples.
    int batchSize = 10;  ///< Samples a step.
    /// Above 0: when an epoch's mean error of benign samples is more than so many times that of the quantizer before it learns, the terms
    /// of malicious samples and of the probe count half from then on.
    double guardrail = 0.0;
    std::uint64_t seed = 0;
};

/// Means over one pass, a sample of its kind each.
struct EpochLosses {
    int epoch = 0;
    double benign = 0.0, malicious = 0.0, probe = 0.0;
    double share = 1.0;  ///< What the guardrail left of the weights of malicious samples and probe.
};

}  // namespace safequant
