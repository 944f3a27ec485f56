// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace safequant {

/// Characters that may separate the fields of a CSV file, in the order in which ties are settled.
inline constexpr std::string_view kCsvDelimiters = ",;\t|";

/// The delimiter that is most frequent in the head line outside quotes; a comma when there is none.
char detectCsvDelimiter(std::string_view content);

/// One record of a CSV file.
struct CsvRecord {
    int line = 0;                     ///< Where it begins, from 1.
    std::size_t begin = 0, end = 0;   ///< Its bytes in the content, without the line break.
    std::size_t fieldCount = 0;
    std::vector<std::string> fields;  ///< Unquoted; those not wanted stay empty.
    std::string problem;              ///< Why it is broken; empty when it is not.
};

/// Reads CSV as RFC 4180 has it: quoted fields may hold delimiters, line breaks and doubled quotes; lines end in LF, CRLF or CR.
/// Lines without any character are passed over unless asked for: then each is a record of one empty field. A quote inside an unquoted field stands for itself.
class CsvReader {
public:
    /// The content must outlive the reader. A byte-order mark must be gone.
    CsvReader(std::string_view content, char delimiter, bool emptyLines = false)
        : m_content(content), m_delimiter(delimiter), m_emptyLines(emptyLines) {}

    /// Columns beyond the list are not wanted. Empty (at first): all are.
    void setWanted(std::vector<bool> wanted) { m_wanted = std::move(wanted); }
    /// The next record, sound or broken; false at the end. After a quote that is never closed there is nothing more.
    bool next(CsvRecord& record);

private:
    bool skipEmptyLines();
    bool wants(std::size_t column) const;
    void readQuoted(std::string* field, CsvRecord& record);
    void endLine();
    bool atLineEnd() const { return m_at >= m_content.size() || m_content[m_at] == '\n' || m_content[m_at] == '\r'; }

    std::string_view m_content;
    char m_delimiter;
    bool m_emptyLines;
    std::vector<bool> m_wanted;
    std::size_t m_at = 0;
    int m_line = 1;
};

}  // namespace safequant
