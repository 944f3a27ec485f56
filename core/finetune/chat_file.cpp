// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/finetune/chat_file.h"

#include "core/base/files.h"
#include "core/base/nearest_name.h"
#include "core/run/spec_reader.h"

namespace safequant {
namespace {

using nlohmann::json;

/// Reads the texts of one row.
class Row {
public:
    Row(const json& row, std::string where) : m_row(row), m_where(std::move(where)) {}

    /// The text of a pattern of ChatFile.
    Expected<std::string> text(const std::string& pattern) const {
        if (pattern.find('{') == std::string::npos) return place(pattern);
        std::string result;
        for (std::size_t at = 0; at < pattern.size();) {
            const auto open = pattern.find('{', at);
            result += pattern.substr(at, open - at);
            if (open == std::string::npos) break;
            const auto close = pattern.find('}', open);
            if (close == std::string::npos) return broken("The pattern \"" + pattern + "\" opens a { that it does not close.");
            const auto value = place(pattern.substr(open + 1, close - open - 1));
            if (!value) return value;
            result += *value;
            at = close + 1;
        }
        return result;
    }

    Expected<std::vector<ChatMessage>> messages(const std::string& name) const {
        const json& list = m_row.at(name);
        const auto wrong = [&] { return broken("Field \"" + name + "\" must be a list of {\"role\": ..., \"content\": ...} with texts."); };
        if (!list.is_array()) return wrong();
        std::vector<ChatMessage> messages;
        for (const json& item : list) {
            if (!item.is_object() || !item.contains("role") || !item.contains("content") || !item["role"].is_string() ||
                !item["content"].is_string())
                return wrong();
            messages.push_back({item["role"].get<std::string>(), item["content"].get<std::string>()});
        }
        return messages;
    }

    tl::unexpected<Error> broken(const std::string& problem) const { return fail(ErrorKind::BadInput, problem, m_where); }

private:
    Expected<const json*> field(const std::string& name) const {
        if (const auto found = m_row.find(name); found != m_row.end()) return &*found;
        std::vector<std::string> names;
        for (const auto& [key, value] : m_row.items()) names.push_back(key);
        return broken("There is no field \"" + name + "\"" + didYouMean(name, names) + " The source's map names the file's own fields.");
    }

    /// "field" or "list[field]".
    Expected<std::string> place(const std::string& name) const {
        const auto bracket = name.find('[');
        const auto value = field(name.substr(0, bracket));
        if (!value) return fail(value.error());
        if (bracket == std::string::npos) return textOf(**value, name);
        if (name.back() != ']') return broken("\"" + name + "\" opens a [ that it does not close.");
        const auto index = field(name.substr(bracket + 1, name.size() - bracket - 2));
        if (!index) return fail(index.error());
        if (!(*value)->is_array() || !(*index)->is_number_unsigned() || (*index)->get<std::size_t>() >= (*value)->size())
            return broken("\"" + name + "\" needs a list and the index, from 0, of one of its items.");
        return textOf((**value)[(*index)->get<std::size_t>()], name);
    }

    Expected<std::string> textOf(const json& value, const std::string& name) const {
        if (value.is_string()) return value.get<std::string>();
        if (value.is_number()) return value.dump();
        if (!value.is_array()) return broken("Field \"" + name + "\" must be a text, a number or a list of them.");
        std::string joined;
        for (const json& item : value) {
            if (!item.is_string() && !item.is_number()) return broken("Field \"" + name + "\" must be a list of texts.");
            joined += (joined.empty() ? "" : ", ") + (item.is_string() ? item.get<std::string>() : item.dump());
        }
        return joined;
    }

    const json& m_row;
    std::string m_where;
};

Expected<TrainingChat> readRow(const ChatFile& file, const json& object, const std::string& where) {
    const Row row(object, where);
    TrainingChat chat;
    chat.origin = where;
    if (const auto cut = object.find("unfinished"); cut != object.end()) {
        if (!cut->is_boolean()) return row.broken("Field \"unfinished\" must be true or false.");
        chat.unfinished = cut->get<bool>();
    }
    if (object.contains(file.messages)) {
        auto messages = row.messages(file.messages);
        if (!messages) return fail(messages.error());
        chat.messages = std::move(*messages);
        return chat;
    }
    for (const auto& [role, pattern] : {std::pair("system", file.system), std::pair("user", file.prompt), std::pair("assistant", file.answer)}) {
        if (pattern.empty()) continue;
        auto text = row.text(pattern);
        if (!text) return fail(text.error());
        chat.messages.push_back({role, std::move(*text)});
    }
    return chat;
}

}  // namespace

Expected<std::vector<TrainingChat>> readChatFile(const ChatFile& file) {
    const auto content = readTextFile(file.path);
    if (!content) return fail(content.error());
    std::vector<TrainingChat> chats;
    int line = 0;
    for (std::size_t begin = 0; begin < content->size();) {
        const auto end = std::min(content->find('\n', begin), content->size());
        const std::string text = content->substr(begin, end - begin);
        begin = end + 1;
        const std::string where = file.path + ":" + std::to_string(++line);
        if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
        const json object = json::parse(text, nullptr, false);
        if (!object.is_object()) return fail(ErrorKind::BadInput, "The line is no JSON object.", where);
        auto chat = readRow(file, object, where);
        if (!chat) return fail(chat.error());
        chats.push_back(std::move(*chat));
    }
    if (chats.empty()) return fail(ErrorKind::BadInput, "There are no conversations in this file.", file.path);
    return chats;
}

json chatToJson(const TrainingChat& chat) {
    json messages = json::array();
    for (const ChatMessage& message : chat.messages) messages.push_back({{"role", message.role}, {"content", message.content}});
    json row{{"messages", messages}, {"origin", chat.origin}};
    if (chat.unfinished) row["unfinished"] = true;
    return row;
}

}  // namespace safequant
