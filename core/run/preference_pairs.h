// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/model/decoder.h"
#include "core/patch/critical_weights.h"
#include "core/patch/patch_options.h"
#include "core/run/run_inputs.h"

namespace safequant {

/// Two answers to a prompt; a line of patch/pairs.jsonl in the run folder.
struct AnswerPair {
    std::string id, prompt;
    std::string label;  ///< Of the prompt: "malicious", "benign", "hard_benign".
    std::string chosen, rejected;
    bool chosenEnded = true, rejectedEnded = true;  ///< False: cut off, so that its end is not learned.
    std::string leftOut;  ///< Why it is not learned from; empty: it is.
    bool alone = false;   ///< Learned without the rejected answer, which refuses as well.
};

/// An answer that a patch takes as right, of a model in full precision.
struct ChosenAnswer {
    std::string text;
    bool ended = true;
};

/// Asks both models for the spec's patch: malicious prompts the aligned model where the spec names one, all others the model before it was
/// quantized; and the quantized model, whose blocks `quantized` gives. Prompts come from the calibration split, each label by its own
/// seeded choice. Or reads the spec's own pairs. A patch that learns from no pairs has no rejected answers: they are not asked for, and
/// stay empty. Left out are equal answers, and with the judge refusal-22: malicious prompts that the chosen answer does not refuse or the
/// rejected one refuses as well, unless the patch keeps such refusals, and others that the chosen answer refuses. `known`: right answers
/// that need not be asked for. Progress counts answers. Errors: those of models and files, bad_input, cancelled.
Expected<std::vector<AnswerPair>> makeAnswerPairs(const RunInputs& inputs, const BlockSource& quantized, const std::map<std::string, ChosenAnswer>& known,
                                                  const Progress& progress);

std::string answerPairsPath(const std::string& folder);
/// patch/pairs.jsonl, which is whole or not there. Errors: not_found, io, bad_input.
Expected<std::vector<AnswerPair>> readAnswerPairs(const std::string& folder);
Expected<void> writeAnswerPairs(const std::string& folder, const std::vector<AnswerPair>& pairs);

/// Pairs to learn from, as ids; the rejected answer is empty where the chosen one is learned alone. Errors: bad_input when none is left, naming why.
Expected<std::vector<PreferencePair>> preferencePairs(const RunInputs& inputs, const std::vector<AnswerPair>& pairs);
/// What weights are scored on: refusals of malicious prompts and answers to others, so many of each by a seeded choice
/// (PatchOptions::scoredPairs), and texts. Answers that are left out are not among them. Errors: those of files.
Expected<std::vector<ScoredSample>> scoredSamples(const RunInputs& inputs, const std::vector<AnswerPair>& pairs);
/// What distributions are compared on: prompts with their answers, those left out without, and texts, at all positions but the beginning
/// that all chats share. Errors: those of files.
Expected<std::vector<AlignmentSample>> alignmentSamples(const RunInputs& inputs, const std::vector<AnswerPair>& pairs);
/// The same by label too, as events tell it: those used first, then by rule.
std::vector<protocol::PatchPairCount> pairCountsByLabel(const std::vector<AnswerPair>& pairs);
/// How many pairs there are by what became of them: "used", "used alone" (AnswerPair::alone), and the reasons why others are left out.
std::map<std::string, int> pairCounts(const std::vector<AnswerPair>& pairs);

}  // namespace safequant
