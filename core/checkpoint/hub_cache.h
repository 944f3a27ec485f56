// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "core/base/error.h"

namespace safequant {

/// A model's name on the Hugging Face hub: "org/name" or "org/name@revision".
struct HubName {
    std::string repository;         ///< "org/name".
    std::string revision = "main";  ///< A branch, a tag or a commit.

    /// Nothing when the text has another form, ends as files of models do, or when a file or folder of that name
    /// exists.
    static std::optional<HubName> parse(const std::string& text);
};

/// Where a model's files lie in the local cache of Hugging Face's programs. Never asks the network. Looks in
/// $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub, the first that is set.
/// Error: not_found saying where it looked, and which revisions or models are there.
Expected<std::string> findInHubCache(const HubName& name);

/// The absolute path of a model or an adapter that a user named; a name on the hub stays as it is.
std::string absoluteModelPath(const std::string& named);

}  // namespace safequant
