// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/engine/protocol/prompt_messages.h"
#include "core/prompts/prompt_set.h"

namespace safequant {

/// What style tells of the labels.
struct PromptStyle {
    protocol::StyleReport report;
    std::vector<double> heldOut;  ///< Of every prompt: log-odds of malicious by a model that saw nothing of its cluster; empty when
                                  ///< a class is too small.
};

/// Folds for cross-validation that keep clusters whole: clusters in descending size (of one size in order of number) go to the
/// fold with the fewest prompts, the first of them on ties. One number in [0, folds) a prompt.
std::vector<int> clusterFolds(const std::vector<Prompt>& prompts, int folds);

/// Words, question marks, lengths and the like against labels, in 5 folds. Clusters must be set.
PromptStyle measureStyle(const std::vector<Prompt>& prompts);

/// True when the last character that is no space is a question mark.
bool endsWithQuestionMark(std::string_view text);

}  // namespace safequant
