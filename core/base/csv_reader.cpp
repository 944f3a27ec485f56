// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/csv_reader.h"

#include <algorithm>
#include <array>

namespace safequant {

char detectCsvDelimiter(std::string_view content) {
    std::array<std::size_t, kCsvDelimiters.size()> counts{};
    bool quoted = false;
    for (const char c : content) {
        if (c == '"') quoted = !quoted;
        if (quoted) continue;
        if (c == '\n' || c == '\r') break;
        if (const auto which = kCsvDelimiters.find(c); which != std::string_view::npos) ++counts[which];
    }
    return kCsvDelimiters[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
}

bool CsvReader::wants(std::size_t column) const {
    return m_wanted.empty() || (column < m_wanted.size() && m_wanted[column]);
}

void CsvReader::endLine() {
    if (m_at >= m_content.size()) return;
    if (m_content[m_at] == '\r' && m_at + 1 < m_content.size() && m_content[m_at + 1] == '\n') ++m_at;
    ++m_at;
    ++m_line;
}

bool CsvReader::skipEmptyLines() {
    while (!m_emptyLines && m_at < m_content.size() && atLineEnd()) endLine();
    return m_at < m_content.size();
}

/// From behind the opening quote to behind the closing one.
void CsvReader::readQuoted(std::string* field, CsvRecord& record) {
    const int opened = m_line;
    while (m_at < m_content.size()) {
        const char c = m_content[m_at];
        if (c == '"') {
            ++m_at;
            if (m_at >= m_content.size() || m_content[m_at] != '"') {
                if (!atLineEnd() && m_content[m_at] != m_delimiter && record.problem.empty())
                    record.problem = "has text behind a closing quote; a quote inside a quoted field is written twice (\"\")";
                return;
            }
        }
        const bool lineBreak = c == '\n' || (c == '\r' && (m_at + 1 >= m_content.size() || m_content[m_at + 1] != '\n'));
        if (lineBreak) ++m_line;
        if (field != nullptr) field->push_back(c);
        ++m_at;
    }
    record.problem = "opens a quote on line " + std::to_string(opened) +
                     " that is never closed, so that the rest of the file cannot be read; the file may be cut off, or the quote must "
                     "be written twice (\"\")";
}

bool CsvReader::next(CsvRecord& record) {
    record = {};
    if (!skipEmptyLines()) return false;
    record.line = m_line;
    record.begin = m_at;
    while (true) {
        std::string* field = nullptr;
        if (wants(record.fieldCount)) {
            record.fields.resize(record.fieldCount + 1);
            field = &record.fields.back();
        }
        ++record.fieldCount;
        if (m_at < m_content.size() && m_content[m_at] == '"') {
            ++m_at;
            readQuoted(field, record);
        }
        const std::size_t start = m_at;
        while (!atLineEnd() && m_content[m_at] != m_delimiter) ++m_at;
        if (field != nullptr) field->append(m_content.substr(start, m_at - start));
        if (atLineEnd()) break;
        ++m_at;
    }
    record.fields.resize(record.fieldCount);
    record.end = m_at;
    endLine();
    return true;
}

}  // namespace safequant
