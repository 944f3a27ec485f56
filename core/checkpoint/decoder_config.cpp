// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/decoder_config.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace safequant {
namespace {

constexpr std::array<const char*, kLinearsPerBlock> kSuffixes = {
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};
constexpr std::array<const char*, 3> kActivations = {"silu", "gelu_pytorch_tanh", "gelu"};
constexpr std::array<const char*, 6> kScalings = {"default", "linear", "dynamic", "llama3", "yarn", "longrope"};

}  // namespace

const char* activationName(Activation activation) { return kActivations.at(static_cast<std::size_t>(activation)); }

const char* ropeScalingName(RopeScalingKind kind) { return kScalings.at(static_cast<std::size_t>(kind)); }

int DecoderConfig::context() const {
    const RopeScaling& scaling = ropes.front().scaling;
    if (scaling.kind != RopeScalingKind::Dynamic || scaling.factor <= 1.0) return maxPositions;
    return static_cast<int>(std::min(maxPositions * scaling.factor, static_cast<double>(1 << 30)));
}

float DecoderConfig::scoreScale() const {
    return attentionScale > 0.0F ? attentionScale : 1.0F / std::sqrt(static_cast<float>(headDim));
}

void setWindows(DecoderConfig& config, const std::vector<bool>& sliding, int window, int rope) {
    config.attention.assign(sliding.size(), BlockAttention{});
    for (std::size_t block = 0; block < sliding.size(); ++block)
        if (sliding[block]) config.attention[block] = {window, rope};
}

const char* linearSuffix(LinearRole role) { return kSuffixes.at(static_cast<std::size_t>(role)); }

std::string linearName(int block, LinearRole role) {
    return "model.layers." + std::to_string(block) + "." + linearSuffix(role);
}

std::pair<int, int> linearShape(const DecoderConfig& config, LinearRole role) {
    switch (role) {
        case LinearRole::Query: return {config.queryWidth(), config.hiddenSize};
        case LinearRole::Key:
        case LinearRole::Value: return {config.kvWidth(), config.hiddenSize};
        case LinearRole::Output: return {config.hiddenSize, config.queryWidth()};
        case LinearRole::Gate:
        case LinearRole::Up: return {config.intermediateSize, config.hiddenSize};
        case LinearRole::Down: break;
    }
    return {config.hiddenSize, config.intermediateSize};
}

bool linearHasBias(const DecoderConfig& config, LinearRole role) {
    if (role < LinearRole::Output) return config.queryKeyValueBias;
    return role == LinearRole::Output ? config.outputBias : config.mlpBias;
}

}  // namespace safequant
