// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

namespace safequant {

/// A file name of a model that is split into several GGUF files: "NAME-00002-of-00005.gguf".
struct GgufPartName {
    std::string stem;  ///< The path up to "NAME".
    int number = 1;    ///< From 1.
    int count = 1;

    /// Nothing when the name has another form.
    static std::optional<GgufPartName> parse(const std::string& path);
    /// Path of part `other` (from 1) of the same model.
    std::string pathOf(int other) const;
};

}  // namespace safequant
