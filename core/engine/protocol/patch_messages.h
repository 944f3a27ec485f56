// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/statistics.h"

namespace safequant::protocol {

/// Pairs of answers by what became of them.
struct PatchPairCount {
    std::string label;    ///< Of the prompt: "malicious", "benign", "hard_benign", or what a file of ready pairs says.
    std::string leftOut;  ///< The rule by which they are not learned from; empty: they are.
    int count = 0;
    bool alone = false;  ///< Learned from without the rejected answer: both models refuse.
};

/// One step of a patch. Means are over its pairs, before it.
struct PatchStepFigures {
    int step = 0;             ///< From 1.
    double loss = 0.0;        ///< Both terms with their weights.
    double aligned = -1.0, pretrained = -1.0;  ///< AAQ's divergences from its teachers, in nats a token; -1: the patch has none.
    bool limited = false;     ///< The second of them is at its limit.
    double margin = 0.0;      ///< In nats: how much more likely the chosen answer became than the rejected one; without preferences, how much more likely at all.
    double preferred = -1.0;  ///< Share of pairs with a margin above 0; -1: the step has no preferences.
    double chosenLoss = 0.0;  ///< Cross entropy of the chosen answers a token, in nats.
    double learningRate = 0.0, gradientNorm = 0.0;  ///< The norm before clipping.
    bool identified = false;  ///< What may change was found anew before it.
    double seconds = 0.0;
};

/// Codes of one linear, or its weights where some are kept.
struct PatchedLinear {
    std::string name;
    int block = 0;
    std::uint64_t codes = 0, mayChange = 0, changed = 0;  ///< `changed`: from the quantizer's.
    std::uint64_t kept = 0;  ///< Weights left in 16 bits.
    double bits = 0.0;       ///< A weight on average, with everything that is stored of them; 0: a patch that keeps none.
};

/// How the base model's probes judge the quantized model as it stands after a step, block by block: last tokens of some evaluation prompts,
/// malicious and ordinary benign ones. What stage "quantize" says of the finished model is of all of them.
struct PatchProbes {
    int step = 0;                 ///< 0: before the first.
    std::vector<Rate> accuracy;   ///< By block.
};

/// A patch of a quantized model. In events what is new: the pairs at the beginning, a step, the linears whenever what may change is found and with
/// every look of the probes.
struct PatchProgress {
    std::string method;    ///< "q-resafe", "dpo", ...
    std::string kind;      ///< "pairs": learns codes from pairs; "align": learns them by AAQ's loss; "keep": leaves weights in 16 bits, in no steps.
    int plannedSteps = 0;
    std::vector<PatchPairCount> pairs;
    std::vector<PatchStepFigures> steps;   ///< By step.
    std::vector<PatchedLinear> linears;    ///< Quantized ones, in the model's order.
    std::vector<PatchProbes> probes;       ///< By step.
    std::vector<Rate> baseProbes;          ///< The base model's own accuracy on the same prompts, by block.
    bool finished = false;
};

#define SAFEQUANT_MESSAGE(Type)          \
    nlohmann::json toJson(const Type&);  \
    void fromJson(const nlohmann::json&, Type&)

SAFEQUANT_MESSAGE(PatchPairCount);
SAFEQUANT_MESSAGE(PatchStepFigures);
SAFEQUANT_MESSAGE(PatchedLinear);
SAFEQUANT_MESSAGE(PatchProbes);
SAFEQUANT_MESSAGE(PatchProgress);
#undef SAFEQUANT_MESSAGE

/// Adds what an event tells to what is known: a step takes the place of one of the same number, as after a kill.
void addPatchNews(PatchProgress& known, const PatchProgress& news);

}  // namespace safequant::protocol
