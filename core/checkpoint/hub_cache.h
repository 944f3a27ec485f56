// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/base/model_path.h"

namespace safequant {

/// Where a model's files lie in the local cache of Hugging Face's programs. Never asks the network. Looks in
/// $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub, the first that is set.
/// Error: not_found saying where it looked, and which revisions or models are there.
Expected<std::string> findInHubCache(const HubName& name);

}  // namespace safequant
