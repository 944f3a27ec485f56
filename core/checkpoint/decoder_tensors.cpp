// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/decoder_tensors.h"

#include <array>
#include <cmath>
#include <string_view>
#include <tuple>

#include "core/checkpoint/family.h"

namespace safequant {
namespace {

constexpr std::array<const char*, kLinearsPerBlock> kGgufLinears = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                                    "ffn_gate", "ffn_up", "ffn_down"};
constexpr int kMaxWidth = 1 << 24;
constexpr int kMaxBlocks = 4096;

std::string blockPrefix(int block) { return "model.layers." + std::to_string(block) + "."; }
std::string ggufPrefix(int block) { return "blk." + std::to_string(block) + "."; }

/// Names of a norm inside a block.
struct NormNames {
    const char* huggingFace;
    const char* gguf;
};

NormNames normNames(const DecoderConfig& config, TensorKind kind) {
    switch (kind) {
        case TensorKind::InputNorm: return {"input_layernorm", "attn_norm"};
        case TensorKind::QueryNorm: return {"self_attn.q_norm", "attn_q_norm"};
        case TensorKind::KeyNorm: return {"self_attn.k_norm", "attn_k_norm"};
        case TensorKind::AttentionOutputNorm: return {"post_attention_layernorm", "post_attention_norm"};
        case TensorKind::PreFeedForwardNorm:
            return {config.postNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm", "ffn_norm"};
        case TensorKind::FeedForwardOutputNorm: return {"post_feedforward_layernorm", "post_ffw_norm"};
        default: break;
    }
    return {"", ""};
}

/// Puts the tensors of a configuration together.
class Builder {
public:
    explicit Builder(const DecoderConfig& config) : m_config(config), m_family(familyOf(config)), m_linears(storedLinears(config)) {}

    std::vector<DecoderTensor> build() {
        const std::int64_t hidden = m_config.hiddenSize;
        outside("model.embed_tokens.weight", "token_embd.weight", {m_config.vocabulary, hidden}, TensorKind::Embedding);
        for (m_block = 0; m_block < m_config.blocks; ++m_block) addBlock();
        outside("model.norm.weight", "output_norm.weight", {hidden}, TensorKind::FinalNorm);
        if (!m_config.tiedEmbeddings) outside("lm_head.weight", "output.weight", {m_config.vocabulary, hidden}, TensorKind::Head);
        return std::move(m_tensors);
    }

private:
    void outside(const char* name, const char* ggufName, std::vector<std::int64_t> shape, TensorKind kind) {
        DecoderTensor tensor;
        tensor.name = tensor.storedName = name;
        tensor.ggufName = ggufName;
        tensor.storedRows = shape.front();
        tensor.shape = std::move(shape);
        tensor.kind = kind;
        tensor.ggufAddsOne = tensor.isNorm() && m_config.normAddsOne;
        m_tensors.push_back(std::move(tensor));
    }

    void addBlock() {
        norm(TensorKind::InputNorm, m_config.hiddenSize);
        for (const LinearRole role : {LinearRole::Query, LinearRole::Key, LinearRole::Value}) linear(role);
        if (m_config.qkNorm) {
            norm(TensorKind::QueryNorm, m_config.headDim);
            norm(TensorKind::KeyNorm, m_config.headDim);
        }
        linear(LinearRole::Output);
        if (m_config.postNorms) norm(TensorKind::AttentionOutputNorm, m_config.hiddenSize);
        norm(TensorKind::PreFeedForwardNorm, m_config.hiddenSize);
        for (const LinearRole role : {LinearRole::Gate, LinearRole::Up, LinearRole::Down}) linear(role);
        if (m_config.postNorms) norm(TensorKind::FeedForwardOutputNorm, m_config.hiddenSize);
    }

    void norm(TensorKind kind, int width) {
        DecoderTensor tensor;
        tensor.name = tensor.storedName = normName(m_config, kind, m_block);
        tensor.ggufName = ggufPrefix(m_block) + normNames(m_config, kind).gguf + ".weight";
        tensor.shape = {width};
        tensor.storedRows = width;
        tensor.kind = kind;
        tensor.block = m_block;
        tensor.ggufAddsOne = m_config.normAddsOne;
        m_tensors.push_back(std::move(tensor));
    }

    void linear(LinearRole role) {
        const auto [rows, columns] = linearShape(m_config, role);
        add(role, TensorKind::Weight, {rows, columns}, ".weight");
        if (linearHasBias(m_config, role)) add(role, TensorKind::Bias, {rows}, ".bias");
    }

    void add(LinearRole role, TensorKind kind, std::vector<std::int64_t> shape, const char* ending) {
        DecoderTensor tensor;
        tensor.name = linearName(m_block, role) + ending;
        tensor.shape = std::move(shape);
        tensor.kind = kind;
        tensor.block = m_block;
        tensor.role = role;
        if (m_family.ggufPermutesRotaryRows)
            tensor.rotaryHeads = role == LinearRole::Query ? m_config.heads : role == LinearRole::Key ? m_config.kvHeads : 0;
        for (const StoredLinear& stored : m_linears) {
            std::int64_t rows = 0;
            bool here = false;
            for (const LinearRole part : stored.parts) {
                if (part == role) {
                    here = true;
                    tensor.firstRow = rows;
                }
                rows += linearShape(m_config, part).first;
            }
            if (!here) continue;
            tensor.storedRows = rows;
            tensor.storedName = blockPrefix(m_block) + stored.suffix + ending;
            // llama.cpp keeps a fused gate and up under the name of up.
            const char* gguf = kGgufLinears.at(static_cast<std::size_t>(stored.parts.back()));
            if (stored.parts.size() == 3) gguf = "attn_qkv";
            tensor.ggufName = ggufPrefix(m_block) + gguf + ending;
        }
        m_tensors.push_back(std::move(tensor));
    }

    const DecoderConfig& m_config;
    const ModelFamily& m_family;
    std::vector<StoredLinear> m_linears;
    std::vector<DecoderTensor> m_tensors;
    int m_block = 0;
};

/// Checks fields one after the other and keeps the first error.
class ConfigChecker {
public:
    explicit ConfigChecker(const std::string& path) : m_path(path) {}

    void range(const char* field, int value, int low, int high) {
        if (value < low || value > high)
            note(std::string(field) + " is " + std::to_string(value) + "; it must lie between " + std::to_string(low) + " and " +
                 std::to_string(high) + ".");
    }
    void require(bool holds, const std::string& message) {
        if (!holds) note(message);
    }
    Expected<void> result() const {
        if (m_message.empty()) return {};
        return fail(ErrorKind::BadInput, m_message, m_path);
    }

private:
    void note(const std::string& message) {
        if (m_message.empty()) m_message = message;
    }
    std::string m_path, m_message;
};

bool isPositive(double value) { return std::isfinite(value) && value > 0.0; }

void checkRope(ConfigChecker& check, const DecoderConfig& config, const RopeParameters& rope) {
    const RopeScaling& scaling = rope.scaling;
    check.require(std::isfinite(rope.theta) && rope.theta >= 1.0, "rope_theta must be a finite number of at least 1.");
    check.require(isPositive(scaling.factor), "The factor of the rotary scaling must be above 0.");
    check.require(isPositive(scaling.attentionFactor), "attention_factor of the rotary scaling must be above 0.");
    const bool stretched = scaling.kind == RopeScalingKind::Llama3 || scaling.kind == RopeScalingKind::Yarn ||
                           scaling.kind == RopeScalingKind::LongRope;
    if (stretched) check.range("original_max_position_embeddings", scaling.originalPositions, 1, 1 << 30);
    if (scaling.kind == RopeScalingKind::Llama3)
        check.require(isPositive(scaling.lowFrequencyFactor) && std::isfinite(scaling.highFrequencyFactor) &&
                          scaling.highFrequencyFactor > scaling.lowFrequencyFactor,
                      "high_freq_factor must be larger than low_freq_factor, and both above 0.");
    if (scaling.kind == RopeScalingKind::Yarn) {
        check.require(isPositive(scaling.betaFast) && isPositive(scaling.betaSlow), "beta_fast and beta_slow must be above 0.");
        check.require(rope.theta > 1.0, "rope_theta must be above 1 with yarn scaling.");
    }
    if (scaling.kind == RopeScalingKind::Dynamic)
        check.require(config.rotaryWidth() > 2, "Dynamic rotary scaling needs more than 2 rotating dimensions.");
    if (scaling.kind == RopeScalingKind::LongRope)
        for (const auto* factors : {&scaling.shortFactors, &scaling.longFactors}) {
            check.require(factors->size() == static_cast<std::size_t>(config.rotaryWidth() / 2),
                          "short_factor and long_factor must have " + std::to_string(config.rotaryWidth() / 2) +
                              " numbers, one for every pair of rotating dimensions, but one has " + std::to_string(factors->size()) + ".");
            for (const float factor : *factors)
                check.require(isPositive(static_cast<double>(factor)), "short_factor and long_factor must be above 0.");
        }
}

}  // namespace

std::vector<DecoderTensor> decoderTensors(const DecoderConfig& config) { return Builder(config).build(); }

std::string normName(const DecoderConfig& config, TensorKind kind, int block) {
    if (kind == TensorKind::FinalNorm) return "model.norm.weight";
    return blockPrefix(block) + normNames(config, kind).huggingFace + ".weight";
}

std::vector<StoredLinear> storedLinears(const DecoderConfig& config) {
    std::vector<StoredLinear> linears;
    if (config.fusedProjections) {
        linears.push_back({"self_attn.qkv_proj", {LinearRole::Query, LinearRole::Key, LinearRole::Value}});
        linears.push_back({linearSuffix(LinearRole::Output), {LinearRole::Output}});
        linears.push_back({"mlp.gate_up_proj", {LinearRole::Gate, LinearRole::Up}});
        linears.push_back({linearSuffix(LinearRole::Down), {LinearRole::Down}});
        return linears;
    }
    for (int i = 0; i < kLinearsPerBlock; ++i)
        linears.push_back({linearSuffix(static_cast<LinearRole>(i)), {static_cast<LinearRole>(i)}});
    return linears;
}

Expected<void> checkConfig(const DecoderConfig& config, const std::string& path) {
    ConfigChecker check(path);
    check.range("hidden_size", config.hiddenSize, 1, kMaxWidth);
    check.range("intermediate_size", config.intermediateSize, 1, kMaxWidth);
    check.range("num_hidden_layers", config.blocks, 1, kMaxBlocks);
    check.range("num_attention_heads", config.heads, 1, 1 << 15);
    check.range("num_key_value_heads", config.kvHeads, 1, 1 << 15);
    check.range("head_dim", config.headDim, 2, 1 << 15);
    check.range("vocab_size", config.vocabulary, 1, kMaxWidth);
    check.range("max_position_embeddings", config.maxPositions, 1, 1 << 30);
    check.range("bos_token_id", config.beginToken, -1, config.vocabulary - 1);
    check.range("pad_token_id", config.padToken, -1, config.vocabulary - 1);
    for (const int token : config.endTokens) check.range("eos_token_id", token, 0, config.vocabulary - 1);
    if (auto checked = check.result(); !checked) return checked;

    check.require(config.heads % config.kvHeads == 0, "num_attention_heads (" + std::to_string(config.heads) +
                                                          ") must be a multiple of num_key_value_heads (" +
                                                          std::to_string(config.kvHeads) + ").");
    check.require(config.headDim % 2 == 0,
                  "head_dim is " + std::to_string(config.headDim) + "; rotary positions need an even number.");
    check.require(config.rotaryWidth() % 2 == 0 && config.rotaryDim >= 0 && config.rotaryDim <= config.headDim,
                  "Rotary positions need an even number of dimensions, at most " + std::to_string(config.headDim) +
                      ", but partial_rotary_factor leaves " + std::to_string(config.rotaryDim) + ".");
    check.require(std::isfinite(config.normEpsilon) && config.normEpsilon > 0 && config.normEpsilon < 1,
                  "rms_norm_eps must lie between 0 and 1.");
    for (const auto& [field, value, least] :
         {std::tuple("The scale of the embeddings", config.embeddingScale, 1e-6F), std::tuple("The scale of the scores", config.attentionScale, 0.0F),
          std::tuple("attn_logit_softcapping", config.attentionSoftcap, 0.0F),
          std::tuple("final_logit_softcapping", config.logitSoftcap, 0.0F)})
        check.require(std::isfinite(value) && value >= least, std::string(field) + " must be a finite number above 0.");
    check.require(!config.ropes.empty() && (config.attention.empty() || config.attention.size() == static_cast<std::size_t>(config.blocks)),
                  "Each of the " + std::to_string(config.blocks) + " blocks needs one kind of attention.");
    for (const RopeParameters& rope : config.ropes) checkRope(check, config, rope);
    for (const BlockAttention& block : config.attention) {
        check.range("sliding_window", block.window, 0, 1 << 30);
        check.require(block.rope >= 0 && static_cast<std::size_t>(block.rope) < config.ropes.size(),
                      "A block's rotary positions are not described.");
    }
    return check.result();
}

std::string shapeText(const std::vector<std::int64_t>& shape) {
    std::string text = "[";
    for (const std::int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    return text + "]";
}

}  // namespace safequant
