// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/scheme.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/base/grid_bits.h"
#include "core/base/nearest_name.h"
#include "core/base/pattern.h"

namespace safequant {
namespace {

constexpr std::array<std::string_view, 5> kSchemeFields = {"weight_bits", "group_size", "symmetric", "activation_bits", "activation_symmetric"};
constexpr std::array<std::string_view, 6> kRuleFields = {"pattern", "weight_bits", "group_size", "symmetric", "activation_bits", "activation_symmetric"};
constexpr int kLargestGroup = 65536;
constexpr int kSmallestGroup = 2;
constexpr int kSmallestSubstitute = 8;       // Below it scales cost more than they save.
constexpr int kSmallestPowerOfTwo = 16;
constexpr double kHalfBits = 16.0, kFloatBits = 32.0;

Expected<void> checkFields(const nlohmann::json& json, std::span<const std::string_view> known, const std::string& where) {
    if (!json.is_object()) return fail(ErrorKind::BadInput, "A quantization scheme must be a JSON object.", where);
    for (const auto& [key, value] : json.items()) {
        bool found = false;
        for (const std::string_view name : known) found = found || name == key;
        if (!found) return fail(ErrorKind::BadInput, unknownNameMessage("field", key, known), where);
    }
    return {};
}

Expected<int> integerField(const nlohmann::json& json, const char* name, int fallback, const std::string& where) {
    const auto it = json.find(name);
    if (it == json.end()) return fallback;
    if (!it->is_number_integer())
        return fail(ErrorKind::BadInput, std::string("\"") + name + "\" must be a whole number.", where);
    const auto value = it->get<std::int64_t>();
    if (it->is_number_unsigned() ? it->get<std::uint64_t>() > 1U << 30 : value < -(1 << 30))
        return fail(ErrorKind::BadInput, std::string("\"") + name + "\" is out of range.", where);
    return static_cast<int>(value);
}

Expected<QuantizationScheme> readFields(const nlohmann::json& json, const QuantizationScheme& defaults,
                                        const std::string& where) {
    QuantizationScheme scheme = defaults;
    const auto weightBits = integerField(json, "weight_bits", defaults.weightBits, where);
    if (!weightBits) return fail(weightBits.error());
    scheme.weightBits = *weightBits;
    const auto groupSize = integerField(json, "group_size", defaults.groupSize, where);
    if (!groupSize) return fail(groupSize.error());
    scheme.groupSize = *groupSize;
    const bool leftAlone = scheme.weightBits == 16 && json.contains("weight_bits");
    const auto activationBits = integerField(json, "activation_bits", leftAlone ? 16 : defaults.activationBits, where);
    if (!activationBits) return fail(activationBits.error());
    scheme.activationBits = *activationBits;
    for (const auto& [name, target] : {std::pair{"symmetric", &scheme.symmetric}, {"activation_symmetric", &scheme.activationSymmetric}}) {
        const auto it = json.find(name);
        if (it == json.end()) continue;
        if (!it->is_boolean()) return fail(ErrorKind::BadInput, std::string("\"") + name + "\" must be true or false.", where);
        *target = it->get<bool>();
    }
    if (const std::string problem = schemeProblem(scheme); !problem.empty()) return fail(ErrorKind::BadInput, problem, where);
    return scheme;
}

std::string formatDescription(WeightFormat format) {
    switch (format) {
        case WeightFormat::Grid: return {};
        case WeightFormat::Nf4:
        case WeightFormat::Nf4Double:
        case WeightFormat::Fp4: return "4 bits in blocks of 64, no zero points, activations left alone.";
        case WeightFormat::Int8Rows: return "8 bits with one scale a row, no zero points, and activations in 8 bits but for outliers.";
        case WeightFormat::Codebooks: break;
    }
    return "codes of 8 bits for 8 columns, two to four of them (2 to 4 bits a weight), one scale a row, activations left alone.";
}

int largestDivisorBelow(int columns, int group) {
    for (int candidate = group; candidate > 1; --candidate) {
        if (columns % candidate == 0) return candidate;
    }
    return 1;
}

int substituteGroup(int columns, int group) {
    if ((group & (group - 1)) == 0) {
        int power = group;
        while (power >= kSmallestPowerOfTwo && columns % power != 0) power /= 2;
        if (power >= kSmallestPowerOfTwo) return power;
    }
    return largestDivisorBelow(columns, group);
}

void settle(LinearPlan& plan, int columns) {
    plan.actual = plan.requested;
    QuantizationScheme& actual = plan.actual;
    if (actual.weightBits == 16) {
        if (actual.activationBits != 16) {
            actual.activationBits = 16;
            plan.reason = "Its weights are left alone, and so are its activations.";
        }
        return;
    }
    if (actual.groupSize < 0) return;
    const std::string width = std::to_string(columns) + " columns";
    const std::string asked = std::to_string(actual.groupSize);
    if (actual.groupSize >= columns) {
        actual.groupSize = -1;
        plan.reason = "A group of " + asked + " holds all " + width + ": one scale a row used.";
    } else if (columns % actual.groupSize != 0) {
        const int group = substituteGroup(columns, actual.groupSize);
        const std::string why = width + " are not a multiple of " + asked + ": ";
        actual.groupSize = group >= kSmallestSubstitute ? group : -1;
        plan.reason = why + (actual.groupSize > 0 ? "group " + std::to_string(group) + " used." : "one scale a row used.");
    }
}

/// A format of a method's own, in place of what was asked for.
void settleFormat(LinearPlan& plan, int columns) {
    if (plan.requested.weightBits == 16) return settle(plan, columns);
    const WeightFormat format = plan.requested.format;
    plan.actual = schemeOfFormat(format, plan.requested.weightBits);
    if (format == WeightFormat::Codebooks && columns % kCodebookColumns != 0) {
        plan.actual = QuantizationScheme{.weightBits = 16, .groupSize = -1, .symmetric = true, .format = format};
        plan.reason = std::to_string(columns) + " columns are not a multiple of the " + std::to_string(kCodebookColumns) + " that a code stands for: left alone.";
        return;
    }
    const bool blocksRunOn = plan.actual.groupSize > 0 && columns % plan.actual.groupSize != 0;
    if (blocksRunOn)
        plan.reason = std::to_string(columns) + " columns are not a multiple of " + std::to_string(plan.actual.groupSize) +
                      ": blocks run on from row to row, as in bitsandbytes.";
    if (plan.actual == plan.requested) return;
    plan.requested.format = WeightFormat::Grid;
    plan.reason = formatTitle(format) + " has a format of its own: " + formatDescription(format) + (blocksRunOn ? " " + plan.reason : "");
}

}  // namespace

std::string formatTitle(WeightFormat format) {
    switch (format) {
        case WeightFormat::Grid: return {};
        case WeightFormat::Nf4: return "NF4";
        case WeightFormat::Nf4Double: return "NF4 with double quantization";
        case WeightFormat::Fp4: return "FP4";
        case WeightFormat::Int8Rows: return "LLM.int8()";
        case WeightFormat::Codebooks: break;
    }
    return "AQLM";
}

QuantizationScheme schemeOfFormat(WeightFormat format, int wantedBits) {
    QuantizationScheme scheme;
    scheme.format = format;
    scheme.symmetric = format != WeightFormat::Grid;
    switch (format) {
        case WeightFormat::Grid: scheme.weightBits = wantedBits; break;
        case WeightFormat::Nf4:
        case WeightFormat::Nf4Double:
        case WeightFormat::Fp4: scheme.groupSize = kDataTypeBlock; break;
        case WeightFormat::Int8Rows:
            scheme.weightBits = scheme.activationBits = 8;
            scheme.groupSize = -1;
            break;
        case WeightFormat::Codebooks:
            scheme.weightBits = std::clamp(wantedBits, 2, 4);
            scheme.groupSize = -1;
            break;
    }
    return scheme;
}

double schemeBitsPerWeight(const QuantizationScheme& scheme, int rows, int columns) {
    if (scheme.weightBits >= 16) return 16.0;
    const double weights = static_cast<double>(rows) * columns;
    const double blocks = std::ceil(weights / kDataTypeBlock);
    switch (scheme.format) {
        case WeightFormat::Grid: break;
        case WeightFormat::Nf4:
        case WeightFormat::Fp4: return 4.0 + kFloatBits * blocks / weights;
        case WeightFormat::Nf4Double: return 4.0 + (8.0 * blocks + kFloatBits * (std::ceil(blocks / kScaleBlock) + 1.0)) / weights;
        case WeightFormat::Int8Rows: return 8.0 + kFloatBits / columns;
        case WeightFormat::Codebooks: {
            // Codes of 8 bits for 8 columns, tables of 256 entries and a scale a row, both in 16 bits.
            const double tables = 256.0 * kCodebookColumns * kHalfBits * scheme.weightBits;
            return scheme.weightBits + (tables + kHalfBits * rows) / weights;
        }
    }
    return gridBitsPerWeight(scheme.weightBits, scheme.symmetric, scheme.groupSize > 0 ? scheme.groupSize : columns);
}

std::string QuantizationScheme::describe() const {
    if (weightBits < 16) {
        switch (format) {
            case WeightFormat::Grid: break;
            case WeightFormat::Int8Rows: return "LLM.int8 W8A8";
            case WeightFormat::Codebooks: return "AQLM " + std::to_string(weightBits) + "x8";
            case WeightFormat::Nf4Double: return "NF4 g64, double quantization";
            case WeightFormat::Nf4:
            case WeightFormat::Fp4: return formatTitle(format) + " g64";
        }
    }
    std::string text = "W" + std::to_string(weightBits) + "A" + std::to_string(activationBits);
    if (weightBits == 16) return text;
    text += groupSize > 0 ? " g" + std::to_string(groupSize) : std::string(" per channel");
    text += symmetric ? " symmetric" : " asymmetric";
    if (activationBits < 16 && !activationSymmetric) text += ", asymmetric activations";
    return text + (orderedGroups ? ", ordered" : "");
}

std::string schemeProblem(const QuantizationScheme& scheme) {
    if ((scheme.weightBits < 2 || scheme.weightBits > 8) && scheme.weightBits != 16)
        return "\"weight_bits\" is " + std::to_string(scheme.weightBits) + "; it must be 2 to 8, or 16 to leave weights alone.";
    if (scheme.groupSize != -1 && (scheme.groupSize < kSmallestGroup || scheme.groupSize > kLargestGroup))
        return "\"group_size\" is " + std::to_string(scheme.groupSize) + "; it must be -1 (one scale a row) or " +
               std::to_string(kSmallestGroup) + " to " + std::to_string(kLargestGroup) + ".";
    if (scheme.activationBits != 4 && scheme.activationBits != 6 && scheme.activationBits != 8 && scheme.activationBits != 16)
        return "\"activation_bits\" is " + std::to_string(scheme.activationBits) + "; it must be 4, 6, 8, or 16 to leave them alone.";
    return {};
}

Expected<QuantizationScheme> schemeFromJson(const nlohmann::json& json, const QuantizationScheme& defaults,
                                            const std::string& where) {
    if (auto checked = checkFields(json, kSchemeFields, where); !checked) return fail(checked.error());
    return readFields(json, defaults, where);
}

nlohmann::json schemeToJson(const QuantizationScheme& scheme) {
    nlohmann::json json{{"weight_bits", scheme.weightBits},
                        {"group_size", scheme.groupSize},
                        {"symmetric", scheme.symmetric},
                        {"activation_bits", scheme.activationBits}};
    if (!scheme.activationSymmetric) json["activation_symmetric"] = false;
    return json;
}

Expected<SchemeRule> schemeRuleFromJson(const nlohmann::json& json, const QuantizationScheme& defaults,
                                        const std::string& where) {
    if (auto checked = checkFields(json, kRuleFields, where); !checked) return fail(checked.error());
    const auto it = json.find("pattern");
    if (it == json.end() || !it->is_string() || it->get_ref<const std::string&>().empty())
        return fail(ErrorKind::BadInput, "A rule needs \"pattern\": a regular expression found in the names of its linears.", where);
    auto scheme = readFields(json, defaults, where);
    if (!scheme) return fail(scheme.error());
    SchemeRule rule{it->get<std::string>(), *scheme};
    if (auto compiled = Pattern::compile(rule.pattern, where); !compiled) return fail(compiled.error());
    return rule;
}

nlohmann::json schemeRuleToJson(const SchemeRule& rule) {
    nlohmann::json json = schemeToJson(rule.scheme);
    json["pattern"] = rule.pattern;
    return json;
}

Expected<std::vector<LinearPlan>> planSchemes(const DecoderConfig& config, const QuantizationScheme& defaults,
                                              const std::vector<SchemeRule>& rules, WeightFormat format) {
    if (const std::string problem = schemeProblem(defaults); !problem.empty())
        return fail(ErrorKind::BadInput, problem, "default scheme");
    std::vector<Pattern> patterns;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const std::string where = "rule " + std::to_string(i + 1) + " (" + rules[i].pattern + ")";
        if (const std::string problem = schemeProblem(rules[i].scheme); !problem.empty())
            return fail(ErrorKind::BadInput, problem, where);
        auto pattern = Pattern::compile(rules[i].pattern, where);
        if (!pattern) return fail(pattern.error());
        patterns.push_back(std::move(*pattern));
    }

    std::vector<LinearPlan> plan;
    plan.reserve(static_cast<std::size_t>(config.blocks) * kLinearsPerBlock);
    std::vector<bool> used(rules.size(), false);
    for (int block = 0; block < config.blocks; ++block) {
        for (int index = 0; index < kLinearsPerBlock; ++index) {
            LinearPlan entry;
            entry.role = static_cast<LinearRole>(index);
            entry.block = block;
            entry.name = linearName(block, entry.role);
            entry.requested = defaults;
            bool taken = false;
            for (std::size_t i = 0; i < rules.size(); ++i) {
                const auto found = patterns[i].foundIn(entry.name);
                if (!found) return fail(found.error());
                if (!*found) continue;
                used[i] = true;
                if (!taken) entry.requested = rules[i].scheme;
                taken = true;
            }
            entry.requested.format = format;
            const int columns = linearShape(config, entry.role).second;
            format == WeightFormat::Grid ? settle(entry, columns) : settleFormat(entry, columns);
            plan.push_back(std::move(entry));
        }
    }
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (used[i]) continue;
        return fail(ErrorKind::BadInput,
                    "The pattern is found in no linear of this model. Names run from " + linearName(0, LinearRole::Query) +
                        " to " + linearName(config.blocks - 1, LinearRole::Down) + "; correct or remove the rule.",
                    "rule " + std::to_string(i + 1) + " (" + rules[i].pattern + ")");
    }
    return plan;
}

void orderGroups(std::vector<LinearPlan>& plan) {
    for (LinearPlan& entry : plan)
        entry.requested.orderedGroups = entry.actual.orderedGroups = entry.quantized() && entry.actual.groupSize > 0;
}

}  // namespace safequant
