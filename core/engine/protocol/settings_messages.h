// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace safequant::protocol {

/// One thing a quantization method or a patch can be told, for people to edit. `run/settings` {spec, of: "method" (also when it is left out) |
/// "patch"} -> [MethodSetting]: those of the spec's method or patch, in the order to show them.
struct MethodSetting {
    std::string path;   ///< Of its field in a run spec, "quantization.learning.late_epochs".
    std::string group;  ///< Heading it stands under.
    std::string title, help;
    std::string kind;   ///< "whole", "number", "truth", "choice" (one of the choices), "set" (a list of them), "file" (a path; empty: none).
    double low = 0.0, high = 0.0;  ///< Of whole numbers and numbers.
    std::string unit;              ///< The same; may be empty.
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
