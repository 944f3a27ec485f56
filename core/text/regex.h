// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace safequant {

/// A compiled regular expression in the syntax and with the character properties of `tokenizers` (Oniguruma's Ruby
/// syntax, Unicode 16 letters and numbers, \s = White_Space), run by PCRE2's JIT. Thread-safe.
class Regex {
public:
    /// Errors: bad_input (does not compile), unsupported (Oniguruma syntax that PCRE2 reads differently).
    static Expected<Regex> compile(std::string_view pattern);
    /// A pattern that matches a text literally.
    static std::string escape(std::string_view literal);

    /// Calls back with begin and end of every match, left to right, without overlap. `text` must be valid UTF-8.
    /// Throws std::runtime_error when a match takes too many steps (catastrophic backtracking).
    void forEachMatch(std::string_view text, const std::function<void(std::size_t, std::size_t)>& found) const;

private:
    struct Code;
    std::shared_ptr<const Code> m_code;
};

/// The pattern in PCRE2's terms; see Regex::compile.
Expected<std::string> translateOniguruma(std::string_view pattern);

}  // namespace safequant
