// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/base/model_path.h"
#include "core/hub/http_client.h"
#include "core/hub/hub_settings.h"

namespace safequant {

/// Address of a repository's page, where its licence can be read and accepted.
std::string hubPage(const std::string& repository, const HubSettings& settings);

/// What an answer of the Hub that is no success means for who asked for a repository, or for `file` of it, and what to do. Kinds: not_found
/// (404, and 401 without a token, which is how the Hub hides what is private), io (5xx, 429), else failed.
Error hubError(const HttpAnswer& answer, const HubName& name, const std::string& file, const HubSettings& settings);

/// There is no such model, or none that may be known of. `nearby` ends the sentence: "; did you mean ...?", or a full stop.
Error unknownModelError(const HubName& name, const HubSettings& settings, const std::string& nearby = ".");

/// A page for people came where data was asked for.
Error pageError(const HttpAnswer& answer, const HubSettings& settings);

}  // namespace safequant
