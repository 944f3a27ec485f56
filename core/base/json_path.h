// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

namespace safequant {

/// The pointer to a field of nested objects that is named as specs and their errors name it: "evaluation.decoding.top_p".
inline nlohmann::json::json_pointer jsonPointerTo(std::string path) {
    std::replace(path.begin(), path.end(), '.', '/');
    return nlohmann::json::json_pointer("/" + path);
}

/// What lies under these keys of nested objects; null where one of them is missing.
inline const nlohmann::json& jsonAt(const nlohmann::json& from, std::initializer_list<const char*> keys) {
    static const nlohmann::json none;
    const nlohmann::json* here = &from;
    for (const char* key : keys) {
        const auto found = here->is_object() ? here->find(key) : here->end();
        if (!here->is_object() || found == here->end()) return none;
        here = &*found;
    }
    return *here;
}

}  // namespace safequant
