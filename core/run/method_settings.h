// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/settings_messages.h"

namespace safequant {

/// What the method of a run spec can be told, with what the spec gives now and what it would give without the field. Errors: those of
/// the spec.
Expected<std::vector<protocol::MethodSetting>> methodSettings(const nlohmann::json& spec);
/// The same of its patch. Error: bad_input where it has none.
Expected<std::vector<protocol::MethodSetting>> patchSettings(const nlohmann::json& spec);

}  // namespace safequant
