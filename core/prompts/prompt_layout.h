// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/prompts/prompt_file.h"

namespace safequant {

/// Bounds of what is read. A file, record or set beyond them is an error that says so.
inline constexpr std::uint64_t kMaxPromptFileBytes = std::uint64_t{256} << 20;
inline constexpr std::size_t kMaxPromptRecordBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxPrompts = 200'000;

/// How a file of prompts is laid out and what will be read from it.
struct PromptLayout {
    PromptFormat format = PromptFormat::JsonLines;
    char delimiter = 0;                ///< Of CSV.
    std::string benchmark;             ///< "AdvBench", "HarmBench", ...; empty: of no known layout.
    std::vector<std::string> columns;  ///< In order; of JSON those of the first records.
    std::vector<std::string> skipped;  ///< Columns that hold completions: never read, kept or shown.
    PromptMapping map;                 ///< What the user said, filled up with what the layout says.
    bool promptOrText = false;         ///< Records have "prompt" or "text".
    std::string idPrefix;              ///< Before the numbers that serve as ids.
    std::optional<PromptLabel> suggestedLabel;  ///< For files without labels; never taken unless the user says so.
    std::string suggestedBecause;      ///< "AdvBench's prompts are malicious".
};

/// The content without a byte-order mark.
std::string_view withoutByteOrderMark(std::string_view content);

/// Whether a column holds answers by its name: "target", "output", "response", "completion", ...
bool isCompletionColumn(std::string_view name);

/// Finds the layout of a file from its name and its first records. What `file` says is taken for granted. Errors: bad_input for
/// compressed and binary files, UTF-16, an empty file and a broken head line; each names a remedy.
Expected<PromptLayout> findPromptLayout(const PromptFile& file, std::string_view content);

/// Whether the mapping of a layout can be used. Errors: bad_input for an unknown column, a column that holds completions, and when
/// no column is known to hold prompts; each names a remedy.
Expected<void> checkPromptMapping(const PromptLayout& layout, const std::string& path);

/// "CSV with semicolons", "JSON list", "JSON Lines", "plain text, a prompt a line".
std::string promptLayoutTitle(const PromptLayout& layout);

}  // namespace safequant
