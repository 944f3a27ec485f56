// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/component_fields.h"
#include "core/text/tokenizer_parts.h"

namespace safequant {

namespace {

using nlohmann::json;

constexpr const char* kPostProcessor = "post_processor";
constexpr std::int64_t kLargestId = 1 << 24;

Expected<std::int32_t> idOf(const json& value) {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > kLargestId)
        return badComponent(kPostProcessor, "has a token without a usable id");
    return value.get<std::int32_t>();
}

Expected<TokenAffixes> readTemplate(const json& d) {
    const auto single = d.find("single");
    const auto tokens = d.find("special_tokens");
    if (single == d.end() || !single->is_array() || tokens == d.end() || !tokens->is_object())
        return badComponent(kPostProcessor, "needs a list 'single' and an object 'special_tokens'");
    TokenAffixes result;
    bool behind = false;
    for (const json& item : *single) {
        if (!item.is_object()) return badComponent(kPostProcessor, "list 'single' holds something that is no object");
        if (item.contains("Sequence")) {
            behind = true;
            continue;
        }
        const auto special = item.find("SpecialToken");
        if (special == item.end() || !special->is_object() || !special->contains("id") || !(*special)["id"].is_string())
            return badComponent(kPostProcessor, "list 'single' holds neither a Sequence nor a SpecialToken with an id");
        const auto name = (*special)["id"].get<std::string>();
        const auto token = tokens->find(name);
        if (token == tokens->end() || !token->is_object() || !token->contains("ids") || !(*token)["ids"].is_array())
            return badComponent(kPostProcessor, "names '" + name + "', which is not among its special_tokens");
        for (const json& value : (*token)["ids"]) {
            const auto id = idOf(value);
            if (!id) return fail(id.error());
            (behind ? result.behind : result.before).push_back(*id);
        }
    }
    return result;
}

/// {"cls": ["<s>", 0], "sep": ["</s>", 2]}
Expected<TokenAffixes> readClsAndSep(const json& d) {
    TokenAffixes result;
    for (const auto& [field, ids] : {std::pair("cls", &result.before), std::pair("sep", &result.behind)}) {
        const auto pair = d.find(field);
        if (pair == d.end() || !pair->is_array() || pair->size() != 2)
            return badComponent(kPostProcessor, "needs '" + std::string(field) + "' with a text and an id");
        const auto id = idOf((*pair)[1]);
        if (!id) return fail(id.error());
        ids->push_back(*id);
    }
    return result;
}

Expected<void> append(const json& d, int depth, TokenAffixes& out) {
    const auto type = componentType(d, depth, kPostProcessor);
    if (!type) return fail(type.error());
    if (*type == "Sequence") {
        const auto inner = componentList(d, "processors", kPostProcessor);
        if (!inner) return fail(inner.error());
        for (const json* item : *inner) {
            if (auto ok = append(*item, depth + 1, out); !ok) return ok;
        }
        return {};
    }
    if (*type == "ByteLevel") return {};
    Expected<TokenAffixes> around;
    if (*type == "TemplateProcessing") {
        around = readTemplate(d);
    } else if (*type == "BertProcessing" || *type == "RobertaProcessing") {
        around = readClsAndSep(d);
    } else {
        return unsupportedComponent(kPostProcessor, *type);
    }
    if (!around) return fail(around.error());
    out.before.insert(out.before.begin(), around->before.begin(), around->before.end());
    out.behind.insert(out.behind.end(), around->behind.begin(), around->behind.end());
    return {};
}

}  // namespace

Expected<TokenAffixes> readPostProcessor(const json& description) {
    TokenAffixes result;
    if (description.is_null()) return result;
    if (auto ok = append(description, 0, result); !ok) return fail(ok.error());
    return result;
}

json templateProcessing(const std::vector<std::pair<std::int32_t, std::string>>& before,
                        const std::vector<std::pair<std::int32_t, std::string>>& behind) {
    if (before.empty() && behind.empty()) return nullptr;
    json special = json::object();
    const auto around = [&](json& list, const char* sequence, int typeId) {
        const auto put = [&](const auto& tokens) {
            for (const auto& [id, text] : tokens) {
                list.push_back({{"SpecialToken", {{"id", text}, {"type_id", typeId}}}});
                special[text] = {{"id", text}, {"ids", json::array({id})}, {"tokens", json::array({text})}};
            }
        };
        put(before);
        list.push_back({{"Sequence", {{"id", sequence}, {"type_id", typeId}}}});
        put(behind);
    };
    json single = json::array();
    around(single, "A", 0);
    json pair = single;
    around(pair, "B", 1);
    return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
}

}  // namespace safequant
