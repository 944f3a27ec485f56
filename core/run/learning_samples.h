// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stop_token>
#include <vector>

#include "core/base/random.h"
#include "core/realign/learning_options.h"
#include "core/run/run_inputs.h"

namespace safequant {

/// Draws what a method is calibrated on: malicious and benign prompts of the calibration split, passages of text and task
/// prompts, each part by its own seeded choice, so that more of one part never changes another. A part that has fewer members than
/// asked gives all it has. Where the spec asks for answers the models are loaded one after the other and answer greedily.
/// Errors: those of files and models, bad_input for a task file that is none or a part asked for that is empty, cancelled.
Expected<std::vector<LearningSample>> drawLearningSamples(const RunInputs& inputs, const std::stop_token& stop = {});
/// The same with other parts than the spec's.
Expected<std::vector<LearningSample>> drawLearningSamples(const RunInputs& inputs, const CalibrationParts& parts, const std::stop_token& stop = {});

/// A passage of a text.
struct TextPassage {
    std::size_t first = 0;  ///< Its first token, counted in the text.
    std::vector<std::int32_t> tokens;
};

/// A choice of a text's passages by `random`. Errors: those of the file; bad_input when it has no passage.
Expected<std::vector<TextPassage>> drawPassages(const Tokenizer& tokenizer, const TextPassages& texts, RandomStream random);

/// Rows of all calibration samples, about; 0 for methods that look at none. `rowsPerPrompt`: tokens of a prompt without the shared
/// prefix.
double calibrationRows(const RunSpec& spec, double rowsPerPrompt);
/// What a method spends on one block beyond rounding, about, in rows that are only passed through a block. 0 for methods that look at no
/// samples.
double calibrationCost(const RunSpec& spec, const DecoderConfig& config, double rowsPerPrompt);

/// Hash of the files that texts and tasks come from, for fingerprints. Empty when the method looks at no samples.
Expected<std::string> learningFilesHash(const RunSpec& spec);

}  // namespace safequant
