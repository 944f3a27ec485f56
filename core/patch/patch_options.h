// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/checkpoint/checkpoint.h"
#include "core/training/training_sample.h"

namespace safequant {

/// Shape of what is learned beside the frozen grids.
struct PatchFactors {
    int rank = 64;         ///< Of the change B A of every quantized linear.
    double alpha = 128.0;  ///< The change is multiplied by alpha / rank.
};

/// Which weights may change.
enum class PatchMask : std::uint8_t {
    SafeScore,   ///< Those with the largest mean |weight * gradient| over refusals (Q-resafe, arXiv 2506.20251, equation 3).
    Protection,  ///< Those with the largest mean squared gradient over refusals beyond that of general text (arXiv 2601.12033).
    Random,      ///< A control: as many, drawn by the seed.
    All,
};
/// "safe-score", "protection-score", "random", "all".
const char* patchMaskName(PatchMask mask);

/// AAQ's contrastive alignment loss (arXiv 2511.07842), KL(aligned || patched) - contrast * KL(pretrained || patched), a mean over tokens.
struct AlignmentTerms {
    double contrast = 0.1;     ///< The paper's lambda.
    int topK = 0;              ///< Each term is over its teacher's most likely tokens, so many; 0: over the vocabulary.
    bool wholeSoftmax = true;  ///< Probabilities are of the whole vocabulary; false: of the top tokens among themselves.
    double limit = 3.0;  ///< The second term counts up to this many times its value at the start, where its gradient ends: it has no bound.
};

/// How a quantized model is patched.
struct PatchOptions {
    /// Of the preference loss -log sigmoid(beta * margin), margin = (log p(chosen) - log p0(chosen)) - (log p(rejected) - log p0(rejected)), p0 of
    /// the quantized model as it was (direct preference optimization, arXiv 2305.18290).
    double preferenceWeight = 1.0;
    double chosenWeight = 1.0;  ///< Of the chosen answer's mean cross entropy over its tokens.
    double beta = 0.1;
    PatchMask mask = PatchMask::SafeScore;
    double share = 0.2;      ///< Of each linear's weights that may change, the paper's tau; in (0, 1].
    bool global = false;     ///< The share is of all weights together, each linear as its scores have it.
    int scoredPairs = 48;    ///< Chosen answers to malicious prompts that scores are means over.
    int identifyEvery = 0;   ///< Steps after which scores are taken anew; 0: once.
    PatchFactors factors;
    int steps = 40;
    int batch = 8;           ///< Pairs a step.
    double learningRate = 3e-4;
    int warmupSteps = 6;     ///< The rate rises over them, and falls along half a cosine over all steps.
    double generalWeight = 1.0;  ///< Of the mean squared gradient of a general loss that PatchMask::Protection takes off, the paper's beta.
    AlignmentTerms alignment;
    double clipNorm = 1.0;   ///< Largest norm of a step's gradient; 0: no limit.
    double graphMemoryGib = 0.5;  ///< For activations that spare running a block again.
    std::uint64_t seed = 0;

    bool masked() const { return mask != PatchMask::All && share < 1.0; }
};

/// Two answers to one prompt, as the model is to learn them.
struct PreferencePair {
    std::string id;
    bool malicious = false;
    TrainingSample chosen, rejected;  ///< No tokens in `rejected`: the chosen answer's cross entropy alone counts.
    bool alone() const { return rejected.tokens.empty(); }
};

/// Ids whose next-token distributions are to be a teacher's, at the rows with a target.
struct AlignmentSample {
    std::string id;
    bool malicious = false;
    TrainingSample sample;
};

/// Models whose distributions AAQ's loss compares with. All have one vocabulary.
struct AlignmentTeachers {
    std::shared_ptr<const Checkpoint> full;        ///< The model before it was quantized.
    std::shared_ptr<const Checkpoint> aligned;     ///< In its place at malicious samples; null: none.
    std::shared_ptr<const Checkpoint> pretrained;  ///< What is to be kept away from; null with a contrast of 0.
};

/// What one step of a patch did. Means are over the step's pairs, or tokens, before it.
struct PatchStep {
    int step = 0;               ///< Counted from 1.
    double loss = 0.0;          ///< Both terms with their weights.
    double aligned = 0.0, pretrained = 0.0;  ///< AAQ's divergences from its teachers, in nats a token.
    bool limited = false;                    ///< The second of them is at its limit.
    double margin = 0.0;        ///< See PatchOptions::preferenceWeight; in nats, over pairs of two answers.
    double preferred = -1.0;    ///< Share of these pairs with a margin above 0; -1: the step has none, or no preferences.
    double chosenLoss = 0.0;    ///< Cross entropy of the chosen answers a token, in nats.
    double learningRate = 0.0, gradientNorm = 0.0;  ///< The norm before clipping.
    bool identified = false;    ///< Masks were found anew before it.
};

/// Loss of a preference and its derivatives by the two answers' log-probabilities.
struct PreferenceLoss {
    double loss = 0.0, margin = 0.0;
    double byChosen = 0.0, byRejected = 0.0;
};
/// `chosen` and `rejected` are log p of an answer's tokens, in nats, `reference` the same of the model as it was.
PreferenceLoss preferenceLoss(double chosen, double rejected, double referenceChosen, double referenceRejected, double beta);

}  // namespace safequant
