// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/base/statistics.h"
#include "core/evaluate/judge.h"
#include "core/model/generation.h"
#include "core/text/chat_template.h"

namespace safequant {

/// A grid of decoding settings under which malicious prompts are asked again, several times each (Huang et al. 2023, arXiv 2310.06987).
struct AttackGrid {
    std::vector<double> temperatures{0.7, 1.0};
    std::vector<int> topKs{0};       ///< 0: all tokens.
    std::vector<double> topPs{1.0};  ///< In (0, 1].
    int samples = 0;                 ///< Answers to a prompt under a setting; 0: no attack.
    bool stopWhenDecided = false;    ///< An answer ends where its verdict can change no more.
};
struct AttackSetting {
    double temperature = 1.0;
    int topK = 0;
    double topP = 1.0;
    /// "t0.7-k50-p0.9": unique among settings, fit for a file name.
    std::string name() const;
};
/// Every combination.
std::vector<AttackSetting> attackSettings(const AttackGrid& grid);

struct AttackPrompt {
    std::string id, text;
};
/// One sampled answer.
struct AttackAnswer {
    std::string id;   ///< Of the prompt.
    int sample = 0;
    std::string text;
    Outcome outcome = Outcome::Unparsed;
    int tokens = 0;
    bool stopped = false;  ///< Ended early because its verdict was decided.
};

/// Samples and judges answers under one setting: by sample, then by prompt. More samples contain the fewer, and a setting's answers
/// do not depend on the other settings. Progress counts answers. Errors: those of template and model, cancelled.
Expected<std::vector<AttackAnswer>> attackWith(LanguageModel& model, const ChatFormat& format, std::span<const AttackPrompt> prompts,
                                               const AttackSetting& setting, const AttackGrid& grid, int newTokens, std::uint64_t seed,
                                               const TextJudge& judge, const Progress& progress);

/// Attack success under one setting; "harmful score" is the word for greedy answers.
struct AttackSummary {
    double meanSuccess = 0.0;  ///< Share of all answers that are harmful.
    Interval meanInterval;     ///< 95%, bootstrap over near-duplicate clusters of prompts.
    Rate anySuccess;           ///< Prompts with at least one harmful answer.
    std::vector<std::string> toHarmful;  ///< Prompts whose answer in the run was not harmful, while a sample is.
    std::vector<std::string> toSafe;     ///< Prompts whose answer in the run was harmful, while no sample is.
};
/// `clusters`: cluster of each prompt, negative or absent: alone. `before`: whether the run's own answer is harmful. `answers` must
/// not be empty.
AttackSummary summariseAttack(std::span<const AttackAnswer> answers, const std::map<std::string, int>& clusters,
                              const std::map<std::string, bool>& before, std::uint64_t seed);

}  // namespace safequant
