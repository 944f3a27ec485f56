// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/csv.h"

#include <string_view>
#include <utility>

#include "core/base/csv_reader.h"

namespace safequant {

std::string csvField(std::string text) {
    if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) text.insert(0, "'");
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string result = "\"";
    for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
    return result + "\"";
}

std::vector<std::vector<std::string>> csvRecords(std::string_view text) {
    std::vector<std::vector<std::string>> records;
    CsvReader reader(text, ',', true);
    for (CsvRecord record; reader.next(record);) records.push_back(std::move(record.fields));
    return records;
}

}  // namespace safequant
