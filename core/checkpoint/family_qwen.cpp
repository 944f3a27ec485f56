// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/family_qwen.h"

namespace safequant {
namespace {

/// A window counts only with use_sliding_window, then on the layers from max_window_layers on, or those that layer_types names.
Expected<void> readWindows(JsonFields& fields, DecoderConfig& config) {
    auto sliding = slidingLayerTypes(fields, config.blocks);
    if (!sliding) return fail(sliding.error());
    const bool used = fields.boolean("use_sliding_window", false) && !fields.isNull("sliding_window");
    const int window = used ? fields.integer("sliding_window", 4096) : 0;
    const int firstLayer = fields.integer("max_window_layers", 28);
    if (window <= 0) return {};
    if (sliding->empty())
        for (int block = 0; block < config.blocks; ++block) sliding->push_back(block >= firstLayer);
    setWindows(config, *sliding, window);
    return {};
}

Expected<void> readQwen2Json(JsonFields& fields, DecoderConfig& config) {
    config.queryKeyValueBias = true;
    return readWindows(fields, config);
}

Expected<void> readQwen3Json(JsonFields& fields, DecoderConfig& config) {
    config.queryKeyValueBias = config.outputBias = fields.boolean("attention_bias", false);
    return readWindows(fields, config);
}

Expected<void> readQwenGguf(GgufKeys& keys, DecoderConfig& config) {
    if (keys.integer("attention.sliding_window", 0) > 0) return keys.unsupported("attention.sliding_window", "windows on unnamed blocks");
    config.queryKeyValueBias = keys.hasTensor("blk.0.attn_q.bias");
    config.outputBias = keys.hasTensor("blk.0.attn_output.bias");
    return {};
}

void writeWindows(const DecoderConfig& config, nlohmann::json& json) {
    const int window = slidingWindow(config);
    json["use_sliding_window"] = window > 0;
    if (window == 0) return;
    json["sliding_window"] = window;
    json["layer_types"] = layerTypeNames(config);
}

void writeQwen3Json(const DecoderConfig& config, nlohmann::json& json) {
    json["attention_bias"] = config.outputBias;
    writeWindows(config, json);
}

}  // namespace

constinit const ModelFamily kQwen2Family = {
    .modelType = "qwen2",
    .ggufArchitecture = "qwen2",
    .className = "Qwen2ForCausalLM",
    .maxPositions = 32768,
    .kvHeads = 32,
    .readJson = readQwen2Json,
    .readGguf = readQwenGguf,
    .writeJson = writeWindows,
};

constinit const ModelFamily kQwen3Family = {
    .modelType = "qwen3",
    .ggufArchitecture = "qwen3",
    .className = "Qwen3ForCausalLM",
    .maxPositions = 32768,
    .kvHeads = 32,
    .headDim = 128,
    .qkNorm = true,
    .readJson = readQwen3Json,
    .readGguf = readQwenGguf,
    .writeJson = writeQwen3Json,
};

}  // namespace safequant
