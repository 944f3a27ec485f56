// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/evaluate/judge.h"

namespace safequant {

/// Tells coherent from incoherent answers by their first 25 words: empty, repetitive, or, with a model and a limit in the options,
/// of a perplexity above the limit under that model as the answer to its prompt in the model's own chat format.
Expected<std::unique_ptr<Judge>> makeCoherenceJudge(const JudgeOptions& options, const Progress& progress);

}  // namespace safequant
