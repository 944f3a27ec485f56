// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/config_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/checkpoint/family.h"

namespace safequant {
namespace {

std::string shortNumber(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.6g", value);
    return text.data();
}

std::string ropeOf(const RopeParameters& rope) {
    std::string text = "theta " + shortNumber(rope.theta);
    const RopeScaling& scaling = rope.scaling;
    if (scaling.kind == RopeScalingKind::None) return text;
    text += std::string(", ") + ropeScalingName(scaling.kind) + " scaling by " + shortNumber(scaling.factor);
    if (scaling.originalPositions > 0) text += " from " + std::to_string(scaling.originalPositions) + " positions";
    return text;
}

}  // namespace

std::string attentionText(const DecoderConfig& config) {
    std::string text = "every position before";
    const auto windows = std::ranges::count_if(config.attention, [](const BlockAttention& block) { return block.window > 0; });
    if (windows > 0)
        text = "window of " + std::to_string(slidingWindow(config)) + " positions on " +
               (windows == config.blocks ? "all" : std::to_string(windows) + " of " + std::to_string(config.blocks)) + " blocks";
    if (config.qkNorm) text += ", normalised heads";
    if (config.attentionSoftcap > 0.0F) text += ", scores capped at " + shortNumber(static_cast<double>(config.attentionSoftcap));
    return text;
}

std::string ropeText(const DecoderConfig& config) {
    std::string text = ropeOf(config.ropes.front());
    if (config.ropes.size() > 1 && !(config.ropes[1] == config.ropes[0])) text += "; " + ropeOf(config.ropes[1]) + " on blocks with a window";
    if (config.rotaryWidth() != config.headDim)
        text += "; " + std::to_string(config.rotaryWidth()) + " of " + std::to_string(config.headDim) + " dimensions rotate";
    return text;
}

std::string outputText(const DecoderConfig& config) {
    std::string text = config.tiedEmbeddings ? "tied to the embeddings" : "a matrix of its own";
    if (config.logitSoftcap > 0.0F) text += ", logits capped at " + shortNumber(static_cast<double>(config.logitSoftcap));
    return text;
}

}  // namespace safequant
