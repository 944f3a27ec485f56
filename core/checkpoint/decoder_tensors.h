// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/decoder_config.h"

namespace safequant {

/// What a tensor is for; linears of a block are told apart by their LinearRole.
enum class TensorKind : std::uint8_t {
    Embedding,
    Head,
    Weight,  ///< Of a linear.
    Bias,    ///< Of a linear.
    InputNorm,
    QueryNorm,
    KeyNorm,
    AttentionOutputNorm,    ///< With postNorms.
    PreFeedForwardNorm,
    FeedForwardOutputNorm,  ///< With postNorms.
    FinalNorm,
};

/// A tensor a model of a given configuration must have, under its canonical name: the Hugging Face one, with query, key, value,
/// gate and up apart also where files hold them fused.
struct DecoderTensor {
    std::string name;                 ///< "model.layers.3.self_attn.q_proj.weight".
    std::vector<std::int64_t> shape;  ///< `[out, in]`, `[out]` or `[width]`.
    TensorKind kind = TensorKind::Embedding;
    int block = -1;                   ///< -1: outside the blocks.
    LinearRole role = LinearRole::Query;  ///< Of Weight and Bias.
    int rotaryHeads = 0;              ///< Heads whose rows lie in llama.cpp's order in a GGUF file; 0: none do.
    bool ggufAddsOne = false;         ///< A GGUF file holds the value plus one.
    std::string storedName;           ///< Hugging Face tensor that holds it: `name`, or the fused one.
    std::string ggufName;             ///< GGUF tensor that holds it, likewise.
    std::int64_t firstRow = 0;        ///< Where it begins in the tensor that holds it.
    std::int64_t storedRows = 0;      ///< Rows of the tensor that holds it: shape[0] when it is not fused.

    bool isNorm() const { return kind >= TensorKind::InputNorm; }
};

/// Every tensor of the model in the order of computation: embedding, blocks, final norm, head (when not tied).
std::vector<DecoderTensor> decoderTensors(const DecoderConfig& config);

/// Name of a norm's weight, e.g. "model.layers.3.pre_feedforward_layernorm.weight"; `block` is ignored for FinalNorm.
std::string normName(const DecoderConfig& config, TensorKind kind, int block);

/// Linears that files hold as one tensor: linearSuffix(role) with itself alone, or for fused projections
/// "self_attn.qkv_proj" with query, key, value and "mlp.gate_up_proj" with gate, up; the rows follow each other in that order.
struct StoredLinear {
    std::string suffix;
    std::vector<LinearRole> parts;
};
/// The linears of a block as files hold them, in order.
std::vector<StoredLinear> storedLinears(const DecoderConfig& config);

/// Checks ranges and divisibility of a configuration read from a file. Error: bad_input naming the field by its config.json
/// name, with `path` as context.
Expected<void> checkConfig(const DecoderConfig& config, const std::string& path);

/// "[576, 1536]".
std::string shapeText(const std::vector<std::int64_t>& shape);

}  // namespace safequant
