// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/prompts/prompt_layout.h"

namespace safequant {

/// Recognizes whose columns a layout has, and fills what the user's mapping leaves open, benchmark and suggested label. `labels`
/// are values of the column "label" in the first records. A new benchmark is one row of the table in the source file.
void recognizeBenchmark(PromptLayout& layout, const std::vector<nlohmann::json>& labels, const std::string& path);

/// Suggests a label from a file name that says "harmful", "harmless" or "benign", unless there is a suggestion.
void suggestLabel(PromptLayout& layout, const std::string& path);

}  // namespace safequant
