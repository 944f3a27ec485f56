// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/prompts/prompt_label.h"

namespace safequant {

enum class PromptFormat : std::uint8_t {
    Auto,       ///< Found from name and content.
    Csv,        ///< RFC 4180 with a head line; comma, semicolon, tab or bar.
    Json,       ///< One list of objects.
    JsonLines,  ///< One object a line.
    Text,       ///< One prompt a line.
};

/// "auto", "csv", "json", "jsonl", "text".
const char* promptFormatName(PromptFormat format);
std::optional<PromptFormat> promptFormatOf(std::string_view name);

/// Which column (CSV) or field (JSON) holds what. Empty: the one that the file's layout names.
struct PromptMapping {
    std::string prompt;  ///< A text, or a list of chat messages, whose last user turn is the prompt.
    std::string label, id, category, source, split;
    std::string context;  ///< A text that belongs before the prompt.
    std::string input;    ///< A text that belongs after the prompt.
    /// What values of the label column mean, e.g. {"unsafe": Malicious}. A value that ends in '*' stands for all that begin with
    /// the rest; the longest that fits wins. Names of labels always mean themselves.
    std::map<std::string, PromptLabel> labelValues;

    bool operator==(const PromptMapping&) const = default;
};

/// The texts of a mapping with their names in a spec: "prompt", "label", "id", "category", "source", "split", "context", "input".
struct PromptRole {
    const char* name;
    std::string PromptMapping::*column;
};
inline constexpr PromptRole kPromptRoles[] = {
    {"prompt", &PromptMapping::prompt},     {"label", &PromptMapping::label},   {"id", &PromptMapping::id},
    {"category", &PromptMapping::category}, {"source", &PromptMapping::source}, {"split", &PromptMapping::split},
    {"context", &PromptMapping::context},   {"input", &PromptMapping::input},
};

/// Single prompts of a file that are something else than the file says, by id; without a label: left out.
using PromptCorrections = std::map<std::string, std::optional<PromptLabel>>;

/// A file of prompts and how to read it.
struct PromptFile {
    std::string path;
    PromptFormat format = PromptFormat::Auto;
    char delimiter = 0;                ///< Of CSV; 0: found from the head line.
    std::optional<PromptLabel> label;  ///< Of every prompt; a label column is not read then.
    PromptMapping map;
    PromptCorrections corrections;

    bool operator==(const PromptFile&) const = default;
};

/// JSON of a prompt file in specs and messages: its path alone as a string, or
/// {"file": PATH, "format": "csv", "delimiter": ";", "label": "malicious", "map": {"prompt": "goal", ...},
///  "label_values": {"unsafe": "malicious"}, "corrections": {"a-17": "hard_benign", "a-18": "leave_out"}}, all but `file` optional. Error: bad_input that names field and remedy; `where` is its
/// context.
Expected<PromptFile> promptFileFromJson(const nlohmann::json& json, const std::string& where);
/// The string where nothing but the path is set.
nlohmann::json promptFileToJson(const PromptFile& file);

/// A mapping as JSON: {"prompt": "goal", ...}, roles without a column left out.
nlohmann::json promptMappingToJson(const PromptMapping& map);

}  // namespace safequant
