// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_file.h"

#include <algorithm>
#include <vector>

#include "core/base/nearest_name.h"

namespace safequant {
namespace {

constexpr PromptFormat kFormats[] = {PromptFormat::Auto, PromptFormat::Csv, PromptFormat::Json, PromptFormat::JsonLines,
                                     PromptFormat::Text};
constexpr std::string_view kFields[] = {"file", "format", "delimiter", "label", "map", "label_values", "corrections"};
constexpr std::string_view kLeaveOut = "leave_out";
constexpr std::string_view kLabelRemedy = "use \"malicious\", \"benign\" or \"hard_benign\"";

tl::unexpected<Error> bad(const std::string& field, const std::string& problem, const std::string& where) {
    return fail(ErrorKind::BadInput, "\"" + field + "\" of a prompt file " + problem + ".", where);
}

Expected<void> readMap(const nlohmann::json& json, PromptMapping& map, const std::string& where) {
    if (!json.is_object()) return bad("map", "must be an object such as {\"prompt\": \"goal\"}", where);
    for (const auto& [name, column] : json.items()) {
        const auto* role = std::find_if(std::begin(kPromptRoles), std::end(kPromptRoles),
                                        [&wanted = name](const PromptRole& known) { return wanted == known.name; });
        if (role == std::end(kPromptRoles)) {
            std::vector<std::string_view> known;
            for (const auto& each : kPromptRoles) known.emplace_back(each.name);
            return fail(ErrorKind::BadInput, unknownNameMessage("role in \"map\"", name, known), where);
        }
        if (!column.is_string() || column.get_ref<const std::string&>().empty())
            return bad("map." + name, "must be the name of a column", where);
        map.*(role->column) = column.get<std::string>();
    }
    return {};
}

Expected<PromptLabel> readLabel(const std::string& field, const nlohmann::json& json, const std::string& where) {
    const auto label = json.is_string() ? promptLabelOf(json.get_ref<const std::string&>()) : std::nullopt;
    if (!label) return bad(field, "is " + json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "; " + std::string(kLabelRemedy), where);
    return *label;
}

Expected<void> readLabelValues(const nlohmann::json& json, PromptMapping& map, const std::string& where) {
    if (!json.is_object()) return bad("label_values", "must be an object such as {\"unsafe\": \"malicious\"}", where);
    for (const auto& [value, name] : json.items()) {
        const auto label = readLabel("label_values." + value, name, where);
        if (!label) return fail(label.error());
        map.labelValues[value] = *label;
    }
    return {};
}

Expected<void> readCorrections(const nlohmann::json& json, PromptCorrections& corrections, const std::string& where) {
    if (!json.is_object()) return bad("corrections", "must be an object such as {\"ID\": \"hard_benign\", \"ID\": \"leave_out\"}", where);
    for (const auto& [id, name] : json.items()) {
        if (name == kLeaveOut) {
            corrections[id] = std::nullopt;
            continue;
        }
        const auto label = readLabel("corrections." + id, name, where);
        if (!label) {
            Error error = label.error();
            error.message.insert(error.message.size() - 1, ", or \"leave_out\"");
            return fail(std::move(error));
        }
        corrections[id] = *label;
    }
    return {};
}

}  // namespace

const char* promptFormatName(PromptFormat format) {
    switch (format) {
        case PromptFormat::Csv: return "csv";
        case PromptFormat::Json: return "json";
        case PromptFormat::JsonLines: return "jsonl";
        case PromptFormat::Text: return "text";
        case PromptFormat::Auto: break;
    }
    return "auto";
}

std::optional<PromptFormat> promptFormatOf(std::string_view name) {
    for (const auto format : kFormats)
        if (name == promptFormatName(format)) return format;
    return std::nullopt;
}

Expected<PromptFile> promptFileFromJson(const nlohmann::json& json, const std::string& where) {
    PromptFile file;
    if (json.is_string()) {
        file.path = json.get<std::string>();
        if (file.path.empty()) return fail(ErrorKind::BadInput, "The path of a prompt file is empty.", where);
        return file;
    }
    if (!json.is_object())
        return fail(ErrorKind::BadInput, "A prompt file must be a path or an object with \"file\", not " + std::string(json.type_name()) + ".", where);
    for (const auto& [name, value] : json.items())
        if (std::find(std::begin(kFields), std::end(kFields), name) == std::end(kFields))
            return fail(ErrorKind::BadInput, unknownNameMessage("field of a prompt file", name, kFields), where);
    const auto path = json.find("file");
    if (path == json.end() || !path->is_string() || path->get_ref<const std::string&>().empty())
        return bad("file", "must be its path", where);
    file.path = path->get<std::string>();
    if (const auto value = json.find("format"); value != json.end()) {
        const auto format = value->is_string() ? promptFormatOf(value->get_ref<const std::string&>()) : std::nullopt;
        if (!format) return bad("format", "must be \"auto\", \"csv\", \"json\", \"jsonl\" or \"text\"", where);
        file.format = *format;
    }
    if (const auto value = json.find("delimiter"); value != json.end()) {
        const std::string text = value->is_string() ? value->get<std::string>() : std::string();
        if (text.size() != 1 || std::string_view(",;\t|").find(text[0]) == std::string_view::npos)
            return bad("delimiter", "must be one of \",\", \";\", a tab or \"|\"", where);
        file.delimiter = text[0];
    }
    if (const auto value = json.find("label"); value != json.end()) {
        const auto label = readLabel("label", *value, where);
        if (!label) return fail(label.error());
        file.label = *label;
    }
    if (const auto value = json.find("map"); value != json.end())
        if (auto read = readMap(*value, file.map, where); !read) return fail(read.error());
    if (const auto value = json.find("label_values"); value != json.end())
        if (auto read = readLabelValues(*value, file.map, where); !read) return fail(read.error());
    if (const auto value = json.find("corrections"); value != json.end())
        if (auto read = readCorrections(*value, file.corrections, where); !read) return fail(read.error());
    return file;
}

nlohmann::json promptMappingToJson(const PromptMapping& map) {
    nlohmann::json json = nlohmann::json::object();
    for (const auto& role : kPromptRoles)
        if (const auto& column = map.*(role.column); !column.empty()) json[role.name] = column;
    return json;
}

nlohmann::json promptFileToJson(const PromptFile& file) {
    if (file == PromptFile{.path = file.path, .format = {}, .delimiter = 0, .label = {}, .map = {}, .corrections = {}}) return file.path;
    nlohmann::json json{{"file", file.path}};
    if (file.format != PromptFormat::Auto) json["format"] = promptFormatName(file.format);
    if (file.delimiter != 0) json["delimiter"] = std::string(1, file.delimiter);
    if (file.label) json["label"] = promptLabelName(*file.label);
    if (auto map = promptMappingToJson(file.map); !map.empty()) json["map"] = std::move(map);
    for (const auto& [value, label] : file.map.labelValues) json["label_values"][value] = promptLabelName(label);
    for (const auto& [id, label] : file.corrections) json["corrections"][id] = label ? std::string(promptLabelName(*label)) : std::string(kLeaveOut);
    return json;
}

}  // namespace safequant
