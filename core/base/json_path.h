// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace safequant {

/// The pointer to a field of nested objects that is named as specs and their errors name it: "evaluation.decoding.top_p".
inline nlohmann::json::json_pointer jsonPointerTo(std::string path) {
    std::replace(path.begin(), path.end(), '.', '/');
    return nlohmann::json::json_pointer("/" + path);
}

}  // namespace safequant
