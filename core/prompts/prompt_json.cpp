// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_json.h"

#include <algorithm>
#include <utility>

namespace safequant {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kDeepest = 32;

/// Builds the wanted fields while the parser goes through the text; values of other fields are never kept.
class FieldHandler : public nlohmann::json_sax<Json> {
public:
    FieldHandler(const std::set<std::string>& wanted, JsonFieldsRead& into) : m_wanted(wanted), m_into(into) {}

    bool null() override { return scalar(nullptr); }
    bool boolean(bool value) override { return scalar(value); }
    bool number_integer(number_integer_t value) override { return scalar(value); }
    bool number_unsigned(number_unsigned_t value) override { return scalar(value); }
    bool number_float(number_float_t value, const string_t&) override { return scalar(value); }
    bool string(string_t& value) override {
        if (m_levels.empty()) return notAnObject();
        if (auto* place = placeForValue()) *place = value;
        return true;
    }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return start(Json::object()); }
    bool start_array(std::size_t) override { return m_levels.empty() ? notAnObject() : start(Json::array()); }
    bool end_object() override { return end(); }
    bool end_array() override { return end(); }
    bool key(string_t& name) override {
        auto& level = m_levels.back();
        if (!level.keys.insert(name).second) return broken("has the key " + Json(name).dump() + " twice in one object");
        level.key = name;
        if (m_levels.size() == 1) m_into.names.push_back(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        m_into.problemAt = position > 0 ? position - 1 : 0;
        return broken("is not valid JSON");
    }

private:
    struct Level {
        Json* target = nullptr;  ///< Null: nothing in here is wanted.
        std::set<std::string> keys;
        std::string key;
    };

    Json* placeForValue() {
        auto& level = m_levels.back();
        if (level.target == nullptr) return nullptr;
        if (level.target->is_array()) {
            level.target->push_back(nullptr);
            return &level.target->back();
        }
        if (m_levels.size() == 1 && !m_wanted.contains(level.key)) return nullptr;
        return &(*level.target)[level.key];
    }
    bool scalar(const Json& value) {
        if (m_levels.empty()) return notAnObject();
        if (auto* place = placeForValue()) *place = value;
        return true;
    }
    bool start(Json container) {
        if (m_levels.size() >= kDeepest) return broken("is nested deeper than " + std::to_string(kDeepest) + " levels");
        Level level;
        level.target = m_levels.empty() ? &m_into.fields : placeForValue();
        if (level.target != nullptr) *level.target = std::move(container);
        m_levels.push_back(std::move(level));
        return true;
    }
    bool end() {
        m_levels.pop_back();
        return true;
    }
    bool notAnObject() { return broken("is not a JSON object; every prompt must look like {\"prompt\": ..., \"label\": ...}"); }
    bool broken(std::string problem) {
        if (m_into.problem.empty()) m_into.problem = std::move(problem);
        return false;
    }

    const std::set<std::string>& m_wanted;
    JsonFieldsRead& m_into;
    std::vector<Level> m_levels;
};

}  // namespace

JsonFieldsRead readJsonFields(std::string_view text, const std::set<std::string>& wanted) {
    JsonFieldsRead read;
    FieldHandler handler(wanted, read);
    Json::sax_parse(text.begin(), text.end(), &handler);
    return read;
}

void JsonListReader::skipSpace() {
    for (; m_at < m_content.size() && std::string_view(" \t\r\n").find(m_content[m_at]) != std::string_view::npos; ++m_at)
        if (m_content[m_at] == '\n') ++m_line;
}

bool JsonListReader::broken(Item& item, std::string problem) {
    item.line = m_line;
    item.begin = m_at;
    item.problem = std::move(problem);
    m_done = true;
    return true;
}

void JsonListReader::scanItem() {
    std::size_t depth = 0;
    bool inString = false;
    for (; m_at < m_content.size(); ++m_at) {
        const char c = m_content[m_at];
        if (c == '\n') ++m_line;
        if (inString) {
            if (c == '\\') ++m_at;
            else if (c == '"') inString = false;
        } else if (c == '"') {
            inString = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (depth == 0 && (c == ',' || c == ']')) {
            return;
        } else if (c == '}' || c == ']') {
            if (depth > 0) --depth;
        }
    }
    m_at = m_content.size();
}

bool JsonListReader::next(Item& item) {
    item = {};
    if (m_done) return false;
    if (m_trailing) return broken(item, "has something behind the end of the list; a file holds one list");
    skipSpace();
    if (!m_begun) {
        if (m_at >= m_content.size() || m_content[m_at] != '[')
            return broken(item, "is no JSON list; the file must be [{\"prompt\": ...}, ...]. One object a line is the format jsonl");
        ++m_at;
        m_begun = true;
        skipSpace();
        if (m_at < m_content.size() && m_content[m_at] == ']') {
            m_done = true;
            return false;
        }
    }
    item.line = m_line;
    item.begin = m_at;
    scanItem();
    if (m_at >= m_content.size()) {
        m_at = item.begin;
        m_line = item.line;
        return broken(item, "begins an item of the list that never ends: the file is cut off, or a bracket or quote is missing");
    }
    item.text = m_content.substr(item.begin, m_at - item.begin);
    while (!item.text.empty() && std::string_view(" \t\r\n").find(item.text.back()) != std::string_view::npos) item.text.remove_suffix(1);
    if (m_content[m_at] == ',') {
        ++m_at;
        return true;
    }
    ++m_at;
    skipSpace();
    m_done = m_at >= m_content.size();
    m_trailing = !m_done;
    return true;
}

}  // namespace safequant
