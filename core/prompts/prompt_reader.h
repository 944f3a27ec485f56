// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/prompts/prompt_layout.h"
#include "core/prompts/prompt_set.h"

namespace safequant {

/// Where a prompt stands.
struct PromptPlace {
    std::size_t file = 0;
    int line = 0;
    std::size_t begin = 0;  ///< Byte of its record, behind any byte-order mark: a line may hold many.
};

/// What became of one file.
struct PromptFileRead {
    PromptFile file;
    std::optional<PromptLayout> layout;  ///< Absent when the file cannot be used at all.
    std::string sha256;                  ///< Of its content; empty when it cannot be read.
    std::size_t prompts = 0;
    std::size_t problems = 0;
    std::size_t corrected = 0;    ///< Prompts that a correction gave another label,
    std::size_t leftOut = 0;      ///< or left out.
    std::size_t withSystem = 0;   ///< Prompts from conversations that had a system message,
    std::size_t withEarlier = 0;  ///< or turns before the last of the user. Neither is part of the prompt.
};

/// A prompt that is not taken, because it has no label or a correction leaves it out.
struct PromptApart {
    Prompt prompt;
    PromptPlace place;
    bool leftOut = false;
};

/// Prompts of several files as they stand, with everything that is wrong with them.
struct PromptsRead {
    std::vector<PromptFileRead> files;
    std::vector<Prompt> prompts;      ///< Without clusters.
    std::vector<PromptPlace> places;  ///< Of every prompt.
    std::vector<bool> unsplit;        ///< Of every prompt: no split was given.
    std::vector<PromptApart> apart;
    std::vector<PromptNotice> problems;  ///< The first kMaxProblems, in order.
    std::size_t problemCount = 0;
    std::size_t idsMade = 0;
    ErrorKind firstKind = ErrorKind::BadInput;

    static constexpr std::size_t kMaxProblems = 1000;
    /// "file:line"; the file alone where no line is known.
    std::string where(const PromptPlace& place) const;
};

/// Reads files one after the other; nothing stops it, every problem is noted with file and line.
class PromptReader {
public:
    void read(const PromptFile& file);
    /// Content already in memory; `file.path` stands for it.
    void read(const PromptFile& file, std::string_view content);
    /// The same text under two labels is a problem of the whole. Call last.
    PromptsRead finish();

private:
    void readCsv(std::string_view content);
    void readJsonList(std::string_view content);
    void readLines(std::string_view content, bool json);
    bool soundBytes(std::string_view record, std::size_t begin);
    void takeJson(std::string_view text, std::size_t begin);
    void takeRecord(nlohmann::json& fields);
    bool takeText(nlohmann::json& fields, const std::string& column, std::string& into);
    bool takePrompt(nlohmann::json& fields, Prompt& prompt);
    bool takeMessages(const nlohmann::json& messages, const std::string& column, std::string& into);
    /// The label that the file says; returns why there is none, else nothing.
    std::string takeLabel(const nlohmann::json& fields, Prompt& prompt);
    /// False when the prompt stays apart: it has no label, or is left out.
    bool correctLabel(Prompt& prompt, const std::string& problem);
    bool takeSplit(nlohmann::json& fields, Prompt& prompt, bool& unsplit);
    bool takeId(nlohmann::json& fields, Prompt& prompt, bool& made);
    void broken(const std::string& what);
    PromptFileRead& current() { return m_read.files.back(); }
    const PromptLayout& layout() const { return *m_read.files.back().layout; }
    bool full();

    PromptsRead m_read;
    std::unordered_map<std::string, PromptPlace> m_ids;
    std::set<std::string> m_wanted;
    std::set<std::string> m_met;  ///< Corrections of the file whose prompt was found.
    std::string_view m_content;
    PromptPlace m_at;
    bool m_tooMany = false;
};

}  // namespace safequant
