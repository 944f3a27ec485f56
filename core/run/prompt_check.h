// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/prompts/prompt_validation.h"
#include "core/run/run_spec.h"

namespace safequant {

/// checkPrompts, with tokens counted in the template of a checkpoint where one is given (a path; empty: none). Errors: not_found for a
/// bundled file, those of the checkpoint and its tokenizer.
Expected<CheckedPrompts> checkPromptsFor(const PromptSource& source, const std::string& checkpoint, const std::string& systemPrompt,
                                         int answerTokens);

}  // namespace safequant
