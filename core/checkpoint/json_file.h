// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace safequant {

/// Parses JSON and refuses what most parsers let through silently: an object that has the same key twice. Error: bad_input with
/// the byte, `where` as context.
Expected<nlohmann::json> parseStrictJson(std::string_view text, const std::string& where);

/// A JSON object from a file. Errors: those of reading and parsing, bad_input when it is not an object.
Expected<nlohmann::json> readJsonObject(const std::string& path, std::uint64_t limit = std::uint64_t{1} << 28);

/// Reads the fields of one JSON object and keeps the first error, so that a caller checks once at the end. A field that is
/// absent or null takes the fallback; without a fallback it is an error.
class JsonFields {
public:
    JsonFields(const nlohmann::json& object, std::string path) : m_object(object), m_path(std::move(path)) {}

    bool has(const char* field) const { return m_object.contains(field) && !m_object.at(field).is_null(); }
    /// Whether the field is there and null, which for some fields says more than its absence.
    bool isNull(const char* field) const { return m_object.contains(field) && m_object.at(field).is_null(); }
    int integer(const char* field, std::optional<int> fallback = {});
    double real(const char* field, std::optional<double> fallback = {});
    bool boolean(const char* field, std::optional<bool> fallback = {});
    std::string text(const char* field, std::optional<std::string> fallback = {});
    /// One whole number or a list of them; empty when absent.
    std::vector<int> integers(const char* field);
    /// A list of strings, or of numbers; empty when absent.
    std::vector<std::string> texts(const char* field);
    std::vector<float> reals(const char* field);
    const nlohmann::json& object() const { return m_object; }
    const std::string& path() const { return m_path; }
    const std::optional<Error>& error() const { return m_error; }

private:
    const nlohmann::json* value(const char* field, bool optional);
    void note(const char* field, const std::string& rule);

    const nlohmann::json& m_object;
    std::string m_path;
    std::optional<Error> m_error;
};

}  // namespace safequant
