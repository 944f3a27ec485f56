// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/base/model_path.h"

namespace safequant {

/// The folder of Hugging Face's programs: $HF_HOME, $XDG_CACHE_HOME/huggingface or ~/.cache/huggingface, the first that is set.
std::string hubHome();
/// Their cache of models: $HF_HUB_CACHE, or "hub" in hubHome().
std::string hubCacheFolder();
/// The name of a repository's folder in the cache, "models--org--name".
std::string hubFolderName(const std::string& repository);

/// Where a model's files lie in the cache. Never asks the network. Error: not_found saying where it looked, which revisions or models
/// are there, and how to download.
Expected<std::string> findInHubCache(const HubName& name);

}  // namespace safequant
