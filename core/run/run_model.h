// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/run/run_inputs.h"

namespace safequant {

/// What is needed of a run to look at its models or export them: checkpoint, plan and tokenizer, not its prompts nor an export of its own.
/// Errors: those of openInputs.
Expected<RunInputs> openRunModel(const std::string& folder, bool hashing, const Progress& progress = {});

/// Whether the checkpoint is the one that a run was made from. With `inputs` hashed, by content; else by content only when one of its files
/// was written after the run was created. Error: mismatch.
Expected<void> checkRunModel(const std::string& folder, const RunInputs& inputs);

}  // namespace safequant
