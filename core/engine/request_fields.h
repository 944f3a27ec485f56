// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/base/error.h"

namespace safequant {

/// A field of a request's parameters. Errors name it.
template <typename T>
Expected<T> field(const nlohmann::json& params, const char* name) {
    const auto found = params.find(name);
    if (found == params.end()) return fail(ErrorKind::BadInput, "The request lacks this field.", name);
    try {
        return found->template get<T>();
    } catch (const nlohmann::json::exception&) {
        return fail(ErrorKind::BadInput, "The field has the wrong type.", name);
    }
}

/// The same for a field that may be absent.
template <typename T>
Expected<T> fieldOr(const nlohmann::json& params, const char* name, T otherwise) {
    return params.contains(name) ? field<T>(params, name) : Expected<T>(std::move(otherwise));
}

/// The request's `workspace`, absolute; the user's own when the field is empty.
Expected<std::string> askedWorkspace(const nlohmann::json& params);

}  // namespace safequant
