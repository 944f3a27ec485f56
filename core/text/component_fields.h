// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/text/regex.h"

namespace safequant {

/// Reading the components of a tokenizer.json; `component` ("normalizer", "decoder", ...) is for messages.

tl::unexpected<Error> badComponent(std::string_view component, std::string_view what);
tl::unexpected<Error> unsupportedComponent(std::string_view component, std::string_view type);

/// The component's "type". Errors: bad_input when there is none, or when `depth` of nested sequences is beyond reason.
Expected<std::string> componentType(const nlohmann::json& description, int depth, std::string_view component);
/// A boolean field; absent or null: the fallback.
Expected<bool> componentFlag(const nlohmann::json& description, const char* field, bool fallback,
                             std::string_view component);
/// A text field that must be there.
Expected<std::string> componentText(const nlohmann::json& description, const char* field, std::string_view component);
/// Field "pattern": {"String": ...} or {"Regex": ...}.
Expected<Regex> componentPattern(const nlohmann::json& description, std::string_view component);
/// The members of a Sequence.
Expected<std::vector<const nlohmann::json*>> componentList(const nlohmann::json& description, const char* field,
                                                           std::string_view component);

}  // namespace safequant
