// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/prompts/prompt_set.h"

namespace safequant {

/// Divides the prompts i with `unsplit[i]` over both splits by whole clusters, so that every label (or, not stratified, the whole)
/// is divided as `options.calibration` asks, as nearly as whole clusters allow; prompts that have a split already count. A cluster
/// that holds prompts with a split follows the first of them. Deterministic in the seed. `prompts[i].cluster` must be set.
void splitByClusters(std::vector<Prompt>& prompts, const std::vector<bool>& unsplit, const PromptSplitOptions& options);

}  // namespace safequant
