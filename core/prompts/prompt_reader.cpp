// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_reader.h"

#include <algorithm>
#include <filesystem>

#include "core/base/csv_reader.h"
#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/base/utf8.h"
#include "core/prompts/prompt_json.h"

namespace safequant {
namespace {

std::string shownJson(const nlohmann::json& value) {
    constexpr std::size_t kLongest = 60;
    std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
    return text;
}

bool isBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// A value as the text that label values are compared with.
std::string plainText(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// A label by its own name, by what the mapping says of the value, or by the longest beginning the mapping knows.
std::optional<PromptLabel> labelByMapping(const std::string& value, const PromptMapping& map) {
    if (const auto label = promptLabelOf(value)) return label;
    if (const auto exact = map.labelValues.find(value); exact != map.labelValues.end()) return exact->second;
    std::optional<PromptLabel> found;
    std::size_t longest = 0;
    for (const auto& [pattern, label] : map.labelValues) {
        if (!pattern.ends_with('*') || !value.starts_with(pattern.substr(0, pattern.size() - 1))) continue;
        if (found && pattern.size() <= longest) continue;
        found = label;
        longest = pattern.size();
    }
    return found;
}

/// The text of a chat message: a string, or the text parts of a list; nullopt for anything else.
std::optional<std::string> messageText(const nlohmann::json& content) {
    if (content.is_string()) return content.get<std::string>();
    if (!content.is_array()) return std::nullopt;
    std::string text;
    for (const auto& part : content) {
        if (!part.is_object() || !part.contains("text") || !part["text"].is_string()) return std::nullopt;
        if (!text.empty()) text += "\n";
        text += part["text"].get_ref<const std::string&>();
    }
    return text;
}

std::string roleOf(const nlohmann::json& message) {
    for (const char* key : {"role", "from"})
        if (const auto role = message.find(key); role != message.end() && role->is_string()) {
            const auto name = role->get<std::string>();
            return name == "human" ? "user" : name == "gpt" ? "assistant" : name;
        }
    return {};
}

}  // namespace

std::string PromptsRead::where(const PromptPlace& place) const {
    const auto& path = files[place.file].file.path;
    return place.line > 0 ? path + ":" + std::to_string(place.line) : path;
}

void PromptReader::broken(const std::string& what) {
    ++m_read.problemCount;
    ++current().problems;
    if (m_read.problems.size() < PromptsRead::kMaxProblems) m_read.problems.push_back({current().file.path, m_at.line, what});
}

void PromptReader::read(const PromptFile& file) {
    const auto content = readTextFile(file.path, kMaxPromptFileBytes);
    if (content) return read(file, *content);
    m_read.files.push_back({.file = file, .layout = {}, .sha256 = {}});
    m_at = {m_read.files.size() - 1, 0};
    if (m_read.problemCount == 0) m_read.firstKind = content.error().kind;
    broken(content.error().message);
}

void PromptReader::read(const PromptFile& file, std::string_view content) {
    m_read.files.push_back({.file = file, .layout = {}, .sha256 = sha256Hex(content)});
    m_at = {m_read.files.size() - 1, 0};
    m_content = content;
    auto layout = findPromptLayout(file, content);
    if (!layout) {
        const auto& context = layout.error().context;
        broken((context.size() > file.path.size() ? "(line " + context.substr(file.path.size() + 1) + ") " : "") + layout.error().message);
        return;
    }
    current().layout = std::move(*layout);
    const auto& found = this->layout();
    if (auto sound = checkPromptMapping(found, file.path); !sound) return broken(sound.error().message);
    if (!file.label && found.map.label.empty()) {
        broken("Nothing says which prompts are malicious and which are benign. " +
               (found.suggestedBecause.empty() ? std::string() : found.suggestedBecause + " ") +
               "Give the whole file a label (\"label\" in a spec, --label " +
               (found.suggestedLabel ? promptLabelName(*found.suggestedLabel) : "malicious") +
               "), or say which column has it (\"map\", --map label=COLUMN).");
        return;
    }
    m_wanted.clear();
    m_met.clear();
    for (const auto& role : kPromptRoles)
        if (const auto& column = found.map.*(role.column); !column.empty()) m_wanted.insert(column);
    if (found.promptOrText) m_wanted.insert("text");
    const auto text = withoutByteOrderMark(content);
    switch (found.format) {
        case PromptFormat::Csv: readCsv(text); break;
        case PromptFormat::Json: readJsonList(text); break;
        case PromptFormat::Text: readLines(text, false); break;
        case PromptFormat::JsonLines:
        case PromptFormat::Auto: readLines(text, true); break;
    }
    m_at.line = 0;
    for (const auto& [id, label] : file.corrections)
        if (!m_met.contains(id)) broken("A correction names " + shownJson(id) + ", but no prompt of the file has this id; take the correction out.");
    if (current().prompts == 0 && current().problems == 0)
        broken(current().leftOut == 0 ? "There is no prompt in it." : "All its prompts are left out; take the file out instead.");
}

/// Notes once that a set has as many prompts as are read.
bool PromptReader::full() {
    if (m_read.prompts.size() < kMaxPrompts) return false;
    if (!m_tooMany) broken("is beyond the first " + std::to_string(kMaxPrompts) + " prompts, the most that are read; leave some out");
    m_tooMany = true;
    return true;
}

/// Refuses a record that is too long, has NUL bytes or is not UTF-8. `begin` is its place behind any byte-order mark.
bool PromptReader::soundBytes(std::string_view record, std::size_t begin) {
    const std::size_t offset = begin + (m_content.size() - withoutByteOrderMark(m_content).size());
    if (record.size() > kMaxPromptRecordBytes) {
        broken("is " + std::to_string(record.size()) + " bytes long; a prompt may have " + std::to_string(kMaxPromptRecordBytes) +
               " at most. A quote or bracket may be missing");
        return false;
    }
    if (const auto at = record.find('\0'); at != std::string_view::npos) {
        broken("holds a NUL byte (byte " + std::to_string(offset + at) + " of the file); this may be no text file, or it is UTF-16: save it as UTF-8");
        return false;
    }
    if (const auto at = illFormedUtf8At(record); at != std::string_view::npos) {
        broken("is not valid UTF-8 (byte " + std::to_string(offset + at) + " of the file); save the file as UTF-8");
        return false;
    }
    return true;
}

void PromptReader::readCsv(std::string_view content) {
    CsvReader reader(content, layout().delimiter);
    CsvRecord record;
    reader.next(record);  // The head line.
    const auto& columns = layout().columns;
    std::vector<bool> wanted;
    for (const auto& column : columns) wanted.push_back(m_wanted.contains(column));
    reader.setWanted(std::move(wanted));
    while (reader.next(record)) {
        m_at.line = record.line;
        m_at.begin = record.begin;
        if (full()) return;
        if (!soundBytes(content.substr(record.begin, record.end - record.begin), record.begin)) continue;
        if (!record.problem.empty()) {
            broken(record.problem);
            continue;
        }
        if (record.fieldCount != columns.size()) {
            broken("has " + std::to_string(record.fieldCount) + " fields where the head line has " + std::to_string(columns.size()) +
                   "; a field that holds the delimiter, a quote or a line break must stand in quotes");
            continue;
        }
        nlohmann::json fields = nlohmann::json::object();
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (m_wanted.contains(columns[i])) fields[columns[i]] = std::move(record.fields[i]);
        takeRecord(fields);
    }
}

void PromptReader::readJsonList(std::string_view content) {
    JsonListReader list(content);
    JsonListReader::Item item;
    while (list.next(item)) {
        m_at.line = item.line;
        m_at.begin = item.begin;
        if (full()) return;
        if (!item.problem.empty()) broken(item.problem);
        else if (soundBytes(item.text, item.begin)) takeJson(item.text, item.begin);
    }
}

void PromptReader::readLines(std::string_view content, bool json) {
    std::size_t begin = 0;
    for (m_at.line = 1; begin < content.size(); ++m_at.line) {
        const auto end = std::min(content.find('\n', begin), content.size());
        std::string_view line = content.substr(begin, end - begin);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!isBlank(line)) {
            m_at.begin = begin;
            if (full()) return;
            if (soundBytes(line, begin)) {
                if (json) {
                    takeJson(line, begin);
                } else {
                    nlohmann::json fields{{"prompt", std::string(line)}};
                    takeRecord(fields);
                }
            }
        }
        begin = end + 1;
    }
}

void PromptReader::takeJson(std::string_view text, std::size_t begin) {
    auto read = readJsonFields(text, m_wanted);
    if (read.problem.empty()) return takeRecord(read.fields);
    if (read.problem != "is not valid JSON") return broken(read.problem);
    const auto before = text.substr(0, read.problemAt);
    const int first = m_at.line;
    m_at.line += static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    const auto lineBegin = m_at.line == first && layout().format == PromptFormat::JsonLines ? 0 : before.rfind('\n') + 1;
    broken("is not valid JSON near column " + std::to_string(read.problemAt - lineBegin + 1) + " (byte " + std::to_string(begin + read.problemAt) + ")");
}

void PromptReader::takeRecord(nlohmann::json& fields) {
    Prompt prompt;
    bool unsplit = false, idMade = false;
    if (!takePrompt(fields, prompt)) return;
    // Before the texts are moved out of the fields: a column may be label and category at once.
    const std::string labelProblem = takeLabel(fields, prompt);
    if (!takeSplit(fields, prompt, unsplit)) return;
    const auto& map = layout().map;
    if (!takeText(fields, map.category, prompt.category) || !takeText(fields, map.source, prompt.source)) return;
    if (prompt.source.empty()) prompt.source = layout().benchmark;
    if (!takeId(fields, prompt, idMade)) return;
    // Those that stay apart keep their ids, too: what is left out gives no other prompt another name.
    m_ids.emplace(prompt.id, m_at);
    if (!correctLabel(prompt, labelProblem)) return;
    if (idMade) ++m_read.idsMade;
    m_read.prompts.push_back(std::move(prompt));
    m_read.places.push_back(m_at);
    m_read.unsplit.push_back(unsplit);
    ++current().prompts;
}

/// An optional text; null counts as absent.
bool PromptReader::takeText(nlohmann::json& fields, const std::string& column, std::string& into) {
    const auto entry = fields.find(column);
    if (entry == fields.end() || entry->is_null()) return true;
    if (!entry->is_string()) {
        broken("\"" + column + "\" is " + shownJson(*entry) + ", not a string");
        return false;
    }
    into = std::move(entry->get_ref<std::string&>());
    return true;
}

bool PromptReader::takeMessages(const nlohmann::json& messages, const std::string& column, std::string& into) {
    const nlohmann::json* last = nullptr;
    std::size_t turns = 0;
    bool system = false;
    for (const auto& message : messages) {
        const auto role = message.is_object() ? roleOf(message) : std::string();
        if (role.empty()) {
            broken("\"" + column + "\" has a message that is no object with \"role\" and \"content\"");
            return false;
        }
        system = system || role == "system";
        if (role == "user") last = &message;
        if (role != "system") ++turns;
    }
    if (last == nullptr) {
        broken("\"" + column + "\" has no message of the user");
        return false;
    }
    const auto content = last->find(last->contains("content") ? "content" : "value");
    auto text = content == last->end() ? std::nullopt : messageText(*content);
    if (!text) {
        broken("\"" + column + "\" ends in a message of the user that holds more than text; only text can be asked");
        return false;
    }
    into = std::move(*text);
    const auto behind = static_cast<std::size_t>(&messages.back() - last);
    if (system) ++current().withSystem;
    if (turns > behind + 1) ++current().withEarlier;
    return true;
}

bool PromptReader::takePrompt(nlohmann::json& fields, Prompt& prompt) {
    const auto& map = layout().map;
    std::string column = layout().format == PromptFormat::Text ? "prompt" : map.prompt;
    if (layout().promptOrText && !fields.contains(column)) column = column == "prompt" ? "text" : "prompt";
    const auto entry = fields.find(column);
    if (entry == fields.end()) {
        broken("has no \"" + map.prompt + "\"");
        return false;
    }
    const bool taken = entry->is_array() && !entry->empty() && entry->front().is_object() ? takeMessages(*entry, column, prompt.text)
                                                                                           : takeText(fields, column, prompt.text);
    if (!taken) return false;
    if (isBlank(prompt.text)) {
        broken("\"" + column + "\" is empty");
        return false;
    }
    std::string context, input;
    if (!takeText(fields, map.context, context) || !takeText(fields, map.input, input)) return false;
    // As HarmBench joins a context and a behaviour, and Alpaca an instruction and its input.
    if (!isBlank(context)) prompt.text = context + "\n\n---\n\n" + prompt.text;
    if (!isBlank(input)) prompt.text += "\n\n" + input;
    if (prompt.text.find('\0') != std::string::npos) {
        broken("\"" + column + "\" holds a NUL character");
        return false;
    }
    return true;
}

bool PromptReader::correctLabel(Prompt& prompt, const std::string& problem) {
    const auto& corrections = current().file.corrections;
    const auto correction = corrections.find(prompt.id);
    if (correction == corrections.end()) {
        if (problem.empty()) return true;
        broken(problem);
        m_read.apart.push_back({std::move(prompt), m_at, false});
        return false;
    }
    m_met.insert(prompt.id);
    if (!correction->second) {
        ++current().leftOut;
        m_read.apart.push_back({std::move(prompt), m_at, true});
        return false;
    }
    if (!problem.empty() || prompt.label != *correction->second) ++current().corrected;
    prompt.label = *correction->second;
    return true;
}

std::string PromptReader::takeLabel(const nlohmann::json& fields, Prompt& prompt) {
    if (current().file.label) {
        prompt.label = *current().file.label;
        return {};
    }
    const auto& map = layout().map;
    const auto entry = fields.find(map.label);
    if (entry == fields.end() || entry->is_null())
        return "has no \"" + map.label + "\"; use \"malicious\", \"benign\" or \"hard_benign\"";
    const auto label = labelByMapping(plainText(*entry), map);
    if (!label)
        return "has the unknown label " + shownJson(*entry) +
               "; use \"malicious\", \"benign\" or \"hard_benign\", or say what it means (\"label_values\" in a spec, --label-value VALUE=LABEL)";
    prompt.label = *label;
    return {};
}

bool PromptReader::takeSplit(nlohmann::json& fields, Prompt& prompt, bool& unsplit) {
    const auto entry = fields.find(layout().map.split);
    unsplit = entry == fields.end() || entry->is_null() || (entry->is_string() && entry->get_ref<const std::string&>().empty());
    if (unsplit) return true;
    const auto split = entry->is_string() ? promptSplitOf(entry->get_ref<const std::string&>()) : std::nullopt;
    if (!split) {
        broken("has the unknown split " + shownJson(*entry) + "; use \"calibration\" or \"evaluation\", or leave it out");
        return false;
    }
    prompt.split = *split;
    return true;
}

bool PromptReader::takeId(nlohmann::json& fields, Prompt& prompt, bool& made) {
    const auto& column = layout().map.id;
    if (const auto entry = fields.find(column); entry != fields.end() && entry->is_number_integer()) prompt.id = entry->dump();
    else if (!takeText(fields, column, prompt.id)) return false;
    if (prompt.id.empty()) {
        made = true;
        const std::string digest = sha256Hex(prompt.text).substr(0, 16);
        prompt.id = digest;
        for (int copy = 2; m_ids.contains(prompt.id); ++copy) prompt.id = digest + "-" + std::to_string(copy);
        return true;
    }
    prompt.id.insert(0, layout().idPrefix);
    auto first = m_ids.find(prompt.id);
    if (first != m_ids.end() && m_read.files[first->second.file].file.path != current().file.path) {
        prompt.id.insert(0, std::filesystem::path(current().file.path).stem().string() + "-");
        first = m_ids.find(prompt.id);
    }
    if (first != m_ids.end()) {
        broken("has the id " + shownJson(prompt.id) + " of " + m_read.where(first->second) + "; ids must be unique");
        return false;
    }
    return true;
}

PromptsRead PromptReader::finish() {
    std::unordered_map<std::string_view, std::size_t> firstWithText;
    for (std::size_t i = 0; i < m_read.prompts.size(); ++i) {
        const auto& prompt = m_read.prompts[i];
        const auto [entry, isNew] = firstWithText.try_emplace(prompt.text, i);
        if (isNew) continue;
        const auto& first = m_read.prompts[entry->second];
        if (first.label == prompt.label) continue;
        const auto place = m_read.places[i];
        ++m_read.files[place.file].problems;
        ++m_read.problemCount;
        if (m_read.problems.size() < PromptsRead::kMaxProblems)
            m_read.problems.push_back({m_read.files[place.file].file.path, place.line,
                                       std::string("is labelled ") + promptLabelName(prompt.label) + ", but the same text is " +
                                           promptLabelName(first.label) + " at " + m_read.where(m_read.places[entry->second]) +
                                           "; leave one of them out"});
    }
    return std::move(m_read);
}

}  // namespace safequant
