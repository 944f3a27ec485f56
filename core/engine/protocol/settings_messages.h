// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace safequant::protocol {

/// One thing a quantization method can be told, for people to edit. `run/settings` {spec} -> [MethodSetting]: those of the spec's method,
/// in the order to show them.
struct MethodSetting {
    std::string path;   ///< Of its field in a run spec, "quantization.learning.late_epochs".
    std::string group;  ///< Heading it stands under.
    std::string title, help;
    std::string kind;   ///< "whole", "number", "truth", "choice" (one of the choices), "set" (a list of them).
    double low = 0.0, high = 0.0;  ///< Of whole numbers and numbers.
    struct Choice {
        std::string title;
        nlohmann::json value;
    };
    std::vector<Choice> choices;
    nlohmann::json value;     ///< What the spec gives, said or not.
    nlohmann::json standard;  ///< What it gives without this field. Null: nothing, the field is absent.
};

nlohmann::json toJson(const MethodSetting::Choice&);
void fromJson(const nlohmann::json&, MethodSetting::Choice&);
nlohmann::json toJson(const MethodSetting&);
void fromJson(const nlohmann::json&, MethodSetting&);

}  // namespace safequant::protocol
