// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/realign/learning_options.h"
#include "core/run/run_inputs.h"

namespace safequant {

/// Draws what a learned method is calibrated on: malicious and benign prompts of the calibration split, passages of text and task
/// prompts, each part by its own seeded choice, so that more of one part never changes another. A part that has fewer members than
/// asked gives all it has. Errors: those of files, bad_input for a task file that is none or a part asked for that is empty.
Expected<std::vector<LearningSample>> drawLearningSamples(const RunInputs& inputs);

/// Rows of learning samples that pass through a block while it is learned, all epochs together, about: what a learned method's time
/// goes with. 0 for other methods. `rowsPerPrompt`: tokens of a prompt without the shared prefix.
double learnedRows(const RunSpec& spec, double rowsPerPrompt);
/// One of them costs about as much as this many rows that are only passed through: forward, two products back, and the weights' fake
/// quantization, shared by the rows of a batch.
inline constexpr double kLearnedRowCost = 9.0;

/// Hash of the files that texts and tasks come from, for fingerprints. Empty when no learned method runs.
Expected<std::string> learningFilesHash(const RunSpec& spec);

}  // namespace safequant
