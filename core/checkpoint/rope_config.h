// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/checkpoint/decoder_config.h"
#include "core/checkpoint/family.h"

namespace safequant {

/// Reads rotary positions from config.json into `ropes` and `rotaryDim`: the older rope_theta with rope_scaling, and the newer
/// rope_parameters, also with one object per layer type. Blocks with a window get a rope of their own where the files have one.
/// Errors: bad_input, unsupported naming the scaling.
Expected<void> readRopes(JsonFields& fields, const ModelFamily& family, DecoderConfig& config);

/// The same from GGUF keys and the tensors rope_freqs.weight, rope_factors_short.weight and rope_factors_long.weight.
Expected<void> readGgufRopes(GgufKeys& keys, const ModelFamily& family, DecoderConfig& config);

/// Writes the fields that readRopes reads, in the older form, which old and new programs read.
void writeRopes(const DecoderConfig& config, nlohmann::json& json);

/// Divisors of the rotary frequencies under llama3 scaling, `[rotary width / 2]`: the content of rope_freqs.weight.
std::vector<float> llama3Divisors(double theta, int rotaryWidth, const RopeScaling& scaling);

/// The factor on cosines and sines that follows from a scaling when its file gives none: Yarn's 0.1 ln(factor) + 1 (Peng et al.
/// 2023), LongRope's sqrt(1 + ln(factor) / ln(original)) (Ding et al. 2024), else 1.
double derivedAttentionFactor(RopeScalingKind kind, double factor, int originalPositions);

}  // namespace safequant
