// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/spec_reader.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/base/files.h"
#include "core/base/nearest_name.h"
#include "core/checkpoint/hub_cache.h"

namespace safequant {
namespace {

std::string numberText(double value) {
    std::ostringstream stream;
    stream << value;
    return stream.str();
}

}  // namespace

SpecReader::SpecReader(const nlohmann::json& json, std::string path, std::string where, std::string kind)
    : m_json(&json), m_path(std::move(path)), m_where(std::move(where)), m_kind(std::move(kind)) {
    if (json.is_object()) return;
    m_error = Error{ErrorKind::BadInput,
                    (m_path.empty() ? "The spec" : m_path) + " must be an object {...}, not " + json.type_name() + ".",
                    m_where};
}

std::string SpecReader::pathOf(const std::string& name) const {
    return m_path.empty() ? name : m_path + "." + name;
}

void SpecReader::reject(const std::string& name, const std::string& problem) {
    adopt(Error{ErrorKind::BadInput, pathOf(name) + " " + problem, m_where});
}

void SpecReader::adopt(const Error& error) {
    if (!m_error) m_error = error;
}

void SpecReader::finishInner(SpecReader& inner) {
    if (const auto done = inner.finish(); !done) adopt(done.error());
}

const nlohmann::json* SpecReader::find(const std::string& name) {
    m_known.push_back(name);
    if (!m_json->is_object()) return nullptr;
    const auto found = m_json->find(name);
    return found == m_json->end() ? nullptr : &*found;
}

void SpecReader::format(const std::string& name, int version) {
    std::string format = name;
    int found = version;
    text("format", format);
    whole("format_version", found, 1, 1'000'000);
    if (format != name) reject("format", "is \"" + format + "\"; a " + m_kind + " has \"" + name + "\".");
    if (found > version)
        adopt(Error{ErrorKind::Unsupported,
                    "The spec has format version " + std::to_string(found) + "; this program reads version " +
                        std::to_string(version) + ". Update the program.",
                    m_where});
}

const nlohmann::json* SpecReader::child(const std::string& name) {
    return find(name);
}

void SpecReader::text(const std::string& name, std::string& target) {
    const auto* value = find(name);
    if (value == nullptr) return;
    if (!value->is_string()) return reject(name, std::string("must be a string, not ") + value->type_name() + ".");
    target = value->get<std::string>();
}

void SpecReader::truth(const std::string& name, bool& target) {
    const auto* value = find(name);
    if (value == nullptr) return;
    if (!value->is_boolean())
        return reject(name, std::string("must be true or false, not ") + value->type_name() + ".");
    target = value->get<bool>();
}

void SpecReader::whole(const std::string& name, int& target, int low, int high) {
    const auto* value = find(name);
    if (value == nullptr) return;
    const std::string needed =
        "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ", not ";
    if (!value->is_number_integer())
        return reject(name, needed + (value->is_number() ? value->dump() : value->type_name()) + ".");
    const bool tooLarge =
        value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::max(high, 0));
    if (tooLarge || value->get<std::int64_t>() < low || value->get<std::int64_t>() > high)
        return reject(name, needed + value->dump() + ".");
    target = value->get<int>();
}

void SpecReader::wholeUnsigned(const std::string& name, std::uint64_t& target) {
    const auto* value = find(name);
    if (value == nullptr) return;
    const bool negative = value->is_number_integer() && !value->is_number_unsigned() && value->get<std::int64_t>() < 0;
    if (!value->is_number_integer() || negative)
        return reject(name, "must be a whole number of 0 or more, not " +
                                (value->is_number() ? value->dump() : std::string(value->type_name())) + ".");
    target = value->get<std::uint64_t>();
}

void SpecReader::number(const std::string& name, double& target, double low, double high, bool lowOpen) {
    const auto* value = find(name);
    if (value == nullptr) return;
    const std::string needed = "must be a number " + std::string(lowOpen ? "above " : "from ") + numberText(low) +
                               " to " + numberText(high) + ", not ";
    if (!value->is_number()) return reject(name, needed + value->type_name() + ".");
    const auto number = value->get<double>();
    if (!std::isfinite(number) || number < low || number > high || (lowOpen && number == low))
        return reject(name, needed + value->dump() + ".");
    target = number;
}

void SpecReader::texts(const std::string& name, std::vector<std::string>& target) {
    const auto* value = find(name);
    if (value == nullptr) return;
    if (!value->is_array())
        return reject(name, std::string("must be a list of strings, not ") + value->type_name() + ".");
    std::vector<std::string> read;
    for (std::size_t i = 0; i < value->size(); ++i) {
        const auto& item = (*value)[i];
        if (!item.is_string())
            return reject(name + "[" + std::to_string(i) + "]",
                          std::string("must be a string, not ") + item.type_name() + ".");
        read.push_back(item.get<std::string>());
    }
    target = std::move(read);
}

std::size_t SpecReader::chosen(const std::string& name, const std::string& what, std::span<const std::string> names, std::size_t standard) {
    std::string word = names[standard];
    text(name, word);
    const auto found = std::find(names.begin(), names.end(), word);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    std::string known;
    for (const std::string& candidate : names) known += (known.empty() ? "\"" : ", \"") + candidate + "\"";
    reject(name, "names no " + what + ": \"" + word + "\"; known: " + known + ".");
    return standard;
}

Expected<void> SpecReader::finish() {
    if (m_json->is_object()) {
        for (const auto& [key, value] : m_json->items()) {
            if (std::find(m_known.begin(), m_known.end(), key) != m_known.end()) continue;
            reject(key, "is not a field of a " + m_kind + didYouMean(key, m_known));
        }
    }
    if (m_error) return fail(*m_error);
    return {};
}

Expected<nlohmann::json> readSpecFile(const std::string& path, const std::string& kind) {
    const auto text = readTextFile(path, std::uint64_t{16} << 20);
    if (!text) return fail(text.error());
    try {
        return nlohmann::json::parse(*text);
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::BadInput, "The " + kind + " is not JSON: " + error.what(), path);
    }
}

void anchorPath(std::string& path, const std::filesystem::path& folder) {
    if (path.empty() || path.starts_with("builtin:")) return;
    path = (folder / path).lexically_normal().string();
}

void anchorModel(std::string& path, const std::filesystem::path& folder) {
    if (std::filesystem::exists(folder / path) || !HubName::parse(path)) anchorPath(path, folder);
}

}  // namespace safequant
