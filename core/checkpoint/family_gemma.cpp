// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/family_gemma.h"

#include <cmath>

namespace safequant {
namespace {

constexpr int kGemma2Pattern = 2;
constexpr int kGemma3Pattern = 6;
// The 27B models, which scale scores by hidden size / heads; llama.cpp tells them by their number of blocks.
constexpr int kGemma2LargeBlocks = 46;
constexpr int kGemma3LargeBlocks = 62;

void scaleEmbeddings(DecoderConfig& config) { config.embeddingScale = std::sqrt(static_cast<float>(config.hiddenSize)); }

/// All blocks have a window but the last of every `pattern`.
std::vector<bool> patternOf(int blocks, int pattern) {
    std::vector<bool> sliding;
    for (int block = 0; block < blocks; ++block) sliding.push_back((block + 1) % pattern != 0);
    return sliding;
}

Expected<void> refuseBidirectional(JsonFields& fields) {
    if (fields.boolean("use_bidirectional_attention", false))
        return fail(ErrorKind::Unsupported, "Field \"use_bidirectional_attention\" asks for attention to later tokens, which this program "
                                            "lacks.", fields.path());
    return {};
}

/// A cap that is null is off; one that is absent has the class's default.
float softcap(JsonFields& fields, const char* field, double fallback) {
    return fields.isNull(field) ? 0.0F : static_cast<float>(fields.real(field, fallback));
}

Expected<void> readGemmaJson(JsonFields& fields, DecoderConfig& config) {
    scaleEmbeddings(config);
    config.queryKeyValueBias = config.outputBias = fields.boolean("attention_bias", false);
    // Early files say "gelu" and mean the tanh formula, with which the models were trained.
    if (config.activation == Activation::Gelu) config.activation = Activation::GeluTanh;
    return refuseBidirectional(fields);
}

Expected<void> readAlternating(JsonFields& fields, DecoderConfig& config, int pattern) {
    scaleEmbeddings(config);
    config.queryKeyValueBias = config.outputBias = fields.boolean("attention_bias", false);
    const double scalar = fields.real("query_pre_attn_scalar", 256.0);
    if (!(scalar > 0.0)) return fail(ErrorKind::BadInput, "Field \"query_pre_attn_scalar\" must be above 0.", fields.path());
    config.attentionScale = static_cast<float>(1.0 / std::sqrt(scalar));
    auto sliding = slidingLayerTypes(fields, config.blocks);
    if (!sliding) return fail(sliding.error());
    if (pattern < 1) return fail(ErrorKind::BadInput, "Field \"sliding_window_pattern\" must be at least 1.", fields.path());
    if (sliding->empty()) *sliding = patternOf(config.blocks, pattern);
    if (fields.isNull("sliding_window"))
        return fail(ErrorKind::BadInput, "Field \"sliding_window\" must be a number: some blocks attend within it.", fields.path());
    const int window = fields.integer("sliding_window", 4096);
    if (window < 1) return fail(ErrorKind::BadInput, "Field \"sliding_window\" must be at least 1.", fields.path());
    setWindows(config, *sliding, window);
    return refuseBidirectional(fields);
}

Expected<void> readGemma2Json(JsonFields& fields, DecoderConfig& config) {
    config.attentionSoftcap = softcap(fields, "attn_logit_softcapping", 50.0);
    config.logitSoftcap = softcap(fields, "final_logit_softcapping", 30.0);
    return readAlternating(fields, config, kGemma2Pattern);
}

Expected<void> readGemma3Json(JsonFields& fields, DecoderConfig& config) {
    config.logitSoftcap = softcap(fields, "final_logit_softcapping", 0.0);
    return readAlternating(fields, config, fields.integer("sliding_window_pattern", kGemma3Pattern));
}

Expected<void> readGemmaGguf(GgufKeys&, DecoderConfig& config) {
    scaleEmbeddings(config);
    return {};
}

Expected<void> readAlternatingGguf(GgufKeys& keys, DecoderConfig& config, int pattern, int largeBlocks) {
    scaleEmbeddings(config);
    const int large = config.blocks == largeBlocks ? config.hiddenSize / config.heads : config.headDim;
    config.attentionScale = static_cast<float>(keys.real("attention.scale", 1.0 / std::sqrt(static_cast<double>(large))));
    const int window = keys.integer("attention.sliding_window", 4096);
    if (window > 0) setWindows(config, patternOf(config.blocks, pattern), window);
    return {};
}

Expected<void> readGemma2Gguf(GgufKeys& keys, DecoderConfig& config) {
    config.attentionSoftcap = static_cast<float>(keys.real("attn_logit_softcapping", 50.0));
    config.logitSoftcap = static_cast<float>(keys.real("final_logit_softcapping", 30.0));
    return readAlternatingGguf(keys, config, kGemma2Pattern, kGemma2LargeBlocks);
}

Expected<void> readGemma3Gguf(GgufKeys& keys, DecoderConfig& config) {
    config.logitSoftcap = static_cast<float>(keys.real("final_logit_softcapping", 0.0));
    return readAlternatingGguf(keys, config, kGemma3Pattern, kGemma3LargeBlocks);
}

void writeGemmaJson(const DecoderConfig& config, nlohmann::json& json) { json["attention_bias"] = config.outputBias; }

void writeAlternatingJson(const DecoderConfig& config, nlohmann::json& json) {
    json["attention_bias"] = config.outputBias;
    const double scale = static_cast<double>(config.scoreScale());
    json["query_pre_attn_scalar"] = std::lround(1.0 / (scale * scale));
    json["sliding_window"] = slidingWindow(config);
    json["layer_types"] = layerTypeNames(config);
    const auto cap = [&json](const char* field, float value) {
        json[field] = nullptr;
        if (value > 0.0F) json[field] = static_cast<double>(value);
    };
    cap("attn_logit_softcapping", config.attentionSoftcap);
    cap("final_logit_softcapping", config.logitSoftcap);
}

}  // namespace

constinit const ModelFamily kGemmaFamily = {
    .modelType = "gemma",
    .ggufArchitecture = "gemma",
    .className = "GemmaForCausalLM",
    .maxPositions = 8192,
    .kvHeads = 16,
    .headDim = 256,
    .tiedEmbeddings = true,
    .activation = Activation::GeluTanh,
    .normAddsOne = true,
    .readJson = readGemmaJson,
    .readGguf = readGemmaGguf,
    .writeJson = writeGemmaJson,
};

constinit const ModelFamily kGemma2Family = {
    .modelType = "gemma2",
    .ggufArchitecture = "gemma2",
    .className = "Gemma2ForCausalLM",
    .maxPositions = 8192,
    .kvHeads = 4,
    .headDim = 256,
    .tiedEmbeddings = true,
    .activation = Activation::GeluTanh,
    .activationField = "hidden_activation",
    .normAddsOne = true,
    .postNorms = true,
    .readJson = readGemma2Json,
    .readGguf = readGemma2Gguf,
    .writeJson = writeAlternatingJson,
};

constinit const ModelFamily kGemma3Family = {
    .modelType = "gemma3_text",
    .ggufArchitecture = "gemma3",
    .className = "Gemma3ForCausalLM",
    .maxPositions = 131072,
    .ropeTheta = 1e6,
    .localRopeTheta = 10000.0,
    .heads = 8,
    .kvHeads = 4,
    .headDim = 256,
    .vocabulary = 262208,
    .tiedEmbeddings = true,
    .activation = Activation::GeluTanh,
    .activationField = "hidden_activation",
    .normAddsOne = true,
    .postNorms = true,
    .qkNorm = true,
    .readJson = readGemma3Json,
    .readGguf = readGemma3Gguf,
    .writeJson = writeAlternatingJson,
};

}  // namespace safequant
