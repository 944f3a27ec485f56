// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace safequant {

/// A model's name on the Hugging Face hub: "org/name" or "org/name@revision".
struct HubName {
    std::string repository;         ///< "org/name".
    std::string revision = "main";  ///< A branch, a tag or a commit.

    /// Nothing when the text has another form, ends as files of models do, or when a file or folder of that name
    /// exists.
    static std::optional<HubName> parse(const std::string& text);
    /// The same, whatever files exist.
    static std::optional<HubName> parseForm(const std::string& text);
    /// "org/name", with "@revision" when that is not "main".
    std::string text() const;
    /// Whether a text has the form of an organisation's or a model's name: up to 96 of A-Z a-z 0-9 . _ -.
    static bool isPart(std::string_view text);
};

/// The absolute path of a model or an adapter that a user named, relative to `folder` (empty: the current one); a name on the hub
/// that no file or folder has, and the name of a bundled file ("builtin:..."), stay as they are.
std::string absoluteModelPath(const std::string& named, const std::string& folder = {});

}  // namespace safequant
