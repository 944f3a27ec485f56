// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/component_fields.h"

namespace safequant {

namespace {

constexpr const char* kComponentsFile = "tokenizer.json";
constexpr int kDeepestSequence = 16;

}  // namespace

tl::unexpected<Error> badComponent(std::string_view component, std::string_view what) {
    return fail(ErrorKind::BadInput, "The " + std::string(component) + " " + std::string(what) + ".", kComponentsFile);
}

tl::unexpected<Error> unsupportedComponent(std::string_view component, std::string_view type) {
    return fail(ErrorKind::Unsupported,
                "The " + std::string(component) + " component '" + std::string(type) + "' is not supported.", kComponentsFile);
}

Expected<std::string> componentType(const nlohmann::json& description, int depth, std::string_view component) {
    if (depth > kDeepestSequence) return badComponent(component, "nests its Sequences too deeply");
    if (!description.is_object()) return badComponent(component, "must be an object with a 'type'");
    const auto type = description.find("type");
    if (type == description.end() || !type->is_string())
        return badComponent(component, "must be an object with a 'type'");
    return type->get<std::string>();
}

Expected<bool> componentFlag(const nlohmann::json& description, const char* field, bool fallback,
                             std::string_view component) {
    const auto it = description.find(field);
    if (it == description.end() || it->is_null()) return fallback;
    if (!it->is_boolean()) return badComponent(component, "field '" + std::string(field) + "' must be true or false");
    return it->get<bool>();
}

Expected<std::string> componentText(const nlohmann::json& description, const char* field, std::string_view component) {
    const auto it = description.find(field);
    if (it == description.end() || !it->is_string())
        return badComponent(component, "needs a text '" + std::string(field) + "'");
    return it->get<std::string>();
}

Expected<Regex> componentPattern(const nlohmann::json& description, std::string_view component) {
    if (const auto source = description.find("pattern"); source != description.end() && source->is_object()) {
        const auto regex = source->find("Regex");
        if (regex != source->end() && regex->is_string()) return Regex::compile(regex->get_ref<const std::string&>());
        const auto literal = source->find("String");
        if (literal != source->end() && literal->is_string())
            return Regex::compile(Regex::escape(literal->get_ref<const std::string&>()));
    }
    return badComponent(component, "needs a 'pattern' with 'Regex' or 'String'");
}

Expected<std::vector<const nlohmann::json*>> componentList(const nlohmann::json& description, const char* field,
                                                           std::string_view component) {
    const auto list = description.find(field);
    if (list == description.end() || !list->is_array())
        return badComponent(component, "Sequence needs a list '" + std::string(field) + "'");
    std::vector<const nlohmann::json*> result;
    for (const auto& item : *list) result.push_back(&item);
    return result;
}

}  // namespace safequant
