// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace safequant {

/// A regular expression that a user wrote (Perl syntax, UTF-8), searched for anywhere in a name.
class Pattern {
public:
    /// Errors: bad_input saying what is wrong and at which character; `where` becomes the context of every error.
    static Expected<Pattern> compile(const std::string& pattern, std::string where);

    /// Errors: bad_input when the search takes too many steps.
    Expected<bool> foundIn(std::string_view name) const;

private:
    struct Code;
    std::shared_ptr<const Code> m_code;
    std::string m_where;
};

}  // namespace safequant
