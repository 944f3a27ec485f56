// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/family.h"

#include <algorithm>

#include "core/checkpoint/family_gemma.h"
#include "core/checkpoint/family_llama.h"
#include "core/checkpoint/family_phi.h"
#include "core/checkpoint/family_qwen.h"

namespace safequant {
namespace {

/// The registry. The first family of a GGUF architecture is the one its files are read as.
const ModelFamily* const kFamilies[] = {
    &kLlamaFamily, &kMistralFamily, &kQwen2Family, &kQwen3Family, &kGemmaFamily, &kGemma2Family, &kGemma3Family, &kPhi3Family,
};

struct MissingFeature {
    std::string_view family;
    std::string_view missing;
};

constexpr MissingFeature kMissing[] = {
    {"mixtral", "mixture-of-experts blocks"},
    {"qwen2_moe", "mixture-of-experts blocks"},
    {"qwen3_moe", "mixture-of-experts blocks"},
    {"qwen2moe", "mixture-of-experts blocks"},
    {"qwen3moe", "mixture-of-experts blocks"},
    {"phimoe", "mixture-of-experts blocks"},
    {"gpt_oss", "mixture-of-experts blocks and attention sinks"},
    {"llama4", "mixture-of-experts blocks and chunked attention"},
    {"qwen2_vl", "rotary positions in several dimensions"},
    {"qwen2_5_vl", "rotary positions in several dimensions"},
    {"qwen3_next", "linear attention"},
    {"gemma3n", "per-layer embeddings and shared keys and values"},
    {"gemma4", "shared keys and values and heads of several sizes"},
    {"phi", "parallel attention and feed-forward branches"},
    {"phi2", "parallel attention and feed-forward branches"},
    {"gpt2", "learned position embeddings and LayerNorm"},
    {"gpt_neox", "parallel attention and feed-forward branches, and LayerNorm"},
    {"gptneox", "parallel attention and feed-forward branches, and LayerNorm"},
    {"falcon", "multi-query attention blocks with LayerNorm"},
    {"stablelm", "LayerNorm"},
    {"starcoder2", "LayerNorm"},
    {"cohere", "parallel attention and feed-forward branches, and LayerNorm"},
    {"command-r", "parallel attention and feed-forward branches, and LayerNorm"},
    {"granite", "scaled residuals and logits"},
    {"smollm3", "blocks without rotary positions"},
    {"ministral3", "scores scaled by position"},
    {"mistral3", "scores scaled by position"},
    {"olmo2", "norms of whole queries and keys"},
    {"glm4", "rotary positions on interleaved pairs"},
    {"deepseek_v2", "latent attention and mixture-of-experts blocks"},
    {"deepseek_v3", "latent attention and mixture-of-experts blocks"},
    {"deepseek2", "latent attention and mixture-of-experts blocks"},
    {"mamba", "state-space blocks"},
};

std::string quoted(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "\"" : ", \"") + name + "\"";
    return text;
}

}  // namespace

const ModelFamily* familyOfModelType(std::string_view modelType) {
    for (const ModelFamily* family : kFamilies)
        if (family->modelType == modelType) return family;
    return nullptr;
}

const ModelFamily* familyOfArchitecture(std::string_view architecture) {
    for (const ModelFamily* family : kFamilies)
        if (family->ggufArchitecture == architecture) return family;
    return nullptr;
}

const ModelFamily& familyOf(const DecoderConfig& config) {
    const ModelFamily* family = familyOfModelType(config.modelType);
    return family != nullptr ? *family : kLlamaFamily;
}

void setFamilyFacts(const ModelFamily& family, DecoderConfig& config) {
    config.modelType = family.modelType;
    config.fusedProjections = family.fusedProjections;
    config.normAddsOne = family.normAddsOne;
    config.postNorms = family.postNorms;
    config.qkNorm = family.qkNorm;
}

std::vector<std::string> supportedModelTypes() {
    std::vector<std::string> types = {std::string(kGemma3MultimodalType)};
    for (const ModelFamily* family : kFamilies) types.emplace_back(family->modelType);
    std::ranges::sort(types);
    return types;
}

Error unsupportedFamily(const std::string& family, const std::string& path) {
    std::string missing = "has no forward pass for them";
    for (const auto& entry : kMissing)
        if (entry.family == family) missing = "lacks " + std::string(entry.missing);
    return {ErrorKind::Unsupported, "Models of type \"" + family + "\" cannot be opened: this program " + missing +
                                        ". Models of the types " + quoted(supportedModelTypes()) + " can be opened.", path};
}

Expected<std::vector<bool>> slidingLayerTypes(JsonFields& fields, int blocks) {
    const std::vector<std::string> types = fields.texts("layer_types");
    if (fields.error()) return fail(*fields.error());
    std::vector<bool> sliding;
    for (const std::string& type : types) {
        if (type != "sliding_attention" && type != "full_attention")
            return fail(ErrorKind::Unsupported, "Field \"layer_types\" asks for blocks of type \"" + type + "\", which this program lacks.",
                        fields.path());
        sliding.push_back(type == "sliding_attention");
    }
    if (!types.empty() && types.size() != static_cast<std::size_t>(std::max(blocks, 0)))
        return fail(ErrorKind::BadInput, "Field \"layer_types\" has " + std::to_string(types.size()) + " entries, but the model has " +
                                             std::to_string(blocks) + " blocks.", fields.path());
    return sliding;
}

std::vector<std::string> layerTypeNames(const DecoderConfig& config) {
    std::vector<std::string> names;
    for (int block = 0; block < config.blocks; ++block)
        names.emplace_back(config.blockAttention(block).window > 0 ? "sliding_attention" : "full_attention");
    return names;
}

int slidingWindow(const DecoderConfig& config) {
    int window = 0;
    for (const BlockAttention& block : config.attention) window = std::max(window, block.window);
    return window;
}

void setWindowEverywhere(DecoderConfig& config, int window) {
    if (window > 0) setWindows(config, std::vector<bool>(static_cast<std::size_t>(config.blocks), true), window);
}

void writeWindowEverywhere(const DecoderConfig& config, nlohmann::json& json) {
    json["sliding_window"] = nullptr;
    if (const int window = slidingWindow(config); window > 0) json["sliding_window"] = window;
}

}  // namespace safequant
