// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/rope_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "core/checkpoint/tensor_source.h"

namespace safequant {
namespace {

constexpr const char* kFullAttention = "full_attention";
constexpr const char* kSlidingAttention = "sliding_attention";

tl::unexpected<Error> unsupportedScaling(const std::string& field, const std::string& type, const std::string& path) {
    return fail(ErrorKind::Unsupported, "Field \"" + field + "\" asks for rotary scaling of type \"" + type +
                                            "\", which this program lacks; models without it can be opened.", path);
}

/// What the objects of rope_scaling and rope_parameters leave out.
struct RopeDefaults {
    double theta = 10000.0;
    double partial = 1.0;
    int maxPositions = 0;
    std::optional<int> originalPositions;  // A field of its own wins over the one inside.
};

struct ReadRope {
    RopeParameters rope;
    double partial = 1.0;
};

Expected<ReadRope> readRope(const std::string& field, const nlohmann::json& object, const RopeDefaults& defaults, const std::string& path) {
    if (!object.is_object()) return fail(ErrorKind::BadInput, "Field \"" + field + "\" must be an object.", path);
    JsonFields fields(object, path);
    ReadRope read;
    RopeScaling& scaling = read.rope.scaling;
    read.rope.theta = fields.real("rope_theta", defaults.theta);
    read.partial = fields.real("partial_rotary_factor", defaults.partial);
    std::string type = fields.text("rope_type", fields.text("type", std::string("default")));
    // Old names of Phi-3's scaling.
    if (type == "su" || (type == "yarn" && fields.has("short_factor"))) type = "longrope";
    if (type == "default" || type == "none") {
        if (fields.error()) return fail(*fields.error());
        return read;
    }
    using Kind = RopeScalingKind;
    for (const Kind kind : {Kind::Linear, Kind::Dynamic, Kind::Llama3, Kind::Yarn, Kind::LongRope})
        if (type == ropeScalingName(kind)) scaling.kind = kind;
    if (scaling.kind == Kind::None) {
        if (fields.error()) return fail(*fields.error());
        return unsupportedScaling(field, type, path);
    }
    if (scaling.kind != Kind::Linear && scaling.kind != Kind::Dynamic)
        scaling.originalPositions =
            defaults.originalPositions.value_or(fields.integer("original_max_position_embeddings", defaults.maxPositions));
    const bool stretches = scaling.kind == Kind::Yarn || scaling.kind == Kind::LongRope;
    const bool derivesFactor = scaling.kind == Kind::LongRope || fields.isNull("factor");
    scaling.factor = stretches && derivesFactor
                         ? fields.real("factor", defaults.maxPositions / std::max(1.0, static_cast<double>(scaling.originalPositions)))
                         : fields.real("factor");
    if (scaling.kind == Kind::Llama3) {
        scaling.lowFrequencyFactor = fields.real("low_freq_factor");
        scaling.highFrequencyFactor = fields.real("high_freq_factor");
    }
    if (scaling.kind == Kind::Yarn) {
        scaling.betaFast = fields.real("beta_fast", scaling.betaFast);
        scaling.betaSlow = fields.real("beta_slow", scaling.betaSlow);
        scaling.truncate = fields.boolean("truncate", true);
    }
    if (scaling.kind == Kind::LongRope) {
        scaling.shortFactors = fields.reals("short_factor");
        scaling.longFactors = fields.reals("long_factor");
    }
    if (stretches) {
        double derived = derivedAttentionFactor(scaling.kind, scaling.factor, scaling.originalPositions);
        const double magnitude = fields.real("mscale", 0.0);
        const double magnitudeOfAll = fields.real("mscale_all_dim", 0.0);
        if (scaling.kind == Kind::Yarn && magnitude != 0.0 && magnitudeOfAll != 0.0 && scaling.factor > 1.0)
            derived = (0.1 * magnitude * std::log(scaling.factor) + 1.0) / (0.1 * magnitudeOfAll * std::log(scaling.factor) + 1.0);
        scaling.attentionFactor = fields.real("attention_factor", derived);
    }
    if (fields.error()) return fail(*fields.error());
    return read;
}

/// The values of a small tensor of a GGUF file; empty when it is not there.
Expected<std::vector<float>> smallTensor(const GgufFile& file, const std::string& name, std::int64_t values) {
    for (const GgufTensor& tensor : file.tensors()) {
        if (tensor.name != name) continue;
        if (tensor.shape != std::vector<std::int64_t>{values})
            return fail(ErrorKind::BadInput, "Tensor \"" + name + "\" must have " + std::to_string(values) + " values, one for every pair "
                                             "of rotating dimensions.", file.path());
        if (tensor.type->decode == nullptr || values % tensor.type->values != 0)
            return fail(ErrorKind::Unsupported, "Tensor \"" + name + "\" is stored as " + std::string(tensor.type->name) + "; only F32 is usual.",
                        file.path());
        std::vector<float> numbers(static_cast<std::size_t>(values));
        makeDenseSource(tensor.file, tensor.offset, *tensor.type, 1, values, 0)->readRows(0, 1, numbers.data());
        return numbers;
    }
    return std::vector<float>();
}

/// Files hold divisors where config.json has llama3's few numbers; Meta's models all use these.
RopeScaling scalingOfDivisors(const std::vector<float>& divisors, double theta, int rotaryWidth, int maxPositions) {
    RopeScaling scaling;
    scaling.kind = RopeScalingKind::Llama3;
    scaling.factor = static_cast<double>(*std::ranges::max_element(divisors));
    scaling.originalPositions = 8192;
    const std::vector<float> usual = llama3Divisors(theta, rotaryWidth, scaling);
    const bool same = std::ranges::equal(usual, divisors, [](float a, float b) { return std::abs(a - b) <= 1e-5F * b; });
    if (same) return scaling;
    // Any other divisors are LongRope's, the same at every length.
    RopeScaling other;
    other.kind = RopeScalingKind::LongRope;
    other.originalPositions = maxPositions;
    other.shortFactors = other.longFactors = divisors;
    return other;
}

}  // namespace

double derivedAttentionFactor(RopeScalingKind kind, double factor, int originalPositions) {
    if (factor <= 1.0) return 1.0;
    if (kind == RopeScalingKind::Yarn) return 0.1 * std::log(factor) + 1.0;
    if (kind == RopeScalingKind::LongRope && originalPositions > 1)
        return std::sqrt(1.0 + std::log(factor) / std::log(static_cast<double>(originalPositions)));
    return 1.0;
}

std::vector<float> llama3Divisors(double theta, int rotaryWidth, const RopeScaling& scaling) {
    std::vector<float> divisors;
    for (int d = 0; d < rotaryWidth; d += 2) {
        const double wavelength = 2.0 * std::numbers::pi * std::pow(theta, static_cast<double>(d) / rotaryWidth);
        const double turns = scaling.originalPositions / wavelength;
        double divisor = scaling.factor;
        if (turns > scaling.highFrequencyFactor)
            divisor = 1.0;
        else if (turns >= scaling.lowFrequencyFactor) {
            const double smooth = (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
            divisor = 1.0 / ((1.0 - smooth) / scaling.factor + smooth);
        }
        divisors.push_back(static_cast<float>(divisor));
    }
    return divisors;
}

Expected<void> readRopes(JsonFields& fields, const ModelFamily& family, DecoderConfig& config) {
    RopeDefaults defaults;
    defaults.theta = fields.real("rope_theta", family.ropeTheta);
    defaults.partial = fields.real("partial_rotary_factor", 1.0);
    defaults.maxPositions = config.maxPositions;
    if (family.originalPositions > 0 || fields.has("original_max_position_embeddings"))
        defaults.originalPositions = fields.integer("original_max_position_embeddings", family.originalPositions);
    const double localTheta = fields.real("rope_local_base_freq", family.localRopeTheta);
    if (fields.error()) return fail(*fields.error());

    const char* field = fields.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
    const nlohmann::json object = fields.has(field) ? fields.object().at(field) : nlohmann::json::object();
    const bool nested = object.is_object() && (object.contains(kFullAttention) || object.contains(kSlidingAttention));
    const auto part = [&](const char* layerType) { return object.contains(layerType) && !object[layerType].is_null() ? object[layerType] : nlohmann::json::object(); };
    auto full = readRope(field, nested ? part(kFullAttention) : object, defaults, fields.path());
    if (!full) return fail(full.error());
    config.ropes = {full->rope};
    if (nested || family.localRopeTheta > 0.0) {
        RopeDefaults local = defaults;
        if (family.localRopeTheta > 0.0) local.theta = localTheta;
        auto sliding = readRope(field, nested ? part(kSlidingAttention) : nlohmann::json::object(), local, fields.path());
        if (!sliding) return fail(sliding.error());
        if (sliding->partial != full->partial)
            return fail(ErrorKind::Unsupported, "Field \"" + std::string(field) + "\" gives the layer types different "
                                                "partial_rotary_factor, which this program lacks.", fields.path());
        config.ropes.push_back(sliding->rope);
        for (BlockAttention& block : config.attention)
            if (block.window > 0) block.rope = 1;
    }
    if (full->partial == 1.0) return {};
    if (!family.partialRotary)
        return fail(ErrorKind::Unsupported, "Field \"partial_rotary_factor\" asks for rotary positions on a part of each head, "
                                            "which models of type \"" + config.modelType + "\" do not have.", fields.path());
    if (!(full->partial > 0.0 && full->partial < 1.0))
        return fail(ErrorKind::BadInput, "Field \"partial_rotary_factor\" must lie between 0 and 1.", fields.path());
    config.rotaryDim = static_cast<int>(config.headDim * full->partial);
    if (config.rotaryDim < 2)
        return fail(ErrorKind::BadInput, "Field \"partial_rotary_factor\" leaves no dimension of the heads to rotate.", fields.path());
    return {};
}

Expected<void> readGgufRopes(GgufKeys& keys, const ModelFamily& family, DecoderConfig& config) {
    RopeParameters rope;
    RopeScaling& scaling = rope.scaling;
    rope.theta = keys.real("rope.freq_base", family.ropeTheta);
    const int rotaryDim = keys.integer("rope.dimension_count", config.headDim);
    const std::string type = keys.text("rope.scaling.type", "none");
    const double oldFactor = keys.real("rope.scale_linear", 1.0);
    const double factor = keys.real("rope.scaling.factor", oldFactor);
    const double attentionFactor = keys.real("rope.scaling.attn_factor", 1.0);
    const int original = keys.integer("rope.scaling.original_context_length", config.maxPositions);
    if (keys.error()) return fail(*keys.error());
    if (rotaryDim != config.headDim) {
        if (!family.partialRotary) return keys.unsupported("rope.dimension_count", "rotary positions on a part of each head");
        config.rotaryDim = rotaryDim;
    }
    if (rotaryDim < 2 || rotaryDim > config.headDim || rotaryDim % 2 != 0)
        return fail(ErrorKind::BadInput, "Metadata \"" + std::string(family.ggufArchitecture) + ".rope.dimension_count\" is " +
                                             std::to_string(rotaryDim) + "; it must be even and at most the size of a head, " +
                                             std::to_string(config.headDim) + ".", keys.file().path());
    if (type == "linear" || (type == "none" && oldFactor != 1.0)) {
        scaling.kind = RopeScalingKind::Linear;
        scaling.factor = factor;
    } else if (type == "yarn") {
        scaling.kind = RopeScalingKind::Yarn;
        scaling.factor = factor;
        scaling.originalPositions = original;
        scaling.betaFast = keys.real("rope.scaling.yarn_beta_fast", scaling.betaFast);
        scaling.betaSlow = keys.real("rope.scaling.yarn_beta_slow", scaling.betaSlow);
        scaling.attentionFactor = attentionFactor * derivedAttentionFactor(scaling.kind, factor, original);
        if (keys.error()) return fail(*keys.error());
    } else if (type != "none" && type != "longrope") {
        return keys.unsupported("rope.scaling.type", "rotary scaling \"" + type + "\"");
    }
    auto divisors = smallTensor(keys.file(), "rope_freqs.weight", rotaryDim / 2);
    auto shortFactors = smallTensor(keys.file(), "rope_factors_short.weight", rotaryDim / 2);
    auto longFactors = smallTensor(keys.file(), "rope_factors_long.weight", rotaryDim / 2);
    for (const auto* read : {&divisors, &shortFactors, &longFactors})
        if (!*read) return fail(read->error());
    if (shortFactors->empty() != longFactors->empty() || (type == "longrope" && shortFactors->empty()))
        return fail(ErrorKind::BadInput, "LongRope needs both tensors \"rope_factors_short.weight\" and \"rope_factors_long.weight\".",
                    keys.file().path());
    if (scaling.kind != RopeScalingKind::None && !(divisors->empty() && shortFactors->empty()))
        return keys.unsupported("rope.scaling.type", "two rotary scalings at once");
    if (!shortFactors->empty()) {
        scaling.kind = RopeScalingKind::LongRope;
        scaling.originalPositions = original;
        scaling.factor = config.maxPositions / std::max(1.0, static_cast<double>(original));
        scaling.attentionFactor = attentionFactor;
        scaling.shortFactors = std::move(*shortFactors);
        scaling.longFactors = std::move(*longFactors);
    } else if (!divisors->empty()) {
        scaling = scalingOfDivisors(*divisors, rope.theta, rotaryDim, config.maxPositions);
    }
    config.ropes = {rope};
    if (family.localRopeTheta <= 0.0) return {};
    RopeParameters local;
    local.theta = keys.real("rope.freq_base_swa", family.localRopeTheta);
    config.ropes.push_back(local);
    for (BlockAttention& block : config.attention)
        if (block.window > 0) block.rope = 1;
    if (keys.error()) return fail(*keys.error());
    return {};
}

void writeRopes(const DecoderConfig& config, nlohmann::json& json) {
    const ModelFamily& family = familyOf(config);
    const RopeParameters& rope = config.ropes.front();
    const RopeScaling& scaling = rope.scaling;
    json["rope_theta"] = rope.theta;
    json["rope_scaling"] = nullptr;
    if (config.ropes.size() > 1) json["rope_local_base_freq"] = config.ropes[1].theta;
    if (family.partialRotary) json["partial_rotary_factor"] = static_cast<double>(config.rotaryWidth()) / config.headDim;
    if (family.originalPositions > 0)
        json["original_max_position_embeddings"] = scaling.originalPositions > 0 ? scaling.originalPositions : config.maxPositions;
    if (scaling.kind == RopeScalingKind::None) return;

    nlohmann::json object = {{"rope_type", ropeScalingName(scaling.kind)}};
    // Phi-3's class of older transformers insists on these three fields and no other.
    if (family.originalPositions > 0) object = {{"type", ropeScalingName(scaling.kind)}};
    else if (scaling.originalPositions > 0) object["original_max_position_embeddings"] = scaling.originalPositions;
    if (scaling.kind == RopeScalingKind::LongRope) {
        object["short_factor"] = scaling.shortFactors;
        object["long_factor"] = scaling.longFactors;
    } else {
        object["factor"] = scaling.factor;
    }
    if (scaling.kind == RopeScalingKind::Llama3) {
        object["low_freq_factor"] = scaling.lowFrequencyFactor;
        object["high_freq_factor"] = scaling.highFrequencyFactor;
    }
    if (scaling.kind == RopeScalingKind::Yarn) {
        object["beta_fast"] = scaling.betaFast;
        object["beta_slow"] = scaling.betaSlow;
    }
    // What a reader of the file above derives when it finds no factor.
    const double factor = scaling.kind == RopeScalingKind::LongRope
                              ? static_cast<double>(config.maxPositions) / scaling.originalPositions : scaling.factor;
    const double derived = derivedAttentionFactor(scaling.kind, factor, scaling.originalPositions);
    if (std::abs(scaling.attentionFactor - derived) > 1e-6 * derived) object["attention_factor"] = scaling.attentionFactor;
    json["rope_scaling"] = object;
}

}  // namespace safequant
