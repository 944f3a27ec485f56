// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/adapter_config.h"

#include <algorithm>
#include <cmath>

#include "core/checkpoint/json_file.h"

namespace safequant {
namespace {

/// Options that change the computation in ways that merging a product cannot express.
constexpr const char* kForeignOptions[] = {
    "use_qalora",      "use_bdlora",        "alora_invocation_tokens", "arrow_config",
    "kasa_config",     "monteclora_config", "velora_config",           "layer_replication",
    "megatron_config", "target_parameters", "trainable_token_indices"};
/// Starting values that leave the base model's weights as they are. Other ones come with a changed base.
constexpr const char* kPlainStarts[] = {"gaussian", "orthogonal", "eva"};

bool isSet(const nlohmann::json& json, const char* field) {
    const auto found = json.find(field);
    if (found == json.end() || found->is_null() || *found == false) return false;
    return !(found->is_structured() && found->empty());
}

Expected<void> checkOptions(const nlohmann::json& json, const std::string& path) {
    for (const char* option : kForeignOptions)
        if (isSet(json, option))
            return fail(ErrorKind::Unsupported,
                        "The adapter uses \"" + std::string(option) +
                            "\", which cannot be merged here; merge "
                            "it with PEFT and open the result.",
                        path);
    const auto start = json.find("init_lora_weights");
    if (start == json.end() || !start->is_string()) return {};
    const auto name = start->get<std::string>();
    if (std::find(std::begin(kPlainStarts), std::end(kPlainStarts), name) != std::end(kPlainStarts)) return {};
    return fail(ErrorKind::Unsupported,
                "The adapter was started with init_lora_weights \"" + name +
                    "\", which also changes the base "
                    "model; save it with PEFT's path_initial_model_for_weight_conversion.",
                path);
}

}  // namespace

Expected<AdapterConfig::Overrides> AdapterConfig::readOverrides(const nlohmann::json& json, const char* field,
                                                                const std::string& path) {
    Overrides overrides;
    const auto found = json.find(field);
    if (found == json.end() || found->is_null()) return overrides;
    const std::string rule = "Field \"" + std::string(field) + "\" must map patterns to positive numbers.";
    if (!found->is_object()) return fail(ErrorKind::BadInput, rule, path);
    for (const auto& [text, value] : found->items()) {
        if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>()))
            return fail(ErrorKind::BadInput, rule, path);
        auto pattern = Pattern::compile("^(?:.*\\.)?(?:" + text + ")$", path + ", " + field);
        if (!pattern) return fail(pattern.error());
        overrides.emplace_back(std::move(*pattern), value.get<double>());
    }
    return overrides;
}

Expected<AdapterConfig> AdapterConfig::read(const std::string& path) {
    const auto json = readJsonObject(path);
    if (!json) return fail(json.error());
    AdapterConfig config;
    config.m_path = path;
    JsonFields fields(*json, path);
    const std::string kind = fields.text("peft_type");
    if (!fields.error() && kind != "LORA")
        return fail(ErrorKind::Unsupported, "The adapter is of type \"" + kind + "\"; LORA adapters can be merged.",
                    path);
    const int rank = fields.integer("r", 8);
    config.m_rank = rank;
    config.m_alpha = fields.real("lora_alpha", 8.0);
    config.m_rankStabilized = fields.boolean("use_rslora", false);
    config.m_dora = fields.boolean("use_dora", false);
    if (fields.error()) return fail(*fields.error());
    if (rank < 1)
        return fail(ErrorKind::BadInput, "Field \"r\" is " + std::to_string(rank) + "; a rank is 1 or more.", path);
    if (auto checked = checkOptions(*json, path); !checked) return fail(checked.error());
    for (auto& [field, overrides] :
         {std::pair("alpha_pattern", &config.m_alphas), std::pair("rank_pattern", &config.m_ranks)}) {
        auto read = readOverrides(*json, field, path);
        if (!read) return fail(read.error());
        *overrides = std::move(*read);
    }
    const auto targets = json->find("target_modules");
    if (targets != json->end() && targets->is_string()) {
        const auto text = targets->get<std::string>();
        config.m_everyLinear = text == "all-linear";
        auto pattern = Pattern::compile("^(?:" + text + ")\\z", path + ", target_modules");
        if (!pattern) return fail(pattern.error());
        config.m_targetPattern.push_back(std::move(*pattern));
    } else if (targets != json->end() && targets->is_array()) {
        for (const auto& item : *targets) {
            if (!item.is_string()) return fail(ErrorKind::BadInput, "Field \"target_modules\" must hold names.", path);
            config.m_targets.push_back(item.get<std::string>());
        }
    } else if (targets != json->end() && !targets->is_null()) {
        return fail(ErrorKind::BadInput, "Field \"target_modules\" must be a list of names or a regular expression.",
                    path);
    }
    return config;
}

Expected<double> AdapterConfig::valueFor(const std::string& module, const Overrides& overrides, double fallback) const {
    for (const auto& [pattern, value] : overrides) {
        const auto found = pattern.foundIn(module);
        if (!found) return fail(found.error());
        if (*found) return value;
    }
    return fallback;
}

Expected<double> AdapterConfig::scaling(const std::string& module, std::int64_t storedRank) const {
    const auto rank = valueFor(module, m_ranks, m_rank);
    if (!rank) return fail(rank.error());
    if (*rank != static_cast<double>(storedRank))
        return fail(ErrorKind::BadInput,
                    "The weights of \"" + module + "\" have rank " + std::to_string(storedRank) +
                        ", but r and rank_pattern say another one: files of different adapters.",
                    m_path);
    const auto alpha = valueFor(module, m_alphas, m_alpha);
    if (!alpha) return fail(alpha.error());
    return *alpha / (m_rankStabilized ? std::sqrt(*rank) : *rank);
}

Expected<bool> AdapterConfig::targets(const std::string& module) const {
    if (m_everyLinear) return module != "lm_head" && module != "model.embed_tokens";
    if (!m_targetPattern.empty()) return m_targetPattern.front().foundIn(module);
    return std::any_of(m_targets.begin(), m_targets.end(),
                       [&](const std::string& target) { return module == target || module.ends_with("." + target); });
}

}  // namespace safequant
