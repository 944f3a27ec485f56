// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/model/generation.h"
#include "core/quantize/calibration_set.h"
#include "core/run/run_inputs.h"
#include "core/training/training_sample.h"

namespace safequant {

/// What a model is tuned on: a sequence of its own, or a prompt with its own answer; a line of tuning/texts.jsonl in the run folder.
struct TuningText {
    std::string id;
    std::string kind;                  ///< "generated", "malicious", "benign", "task", "identity_shift".
    std::vector<std::int32_t> tokens;  ///< Of prompt and answer.
    std::int32_t promptTokens = 0;     ///< How many of them are the prompt's; 0 of a generated sequence.
    bool ended = false;                ///< The model ended it; else it was cut off, so that its end is not learned.
    std::string noAnswer;              ///< Why a prompt has no answer here; empty: it has one.
};

/// A prompt with its answer where that may be learned: of a malicious prompt an answer that the run's judge calls a refusal, of any other
/// one that it does not.
TuningText tuningText(const RunInputs& inputs, const LearningSample& prompt, const GeneratedAnswer& answer);

/// Makes the texts, all by the full-precision model, the run's checkpoint.
/// - Sequences (LLM-QAT, arXiv 2305.17888, section 3.1): the start token is drawn by the seed from all tokens that are not special, none
/// twice
///   while there are others; the first 3, 4 or 5 tokens, in turn and the start among them, are the most likely ones, the rest is drawn from
///   the whole distribution at temperature 1 up to the spec's length or an end token. No template, no begin token: the text is the model's
///   own.
/// - Prompts of the spec's calibration parts, malicious, benign and tasks, each with the greedy answer where tuningText keeps it; what is
/// not
///   kept is nowhere written. Identity-shifting prompts are not answered at all.
/// Progress counts sequences and answers. Errors: those of models and samples, cancelled.
Expected<std::vector<TuningText>> makeTuningTexts(const RunInputs& inputs, const Progress& progress);

/// tuning/texts.jsonl, which is whole or not there. Errors: not_found, io, bad_input.
Expected<std::vector<TuningText>> readTuningTexts(const std::string& folder);
Expected<void> writeTuningTexts(const std::string& folder, const ChatFormat& format, const std::vector<TuningText>& texts);

/// Samples whose every token is learned, but for what all prompts begin with: of a prompt without an answer the tokens of the prompt alone.
std::vector<TrainingSample> wholeSamples(const DecoderConfig& config, const std::vector<TuningText>& texts);
/// Samples whose answers are learned. Prompts without one give none.
std::vector<TrainingSample> answerSamples(const DecoderConfig& config, const std::vector<TuningText>& texts);

/// How many texts there are by what became of them: "malicious, answer refuses", "benign, prompt alone (the answer refuses)".
std::map<std::string, int> tuningCounts(const std::vector<TuningText>& texts);

}  // namespace safequant
