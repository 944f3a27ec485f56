// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>
#include <set>

#include "core/base/csv_reader.h"
#include "core/base/files.h"
#include "core/base/utf8.h"
#include "core/prompts/prompt_json.h"
#include "core/prompts/prompt_reader.h"
#include "core/prompts/prompt_validation.h"

namespace safequant {
namespace {

constexpr std::size_t kCellBytes = 200;

/// A text of at most kCellBytes, cut between characters, valid UTF-8 whatever it was.
std::string cell(std::string text) {
    if (const auto at = illFormedUtf8At(text); at != std::string::npos) text.resize(at);
    if (text.size() <= kCellBytes) return text;
    text.resize(kCellBytes);
    if (const auto at = illFormedUtf8At(text); at != std::string::npos) text.resize(at);
    return text + "...";
}

/// What a column of chat messages shows: the last text of the user, never an answer.
std::string shown(const nlohmann::json& value) {
    if (value.is_string()) return cell(value.get<std::string>());
    if (value.is_null()) return {};
    if (!value.is_array()) return cell(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return value.size() == 1 ? "1 item" : std::to_string(value.size()) + " items";
}

class Preview {
public:
    Preview(const PromptLayout& layout, const PromptPage& page, protocol::PromptPreview& into) : m_layout(layout), m_page(page), m_into(into) {
        for (const auto& column : layout.columns)
            if (!isCompletionColumn(column)) m_into.columns.push_back(column);
        if (layout.format == PromptFormat::Text) m_into.columns = {"prompt"};
    }

    void read(std::string_view content) {
        switch (m_layout.format) {
            case PromptFormat::Csv: return readCsv(content);
            case PromptFormat::Json: return readList(content);
            default: return readLines(content);
        }
    }

private:
    bool full() const { return m_into.more; }
    void add(int line, std::size_t begin, const nlohmann::json& fields) {
        if (line < m_page.line || begin < m_page.from) return;
        m_into.more = m_into.rows.size() == m_page.rows;
        if (m_into.more) return;
        protocol::PromptPreview::Row row;
        row.line = line;
        row.begin = begin;
        for (const auto& column : m_into.columns) row.cells.push_back(fields.contains(column) ? shown(fields[column]) : std::string());
        m_into.rows.push_back(std::move(row));
    }
    void addJson(int line, std::size_t begin, std::string_view text) {
        if (text.size() > kMaxPromptRecordBytes) return;
        const auto fields = readJsonFields(text, {m_into.columns.begin(), m_into.columns.end()});
        if (fields.problem.empty()) add(line, begin, fields.fields);
    }
    void readCsv(std::string_view content) {
        CsvReader reader(content, m_layout.delimiter);
        CsvRecord record;
        reader.next(record);
        std::vector<bool> wanted;
        for (const auto& column : m_layout.columns) wanted.push_back(!isCompletionColumn(column));
        reader.setWanted(wanted);
        while (!full() && reader.next(record)) {
            if (!record.problem.empty() || record.fieldCount != wanted.size()) continue;
            nlohmann::json fields = nlohmann::json::object();
            for (std::size_t i = 0; i < wanted.size(); ++i)
                if (wanted[i]) fields[m_layout.columns[i]] = record.fields[i];
            add(record.line, record.begin, fields);
        }
    }
    void readList(std::string_view content) {
        JsonListReader list(content);
        JsonListReader::Item item;
        while (!full() && list.next(item))
            if (item.problem.empty()) addJson(item.line, item.begin, item.text);
    }
    void readLines(std::string_view content) {
        std::size_t begin = 0;
        for (int line = 1; begin < content.size() && !full(); ++line) {
            const auto end = std::min(content.find('\n', begin), content.size());
            const auto text = content.substr(begin, end - begin);
            if (text.find_first_not_of(" \t\r") != std::string_view::npos) {
                if (m_layout.format == PromptFormat::Text) add(line, begin, {{"prompt", std::string(text)}});
                else addJson(line, begin, text);
            }
            begin = end + 1;
        }
    }

    const PromptLayout& m_layout;
    PromptPage m_page;
    protocol::PromptPreview& m_into;
};

}  // namespace

protocol::PromptFileInfo promptFileInfo(const PromptFileRead& read) {
    protocol::PromptFileInfo info;
    info.path = read.file.path;
    info.sha256 = read.sha256;
    info.prompts = read.prompts;
    info.problems = read.problems;
    info.corrected = read.corrected;
    info.leftOut = read.leftOut;
    info.withSystem = read.withSystem;
    info.withEarlier = read.withEarlier;
    if (read.file.label) info.label = promptLabelName(*read.file.label);
    if (!read.layout) return info;
    const auto& layout = *read.layout;
    info.format = promptFormatName(layout.format);
    info.title = promptLayoutTitle(layout);
    info.benchmark = layout.benchmark;
    if (layout.delimiter != 0) info.delimiter = std::string(1, layout.delimiter);
    info.columns = layout.columns;
    info.skipped = layout.skipped;
    info.map = promptMappingToJson(layout.map);
    for (const auto& [value, label] : layout.map.labelValues) info.labelValues[value] = promptLabelName(label);
    if (layout.suggestedLabel) {
        info.suggestedLabel = promptLabelName(*layout.suggestedLabel);
        info.suggestedBecause = layout.suggestedBecause;
    }
    return info;
}

protocol::PromptPreview previewPrompts(const PromptFile& file, const PromptPage& page) {
    protocol::PromptPreview preview;
    PromptReader reader;
    reader.read(file);
    const auto read = reader.finish();
    preview.file = promptFileInfo(read.files.front());
    if (!read.problems.empty()) {
        const auto& first = read.problems.front();
        preview.problem = (first.line > 0 ? "Line " + std::to_string(first.line) + " " : "") + first.message;
    }
    const auto& layout = read.files.front().layout;
    const auto content = readTextFile(file.path, kMaxPromptFileBytes);
    if (!content || !layout) return preview;
    Preview(*layout, page, preview).read(withoutByteOrderMark(*content));
    std::map<std::size_t, protocol::PromptPreview::Row*> rowAt;
    for (auto& row : preview.rows) rowAt[row.begin] = &row;
    const auto tell = [&](const Prompt& prompt, const PromptPlace& place, const char* label, bool leftOut) {
        const auto found = rowAt.find(place.begin);
        if (found == rowAt.end()) return;
        found->second->id = prompt.id;
        found->second->label = label;
        found->second->leftOut = leftOut;
        found->second->prompt = prompt.text;
    };
    for (std::size_t i = 0; i < read.prompts.size(); ++i) tell(read.prompts[i], read.places[i], promptLabelName(read.prompts[i].label), false);
    for (const auto& [prompt, place, leftOut] : read.apart) tell(prompt, place, "", leftOut);
    return preview;
}

}  // namespace safequant
