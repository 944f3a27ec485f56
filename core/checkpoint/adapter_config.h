// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/pattern.h"

namespace safequant {

/// What adapter_config.json of a PEFT LoRA adapter says about its low-rank products.
class AdapterConfig {
public:
    /// Errors: not_found, bad_input naming the field; unsupported for other kinds of adapters and for options that
    /// compute something else than B A scaled and added (naming the option).
    static Expected<AdapterConfig> read(const std::string& path);

    bool isDora() const { return m_dora; }
    /// Factor of B A for a module ("model.layers.0.self_attn.q_proj"): alpha / rank, or alpha / sqrt(rank) with
    /// use_rslora. The first pattern of alpha_pattern and rank_pattern, in the order of their text, that matches the
    /// module's name or the end of it from a dot on replaces lora_alpha and r. Error: bad_input when the weights have
    /// another rank.
    Expected<double> scaling(const std::string& module, std::int64_t storedRank) const;
    /// Whether target_modules names the module: a list of names or ends of names, or one regular expression for the
    /// whole name.
    Expected<bool> targets(const std::string& module) const;

private:
    using Overrides = std::vector<std::pair<Pattern, double>>;
    static Expected<Overrides> readOverrides(const nlohmann::json& json, const char* field, const std::string& path);
    Expected<double> valueFor(const std::string& module, const Overrides& overrides, double fallback) const;

    std::string m_path;
    double m_alpha = 0.0;
    double m_rank = 0.0;
    bool m_rankStabilized = false;
    bool m_dora = false;
    Overrides m_alphas, m_ranks;
    std::vector<std::string> m_targets;
    std::vector<Pattern> m_targetPattern;  ///< One, or none when `m_targets` counts.
    bool m_everyLinear = false;            ///< "all-linear".
};

}  // namespace safequant
