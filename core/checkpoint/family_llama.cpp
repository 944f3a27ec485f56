// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/family_llama.h"

namespace safequant {
namespace {

Expected<void> readLlamaJson(JsonFields& fields, DecoderConfig& config) {
    config.queryKeyValueBias = config.outputBias = fields.boolean("attention_bias", false);
    config.mlpBias = fields.boolean("mlp_bias", false);
    return {};
}

/// llama.cpp has one architecture for both; a window makes it a Mistral.
Expected<void> readLlamaGguf(GgufKeys& keys, DecoderConfig& config) {
    config.queryKeyValueBias = keys.hasTensor("blk.0.attn_q.bias");
    config.outputBias = keys.hasTensor("blk.0.attn_output.bias");
    config.mlpBias = keys.hasTensor("blk.0.ffn_gate.bias");
    setWindowEverywhere(config, keys.integer("attention.sliding_window", 0));
    if (!config.attention.empty()) config.modelType = kMistralFamily.modelType;
    return {};
}

void writeLlamaJson(const DecoderConfig& config, nlohmann::json& json) {
    json["attention_bias"] = config.outputBias;
    json["mlp_bias"] = config.mlpBias;
    json["pretraining_tp"] = 1;
}

Expected<void> readMistralJson(JsonFields& fields, DecoderConfig& config) {
    if (!fields.isNull("sliding_window")) setWindowEverywhere(config, fields.integer("sliding_window", 4096));
    return {};
}

}  // namespace

constinit const ModelFamily kLlamaFamily = {
    .modelType = "llama",
    .ggufArchitecture = "llama",
    .className = "LlamaForCausalLM",
    .ggufPermutesRotaryRows = true,
    .readJson = readLlamaJson,
    .readGguf = readLlamaGguf,
    .writeJson = writeLlamaJson,
};

constinit const ModelFamily kMistralFamily = {
    .modelType = "mistral",
    .ggufArchitecture = "llama",
    .className = "MistralForCausalLM",
    .maxPositions = 131072,
    .kvHeads = 8,
    .ggufPermutesRotaryRows = true,
    .readJson = readMistralJson,
    .readGguf = readLlamaGguf,
    .writeJson = writeWindowEverywhere,
};

}  // namespace safequant
