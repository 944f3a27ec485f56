// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/gguf_metadata.h"

#include <algorithm>
#include <cmath>

#include "core/checkpoint/family.h"
#include "core/checkpoint/rope_config.h"

namespace safequant {
namespace {

constexpr double kFloatStep = 1e-6;  // Keys are float32.

bool near(double a, double b) {
    return std::abs(a - b) <= kFloatStep * std::max(std::abs(a), std::abs(b));
}

std::uint32_t word(int value) {
    return static_cast<std::uint32_t>(value);
}

bool sameRopes(const DecoderConfig& a, const DecoderConfig& b) {
    return std::ranges::equal(a.ropes, b.ropes, [](const RopeParameters& x, const RopeParameters& y) {
        const RopeScaling &s = x.scaling, &t = y.scaling;
        const bool longRope = s.kind == RopeScalingKind::LongRope;
        return near(x.theta, y.theta) && s.kind == t.kind && (longRope || near(s.factor, t.factor)) &&
               near(s.attentionFactor, t.attentionFactor) && s.originalPositions == t.originalPositions &&
               near(s.betaFast, t.betaFast) && near(s.betaSlow, t.betaSlow) &&
               near(s.lowFrequencyFactor, t.lowFrequencyFactor) && near(s.highFrequencyFactor, t.highFrequencyFactor) &&
               s.shortFactors == t.shortFactors && s.longFactors == t.longFactors;
    });
}

bool sameAttention(const DecoderConfig& a, const DecoderConfig& b) {
    for (int block = 0; block < a.blocks; ++block)
        if (!(a.blockAttention(block) == b.blockAttention(block))) return false;
    return true;
}

Expected<void> addRopeScaling(const DecoderConfig& config, const std::string& prefix, GgufMetadata& keys) {
    const RopeScaling& scaling = config.ropes.front().scaling;
    const auto real = [&](const char* key, double value) {
        keys.emplace_back(prefix + key, static_cast<float>(value));
    };
    switch (scaling.kind) {
        case RopeScalingKind::None:
        case RopeScalingKind::Llama3:
            return {};
        case RopeScalingKind::Dynamic:
            return fail(ErrorKind::Unsupported,
                        "GGUF has no key for dynamic rotary scaling; export in a Hugging Face format instead.",
                        config.name);
        case RopeScalingKind::Linear:
            keys.emplace_back(prefix + "rope.scaling.type", std::string("linear"));
            real("rope.scaling.factor", scaling.factor);
            return {};
        case RopeScalingKind::Yarn:
            keys.emplace_back(prefix + "rope.scaling.type", std::string("yarn"));
            real("rope.scaling.factor", scaling.factor);
            keys.emplace_back(prefix + "rope.scaling.original_context_length", word(scaling.originalPositions));
            real("rope.scaling.yarn_beta_fast", scaling.betaFast);
            real("rope.scaling.yarn_beta_slow", scaling.betaSlow);
            return {};
        case RopeScalingKind::LongRope:
            break;
    }
    keys.emplace_back(prefix + "rope.scaling.type", std::string("longrope"));
    keys.emplace_back(prefix + "rope.scaling.original_context_length", word(scaling.originalPositions));
    real("rope.scaling.attn_factor", scaling.attentionFactor);
    return {};
}

}  // namespace

Expected<GgufMetadata> ggufModelKeys(const DecoderConfig& config) {
    const std::string architecture(familyOf(config).ggufArchitecture);
    const std::string prefix = architecture + ".";
    GgufMetadata keys = {{"general.architecture", architecture}, {"general.name", config.name}};
    const auto number = [&](const char* key, int value) { keys.emplace_back(prefix + key, word(value)); };
    number("context_length", config.maxPositions);
    number("embedding_length", config.hiddenSize);
    number("block_count", config.blocks);
    number("feed_forward_length", config.intermediateSize);
    number("attention.head_count", config.heads);
    number("attention.head_count_kv", config.kvHeads);
    number("attention.key_length", config.headDim);
    number("attention.value_length", config.headDim);
    number("rope.dimension_count", config.rotaryWidth());
    number("vocab_size", config.vocabulary);
    keys.emplace_back(prefix + "attention.layer_norm_rms_epsilon", config.normEpsilon);
    keys.emplace_back(prefix + "rope.freq_base", static_cast<float>(config.ropes.front().theta));
    if (const int window = slidingWindow(config); window > 0 && architecture != "llama")
        number("attention.sliding_window", window);
    if (config.attentionSoftcap > 0.0F) keys.emplace_back(prefix + "attn_logit_softcapping", config.attentionSoftcap);
    if (config.logitSoftcap > 0.0F) keys.emplace_back(prefix + "final_logit_softcapping", config.logitSoftcap);
    if (config.attentionScale > 0.0F) keys.emplace_back(prefix + "attention.scale", config.attentionScale);
    if (auto added = addRopeScaling(config, prefix, keys); !added) return fail(added.error());
    return keys;
}

std::vector<RopeTensor> ggufRopeTensors(const DecoderConfig& config) {
    const RopeParameters& rope = config.ropes.front();
    if (rope.scaling.kind == RopeScalingKind::Llama3)
        return {{"rope_freqs.weight", llama3Divisors(rope.theta, config.rotaryWidth(), rope.scaling)}};
    if (rope.scaling.kind != RopeScalingKind::LongRope) return {};
    return {{"rope_factors_long.weight", rope.scaling.longFactors},
            {"rope_factors_short.weight", rope.scaling.shortFactors}};
}

std::string configDifference(const DecoderConfig& ours, const DecoderConfig& theirs) {
    const auto sameSizes = [](const DecoderConfig& c) {
        return std::vector<int>{c.hiddenSize, c.intermediateSize, c.blocks,     c.heads,
                                c.kvHeads,    c.headDim,          c.vocabulary, c.maxPositions};
    };
    if (sameSizes(ours) != sameSizes(theirs)) return "sizes";
    if (ours.rotaryWidth() != theirs.rotaryWidth() || !sameRopes(ours, theirs)) return "rotary positions";
    if (familyOf(ours).ggufArchitecture != "llama" && !sameAttention(ours, theirs)) return "attention windows";
    if (!near(static_cast<double>(ours.scoreScale()), static_cast<double>(theirs.scoreScale())))
        return "the scale of attention scores";
    if (ours.attentionSoftcap != theirs.attentionSoftcap || ours.logitSoftcap != theirs.logitSoftcap)
        return "soft caps";
    if (ours.activation != theirs.activation) return "the activation function";
    if (ours.embeddingScale != theirs.embeddingScale) return "the scale of embeddings";
    if (ours.normEpsilon != theirs.normEpsilon || ours.normAddsOne != theirs.normAddsOne ||
        ours.postNorms != theirs.postNorms || ours.qkNorm != theirs.qkNorm)
        return "norms";
    if (ours.queryKeyValueBias != theirs.queryKeyValueBias || ours.outputBias != theirs.outputBias ||
        ours.mlpBias != theirs.mlpBias)
        return "biases";
    return {};
}

}  // namespace safequant
