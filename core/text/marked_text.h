// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace safequant {

/// UTF-8 text that may know of each byte whether it came from message content.
struct MarkedText {
    std::string text;
    std::string marks;  ///< One byte for each of `text`, '\1' where it came from content; empty: nothing is marked.

    bool isMarked() const { return !marks.empty(); }
    /// Whether a byte in [begin, end) came from content.
    bool touchesContent(std::size_t begin, std::size_t end) const {
        return isMarked() && std::string_view(marks).substr(begin, end - begin).find('\1') != std::string_view::npos;
    }
    /// Appends bytes that stand for [begin, end) of `source`: content when any of it was.
    void append(std::string_view bytes, const MarkedText& source, std::size_t begin, std::size_t end) {
        text.append(bytes);
        if (source.isMarked()) marks.append(bytes.size(), source.touchesContent(begin, end) ? '\1' : '\0');
    }
    /// Appends [begin, end) of `source` as it is.
    void copy(const MarkedText& source, std::size_t begin, std::size_t end) {
        text.append(source.text, begin, end - begin);
        if (source.isMarked()) marks.append(source.marks, begin, end - begin);
    }
    MarkedText part(std::size_t begin, std::size_t end) const {
        MarkedText result;
        result.copy(*this, begin, end);
        return result;
    }
};

}  // namespace safequant
