// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace safequant {

/// What was taken from the text of one JSON object.
struct JsonFieldsRead {
    nlohmann::json fields = nlohmann::json::object();  ///< The wanted ones alone; all other values were passed over unread.
    std::vector<std::string> names;                    ///< Of all fields, in order.
    std::string problem;                               ///< Why it is broken; empty when it is not.
    std::size_t problemAt = 0;                         ///< Byte of the problem, from 0.
};

/// Reads the wanted fields of one JSON object. Problems: not JSON, not an object, a key twice in any object, nesting deeper than
/// 32.
JsonFieldsRead readJsonFields(std::string_view text, const std::set<std::string>& wanted);

/// Cuts the items out of one JSON list without parsing them.
class JsonListReader {
public:
    struct Item {
        int line = 0;           ///< Where it begins, from 1.
        std::size_t begin = 0;  ///< Byte of the content.
        std::string_view text;
        std::string problem;    ///< Of the list itself; there is no further item then.
    };

    /// The content must outlive the reader.
    explicit JsonListReader(std::string_view content) : m_content(content) {}
    /// The next item; false at the end of the list.
    bool next(Item& item);

private:
    void skipSpace();
    bool broken(Item& item, std::string problem);
    void scanItem();

    std::string_view m_content;
    std::size_t m_at = 0;
    int m_line = 1;
    bool m_begun = false;
    bool m_done = false;
    bool m_trailing = false;
};

}  // namespace safequant
