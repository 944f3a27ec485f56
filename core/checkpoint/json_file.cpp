// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/json_file.h"

#include <cmath>
#include <limits>
#include <set>

#include "core/base/files.h"

namespace safequant {
namespace {

/// "[json.exception.parse_error.101] parse error at line 1, ..." without the library's own prefix.
std::string parserMessage(const std::exception& error) {
    std::string text = error.what();
    const std::size_t end = text.find("] ");
    return end != std::string::npos ? text.substr(end + 2) : text;
}

bool fitsInt(const nlohmann::json& value) {
    if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<int>::max());
    if (!value.is_number_integer()) return false;
    const auto number = value.get<std::int64_t>();
    return number >= std::numeric_limits<int>::min() && number <= std::numeric_limits<int>::max();
}

}  // namespace

Expected<nlohmann::json> parseStrictJson(std::string_view text, const std::string& where) {
    using Json = nlohmann::json;
    std::vector<std::set<std::string>> keys;
    std::string twice;
    const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        if (event == Json::parse_event_t::object_end) keys.pop_back();
        if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get_ref<const std::string&>()).second && twice.empty())
            twice = parsed.get<std::string>();
        return true;
    };
    try {
        Json json = Json::parse(text.begin(), text.end(), watch);
        if (!twice.empty()) return fail(ErrorKind::BadInput, "The key \"" + twice + "\" appears twice in one object.", where);
        return json;
    } catch (const Json::exception& error) {
        return fail(ErrorKind::BadInput, "Is not valid JSON: " + parserMessage(error) + ".", where);
    }
}

Expected<nlohmann::json> readJsonObject(const std::string& path, std::uint64_t limit) {
    const auto text = readTextFile(path, limit);
    if (!text) return fail(text.error());
    auto json = parseStrictJson(*text, path);
    if (json && !json->is_object()) return fail(ErrorKind::BadInput, "Must hold a JSON object.", path);
    return json;
}

const nlohmann::json* JsonFields::value(const char* field, bool optional) {
    if (has(field)) return &m_object.at(field);
    if (!optional) note(field, "is missing");
    return nullptr;
}

void JsonFields::note(const char* field, const std::string& rule) {
    if (!m_error) m_error = Error{ErrorKind::BadInput, "Field \"" + std::string(field) + "\" " + rule + ".", m_path};
}

int JsonFields::integer(const char* field, std::optional<int> fallback) {
    const auto* json = value(field, fallback.has_value());
    if (json == nullptr) return fallback.value_or(0);
    if (fitsInt(*json)) return json->get<int>();
    note(field, "must be a whole number of 32 bits");
    return 0;
}

double JsonFields::real(const char* field, std::optional<double> fallback) {
    const auto* json = value(field, fallback.has_value());
    if (json == nullptr) return fallback.value_or(0.0);
    if (json->is_number() && std::isfinite(json->get<double>())) return json->get<double>();
    note(field, "must be a finite number");
    return 0.0;
}

bool JsonFields::boolean(const char* field, std::optional<bool> fallback) {
    const auto* json = value(field, fallback.has_value());
    if (json == nullptr) return fallback.value_or(false);
    if (json->is_boolean()) return json->get<bool>();
    note(field, "must be true or false");
    return false;
}

std::string JsonFields::text(const char* field, std::optional<std::string> fallback) {
    const auto* json = value(field, fallback.has_value());
    if (json == nullptr) return fallback.value_or(std::string());
    if (json->is_string()) return json->get<std::string>();
    note(field, "must be a string");
    return {};
}

std::vector<int> JsonFields::integers(const char* field) {
    if (!has(field)) return {};
    const nlohmann::json& json = m_object.at(field);
    if (fitsInt(json)) return {json.get<int>()};
    std::vector<int> numbers;
    if (json.is_array())
        for (const auto& item : json)
            if (fitsInt(item)) numbers.push_back(item.get<int>());
    if (!json.is_array() || numbers.size() != json.size()) note(field, "must be a whole number or a list of them");
    return numbers;
}

std::vector<std::string> JsonFields::texts(const char* field) {
    std::vector<std::string> items;
    if (!has(field)) return items;
    const nlohmann::json& json = m_object.at(field);
    if (json.is_array())
        for (const auto& item : json)
            if (item.is_string()) items.push_back(item.get<std::string>());
    if (!json.is_array() || items.size() != json.size()) note(field, "must be a list of strings");
    return items;
}

std::vector<float> JsonFields::reals(const char* field) {
    std::vector<float> items;
    if (!has(field)) return items;
    const nlohmann::json& json = m_object.at(field);
    if (json.is_array())
        for (const auto& item : json)
            if (item.is_number() && std::isfinite(item.get<float>())) items.push_back(item.get<float>());
    if (!json.is_array() || items.size() != json.size()) note(field, "must be a list of finite numbers");
    return items;
}

}  // namespace safequant
