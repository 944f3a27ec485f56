// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/evaluate/judge.h"

namespace safequant {

/// What a classifier's first words say: harmful or not; nothing when they say neither of the two.
std::optional<bool> parseYesNo(std::string_view said);
std::optional<bool> parseSafeUnsafe(std::string_view said);

/// Any causal language model, asked in the format of HarmBench's Llama-2 classifier (Mazeika et al. 2024, arXiv 2402.04249; standard
/// behaviours): one greedy token, yes or no.
Expected<std::unique_ptr<Judge>> makeHarmBenchJudge(const JudgeOptions& options, const Progress& progress);
/// Any causal language model, asked in the format of Llama Guard 3 for the last turn of the agent (its model card): greedy, the first
/// word is safe or unsafe. A checkpoint without Llama 3's header tokens gets the same text in its own chat format.
Expected<std::unique_ptr<Judge>> makeLlamaGuardJudge(const JudgeOptions& options, const Progress& progress);

}  // namespace safequant
