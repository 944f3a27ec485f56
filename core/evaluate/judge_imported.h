// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/evaluate/judge.h"

namespace safequant {

/// Verdicts of people or other tools from the file in the options: CSV with a head line, or JSON Lines, with `id` (of the prompt),
/// `verdict` (or `outcome`) and optionally `model`. A verdict is an outcome's name, or `safe`/`no` or `unsafe`/`yes` (then coherence
/// is judged here); an empty one, and an answer that the file does not have, is unparsed. Errors: not_found, io, bad_input with file
/// and line for any other word, a broken line or a second verdict on the same answer.
Expected<std::unique_ptr<Judge>> makeImportedJudge(const JudgeOptions& options, const Progress& progress);

}  // namespace safequant
