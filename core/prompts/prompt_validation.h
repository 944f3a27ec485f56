// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/prompt_messages.h"
#include "core/prompts/prompt_set.h"

namespace safequant {

/// What prompts are checked against.
struct PromptChecks {
    PromptSplitOptions split;
    bool allowOverlap = false;  ///< Near duplicates on both sides of the split are a warning, not an error.
    /// Tokens of a prompt in a model's template; absent: tokens are not counted.
    std::function<Expected<int>(const std::string& prompt)> countTokens;
    int context = 0;       ///< Tokens the model has positions for.
    int answerTokens = 0;  ///< Tokens that an answer may take of them.
};

/// A set with everything there is to know of it.
struct CheckedPrompts {
    PromptSet set;  ///< Of the prompts that could be read.
    protocol::PromptReport report;
};

/// Reads files as loadPromptSet does, but goes on over broken lines and tells everything: lines that cannot be used, duplicates,
/// balance, lengths, near duplicates on both sides of the split, and what style gives away.
CheckedPrompts checkPrompts(const std::vector<PromptFile>& files, const PromptChecks& checks);

struct PromptFileRead;
/// What was read of a file, as messages tell it.
protocol::PromptFileInfo promptFileInfo(const PromptFileRead& read);

/// Which records of a file are shown: so many from a byte on (behind any byte-order mark) that do not begin before a line.
struct PromptPage {
    std::size_t rows = 20;
    std::size_t from = 0;
    int line = 1;
};

/// Records of a file and how it would be read.
protocol::PromptPreview previewPrompts(const PromptFile& file, const PromptPage& page = {});

}  // namespace safequant
