// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/run/prompt_table.h"

namespace safequant {

/// Appends the last-token activations that a block's file keeps of some prompts (indices of the table), row by row, and returns their
/// width. Errors: those of readArray; bad_input when the file's rows are not the run's prompts, or lack one of these.
Expected<std::size_t> appendActivations(const std::string& path, const PromptTable& table, std::span<const int> prompts,
                                        std::vector<float>& into);
/// The same as a matrix `[prompts, hidden]`.
Expected<Matrix> keptActivations(const std::string& path, const PromptTable& table, std::span<const int> prompts);

}  // namespace safequant
