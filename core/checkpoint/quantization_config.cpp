// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/quantization_config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

#include "core/checkpoint/json_file.h"

namespace safequant {
namespace {

constexpr std::array<std::string_view, 7> kReadableFormats = {
    "pack-quantized",       "int-quantized", "float-quantized", "naive-quantized", "mixed-precision",
    "nvfp4-pack-quantized", "dense"};

Expected<void> checkFormat(const std::string& format, const std::string& path) {
    if (std::find(kReadableFormats.begin(), kReadableFormats.end(), format) != kReadableFormats.end()) return {};
    return fail(ErrorKind::Unsupported,
                "quantization_config has format \"" + format +
                    "\"; pack-quantized, int-quantized, "
                    "float-quantized, naive-quantized and nvfp4-pack-quantized can be read.",
                path);
}

/// Two positive sizes of a block; zeros when the field is absent.
Expected<std::pair<int, int>> blockOf(const nlohmann::json& json, const char* field, const std::string& path) {
    JsonFields fields(json, path);
    const auto sizes = fields.integers(field);
    if (fields.error()) return fail(*fields.error());
    if (sizes.empty()) return std::pair(0, 0);
    if (sizes.size() != 2 || sizes[0] < 1 || sizes[1] < 1)
        return fail(ErrorKind::BadInput,
                    "Field \"" + std::string(field) + "\" must hold the rows and columns of a block.", path);
    return std::pair(sizes[0], sizes[1]);
}

}  // namespace

Expected<QuantizationConfig> QuantizationConfig::parse(const nlohmann::json& config, const std::string& path) {
    if (!config.is_object()) return fail(ErrorKind::BadInput, "Field \"quantization_config\" must be an object.", path);
    JsonFields fields(config, path);
    const std::string name = fields.text("quant_method", std::string());
    if (fields.error()) return fail(*fields.error());
    QuantizationConfig out;
    Expected<void> parsed;
    if (name == "compressed-tensors") {
        parsed = out.parseGroups(config, path);
    } else if (name == "gptq" || name == "awq") {
        out.method = name == "gptq" ? Method::Gptq : Method::Awq;
        parsed = out.parsePacked(config, path);
    } else if (name == "fp8") {
        out.method = Method::BlockFloat8;
        const auto block = blockOf(config, "weight_block_size", path);
        if (!block) return fail(block.error());
        std::tie(out.blockRows, out.blockColumns) = *block;
    } else {
        return fail(ErrorKind::Unsupported,
                    "The weights are quantized with \"" + name +
                        "\"; unquantized weights, compressed-tensors, "
                        "gptq, awq and fp8 can be read.",
                    path);
    }
    if (!parsed) return fail(parsed.error());
    return out;
}

Expected<void> QuantizationConfig::parsePacked(const nlohmann::json& config, const std::string& path) {
    JsonFields fields(config, path);
    bits = fields.has("w_bit") ? fields.integer("w_bit") : fields.integer("bits");
    groupSize = fields.has("q_group_size") ? fields.integer("q_group_size") : fields.integer("group_size", -1);
    const std::string version = fields.text("version", std::string("gemm"));
    const std::string format = fields.text("checkpoint_format", std::string("gptq"));
    if (fields.error()) return fail(*fields.error());
    const bool readable = bits == 4 || (method == Method::Gptq && (bits == 2 || bits == 8));
    if (!readable)
        return fail(ErrorKind::Unsupported,
                    "quantization_config gives the weights " + std::to_string(bits) + " bits; " +
                        (method == Method::Gptq ? "GPTQ weights of 2, 4 and 8 bits" : "AWQ weights of 4 bits") +
                        " can be read.",
                    path);
    if (groupSize == 0 || groupSize < -1)
        return fail(ErrorKind::BadInput,
                    "Field \"group_size\" is " + std::to_string(groupSize) + "; it must be positive, or -1.", path);
    if (method == Method::Awq && version != "gemm" && version != "GEMM")
        return fail(ErrorKind::Unsupported,
                    "The AWQ weights are packed in version \"" + version + "\"; \"gemm\" can be read.", path);
    if (method == Method::Gptq && format != "gptq" && format != "gptq_v2")
        return fail(ErrorKind::Unsupported,
                    "The GPTQ weights have checkpoint_format \"" + format +
                        "\"; \"gptq\" and \"gptq_v2\" can be "
                        "read.",
                    path);
    storesZeroMinusOne = method == Method::Gptq && format == "gptq";
    return {};
}

Expected<void> QuantizationConfig::parseGroups(const nlohmann::json& config, const std::string& path) {
    JsonFields fields(config, path);
    const std::string format = fields.text("format", std::string("pack-quantized"));
    if (fields.error()) return fail(*fields.error());
    if (auto checked = checkFormat(format, path); !checked) return checked;
    const auto sparsity = config.find("sparsity_config");
    if (sparsity != config.end() && sparsity->is_object() &&
        sparsity->value("format", nlohmann::json("dense")) != "dense")
        return fail(ErrorKind::Unsupported,
                    "quantization_config stores the weights sparsely (sparsity_config), which cannot be read.", path);
    const auto groups = config.find("config_groups");
    if (groups == config.end() || !groups->is_object())
        return fail(ErrorKind::BadInput, "quantization_config: field \"config_groups\" must be an object.", path);
    for (const auto& [name, group] : groups->items()) {
        const std::string where = "quantization_config.config_groups." + name;
        if (!group.is_object() || !group.contains("weights") || !group["weights"].is_object() ||
            !group.contains("targets") || !group["targets"].is_array())
            return fail(ErrorKind::BadInput, where + " needs the fields \"weights\" and \"targets\".", path);
        JsonFields reader(group["weights"], path);
        Weights weights;
        weights.bits = reader.integer("num_bits", 8);
        const std::string type = reader.text("type", std::string("int"));
        JsonFields outer(group, path);
        const std::string groupFormat = outer.text("format", format);
        for (const auto* part : {&reader, &outer})
            if (part->error()) return fail(*part->error());
        const bool known = type == "int" || (type == "float" && (weights.bits == 4 || weights.bits == 8));
        if (!known)
            return fail(ErrorKind::Unsupported,
                        where + " stores weights of type \"" + type + "\" and " + std::to_string(weights.bits) +
                            " bits; \"int\", and \"float\" of 4 and 8 bits, can be read.",
                        path);
        if (auto checked = checkFormat(groupFormat, path); !checked) return checked;
        const auto block = blockOf(group["weights"], "block_structure", path);
        if (!block) return fail(block.error());
        std::tie(weights.blockRows, weights.blockColumns) = *block;
        for (const auto& target : group["targets"]) {
            if (!target.is_string()) return fail(ErrorKind::BadInput, where + ".targets must hold strings.", path);
            const auto text = target.get<std::string>();
            if (text == "Linear") {
                m_everyLinear = weights;
            } else if (text.starts_with("re:")) {
                auto pattern = Pattern::compile("^(?:" + text.substr(3) + ")", path + ", " + where + ".targets");
                if (!pattern) return fail(pattern.error());
                m_patterns.emplace_back(std::move(*pattern), weights);
            } else {
                m_names.emplace_back(text, weights);
            }
        }
    }
    return {};
}

Expected<QuantizationConfig::Weights> QuantizationConfig::weightsOf(const std::string& linear) const {
    for (const auto& [name, weights] : m_names)
        if (name == linear) return weights;
    for (const auto& [pattern, weights] : m_patterns) {
        const auto found = pattern.foundIn(linear);
        if (!found) return fail(found.error());
        if (*found) return weights;
    }
    return m_everyLinear;
}

}  // namespace safequant
