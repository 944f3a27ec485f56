// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace safequant::test {

template <typename T>
std::string bytesOf(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

inline std::string bytesOf(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

inline void writeBytes(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Writes GGUF files byte by byte.
class GgufBuilder {
public:
    static std::string text(const std::string& s) { return bytesOf(static_cast<std::uint64_t>(s.size())) + s; }
    GgufBuilder& raw(const std::string& key, std::uint32_t type, const std::string& value) {
        m_values += text(key) + bytesOf(type) + value;
        ++m_valueCount;
        return *this;
    }
    GgufBuilder& number(const std::string& key, std::uint32_t value) { return raw(key, 4, bytesOf(value)); }
    GgufBuilder& real(const std::string& key, float value) { return raw(key, 6, bytesOf(value)); }
    GgufBuilder& string(const std::string& key, const std::string& value) { return raw(key, 8, text(value)); }
    GgufBuilder& strings(const std::string& key, const std::vector<std::string>& values) {
        std::string items = bytesOf(std::uint32_t{8}) + bytesOf(static_cast<std::uint64_t>(values.size()));
        for (const auto& value : values) items += text(value);
        return raw(key, 9, items);
    }
    GgufBuilder& tensor(const std::string& name, const std::vector<std::uint64_t>& shape, std::uint32_t type, const std::string& data) {
        declare(name, shape, type, m_data.size());
        m_data += data;
        m_data.resize((m_data.size() + 31) / 32 * 32, '\0');
        return *this;
    }
    /// The entry of a tensor alone, with the offset of its data.
    GgufBuilder& declare(const std::string& name, const std::vector<std::uint64_t>& shape, std::uint32_t type, std::uint64_t offset) {
        m_infos += text(name) + bytesOf(static_cast<std::uint32_t>(shape.size()));
        for (const auto size : shape) m_infos += bytesOf(size);
        m_infos += bytesOf(type) + bytesOf(offset);
        ++m_tensorCount;
        return *this;
    }
    std::string build(std::uint32_t version = 3) const {
        std::string bytes = "GGUF" + bytesOf(version) + bytesOf(m_tensorCount) + bytesOf(m_valueCount) + m_values + m_infos;
        bytes.resize((bytes.size() + 31) / 32 * 32, '\0');
        return bytes + m_data;
    }

private:
    std::string m_values, m_infos, m_data;
    std::uint64_t m_valueCount = 0, m_tensorCount = 0;
};

/// Header (padded to 8 bytes) and data of a safetensors file.
inline std::string safetensorsBytes(std::string header, const std::string& data) {
    header.resize((header.size() + 7) / 8 * 8, ' ');
    return bytesOf(static_cast<std::uint64_t>(header.size())) + header + data;
}

/// A safetensors file of float32 tensors in the order of their names.
inline std::string safetensorsOf(const std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<float>>>& tensors) {
    nlohmann::json header;
    std::string data;
    for (const auto& [name, tensor] : tensors) {
        const std::size_t begin = data.size();
        data += bytesOf(tensor.second);
        header[name] = {{"dtype", "F32"}, {"shape", tensor.first}, {"data_offsets", {begin, data.size()}}};
    }
    return safetensorsBytes(header.dump(), data);
}

/// Shapes of a tiny Llama: hidden 8, 2 heads and 1 key-value head of 4, 12 intermediate, 6 tokens, 1 block, tied.
struct TinyTensor {
    std::string gguf, huggingFace;
    std::vector<std::int64_t> shape;
};
inline const std::vector<TinyTensor>& tinyTensors() {
    static const std::vector<TinyTensor> kTensors = {
        {"token_embd.weight", "model.embed_tokens.weight", {6, 8}},
        {"blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight", {8}},
        {"blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight", {8, 8}},
        {"blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight", {4, 8}},
        {"blk.0.attn_v.weight", "model.layers.0.self_attn.v_proj.weight", {4, 8}},
        {"blk.0.attn_output.weight", "model.layers.0.self_attn.o_proj.weight", {8, 8}},
        {"blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight", {8}},
        {"blk.0.ffn_gate.weight", "model.layers.0.mlp.gate_proj.weight", {12, 8}},
        {"blk.0.ffn_up.weight", "model.layers.0.mlp.up_proj.weight", {12, 8}},
        {"blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight", {8, 12}},
        {"output_norm.weight", "model.norm.weight", {8}},
    };
    return kTensors;
}

/// Values 1000 * tensor + element, so that every element of the model is told apart.
inline std::vector<float> tinyValues(std::size_t tensor) {
    std::size_t count = 1;
    for (const auto size : tinyTensors()[tensor].shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(1000 * tensor + i);
    return values;
}

inline GgufBuilder tinyMetadata() {
    GgufBuilder builder;
    builder.string("general.architecture", "llama").string("general.name", "tiny");
    builder.number("llama.context_length", 32).number("llama.embedding_length", 8).number("llama.block_count", 1);
    builder.number("llama.feed_forward_length", 12).number("llama.attention.head_count", 2).number("llama.attention.head_count_kv", 1);
    builder.real("llama.attention.layer_norm_rms_epsilon", 1e-5F).real("llama.rope.freq_base", 5000.0F);
    builder.string("tokenizer.ggml.model", "gpt2").strings("tokenizer.ggml.tokens", {"a", "b", "ab", "<e>", "<b>", "c"});
    builder.strings("tokenizer.ggml.merges", {"a b"}).number("tokenizer.ggml.eos_token_id", 3).number("tokenizer.ggml.bos_token_id", 4);
    return builder;
}

inline GgufBuilder tinyGguf() {
    GgufBuilder builder = tinyMetadata();
    for (std::size_t i = 0; i < tinyTensors().size(); ++i) {
        const auto& tensor = tinyTensors()[i];
        builder.tensor(tensor.gguf, {tensor.shape.rbegin(), tensor.shape.rend()}, 0, bytesOf(tinyValues(i)));
    }
    return builder;
}

inline nlohmann::json tinyConfig() {
    return {{"architectures", {"LlamaForCausalLM"}}, {"model_type", "llama"}, {"hidden_size", 8}, {"intermediate_size", 12},
            {"num_hidden_layers", 1}, {"num_attention_heads", 2}, {"num_key_value_heads", 1}, {"vocab_size", 6},
            {"max_position_embeddings", 32}, {"rms_norm_eps", 1e-5}, {"rope_theta", 5000.0}, {"tie_word_embeddings", true},
            {"hidden_act", "silu"}, {"eos_token_id", 3}, {"bos_token_id", 4}};
}

inline std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<float>>> tinyWeights() {
    std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<float>>> weights;
    for (std::size_t i = 0; i < tinyTensors().size(); ++i) weights[tinyTensors()[i].huggingFace] = {tinyTensors()[i].shape, tinyValues(i)};
    return weights;
}

}  // namespace safequant::test
