// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_model.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "core/base/random.h"

namespace safequant::testing {
namespace {

using nlohmann::json;

void writeText(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file) throw std::runtime_error("cannot write " + path);
}

std::string utf8Of(int codePoint) {
    if (codePoint < 0x80) return {static_cast<char>(codePoint)};
    return {static_cast<char>(0xC0 | (codePoint >> 6)), static_cast<char>(0x80 | (codePoint & 0x3F))};
}

/// The byte-level alphabet: printable bytes stand for themselves, the others follow from U+0100 on.
std::vector<std::string> byteAlphabet() {
    std::vector<std::string> letters(256);
    int next = 256;
    for (int byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        letters[static_cast<std::size_t>(byte)] = utf8Of(printable ? byte : next++);
    }
    return letters;
}

constexpr int kSpecialTokens = 3;

json tokenizerJson() {
    json vocabulary = json::object();
    json added = json::array();
    const char* specials[kSpecialTokens] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    for (int i = 0; i < kSpecialTokens; ++i) {
        vocabulary[specials[i]] = i;
        added.push_back({{"id", i}, {"content", specials[i]}, {"single_word", false}, {"lstrip", false}, {"rstrip", false},
                         {"normalized", false}, {"special", true}});
    }
    int id = kSpecialTokens;
    for (const auto& letter : byteAlphabet()) vocabulary[letter] = id++;
    return {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", added}, {"normalizer", nullptr},
            {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
            {"post_processor", nullptr},
            {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
            {"model", {{"type", "BPE"}, {"dropout", nullptr}, {"unk_token", nullptr}, {"continuing_subword_prefix", nullptr},
                       {"end_of_word_suffix", nullptr}, {"fuse_unk", false}, {"byte_fallback", false}, {"vocab", vocabulary},
                       {"merges", json::array()}}}};
}

class SafetensorsFile {
public:
    explicit SafetensorsFile(std::uint64_t seed) : m_random(seed, "tiny-model") {}

    void addNormal(const std::string& name, int rows, int cols, double deviation) {
        std::vector<float> values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols));
        for (auto& value : values) value = static_cast<float>(deviation * m_random.normal());
        add(name, {rows, cols}, values);
    }
    void addNorm(const std::string& name, int size) {
        std::vector<float> values(static_cast<std::size_t>(size));
        for (auto& value : values) value = static_cast<float>(1.0 + 0.1 * m_random.normal());
        add(name, {size}, values);
    }
    void write(const std::string& path) const {
        std::string header = m_header.dump();
        header.resize((header.size() + 7) / 8 * 8, ' ');
        std::ofstream file(path, std::ios::binary);
        const std::uint64_t length = header.size();
        file.write(reinterpret_cast<const char*>(&length), sizeof length);
        file << header;
        file.write(reinterpret_cast<const char*>(m_data.data()), static_cast<std::streamsize>(m_data.size() * sizeof(float)));
        if (!file) throw std::runtime_error("cannot write " + path);
    }

private:
    void add(const std::string& name, const std::vector<int>& shape, const std::vector<float>& values) {
        const std::size_t begin = m_data.size() * sizeof(float);
        m_data.insert(m_data.end(), values.begin(), values.end());
        m_header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, m_data.size() * sizeof(float)}}};
    }

    RandomStream m_random;
    json m_header = json::object();
    std::vector<float> m_data;
};

}  // namespace

void writeTinyModel(const std::string& folder, const TinyModelOptions& options) {
    std::filesystem::create_directories(folder);
    const int vocabulary = 256 + kSpecialTokens;
    const int headDim = options.hidden / options.heads;
    json config{{"architectures", {options.fused ? "Phi3ForCausalLM" : "LlamaForCausalLM"}},
                {"model_type", options.fused ? "phi3" : "llama"}, {"hidden_size", options.hidden},
                      {"intermediate_size", options.intermediate}, {"num_hidden_layers", options.blocks},
                      {"num_attention_heads", options.heads}, {"num_key_value_heads", options.kvHeads}, {"head_dim", headDim},
                      {"vocab_size", vocabulary}, {"max_position_embeddings", 2048}, {"rms_norm_eps", 1e-5}, {"rope_theta", 10000.0},
                      {"hidden_act", "silu"}, {"attention_bias", false}, {"mlp_bias", false}, {"tie_word_embeddings", true},
                      {"torch_dtype", "float32"}, {"bos_token_id", 1}, {"eos_token_id", 2}, {"pad_token_id", 2}};
    if (options.fused) {
        config["original_max_position_embeddings"] = 2048;
        config["sliding_window"] = nullptr;
    }
    writeText(folder + "/config.json", config.dump(2));
    writeText(folder + "/tokenizer.json", tokenizerJson().dump(1));
    writeText(folder + "/tokenizer_config.json",
              json{{"tokenizer_class", "GPT2TokenizerFast"},
                   {"bos_token", "<|im_start|>"},
                   {"eos_token", "<|im_end|>"},
                   {"pad_token", "<|im_end|>"},
                   {"chat_template",
                    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
                    "'\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"}}
                  .dump(2));
    SafetensorsFile tensors(options.seed);
    const double deviation = 1.0 / std::sqrt(static_cast<double>(options.hidden));
    tensors.addNormal("model.embed_tokens.weight", vocabulary, options.hidden, 1.0);
    for (int block = 0; block < options.blocks; ++block) {
        const std::string prefix = "model.layers." + std::to_string(block) + ".";
        tensors.addNorm(prefix + "input_layernorm.weight", options.hidden);
        if (options.fused) {
            tensors.addNormal(prefix + "self_attn.qkv_proj.weight", (options.heads + 2 * options.kvHeads) * headDim, options.hidden, deviation);
        } else {
            tensors.addNormal(prefix + "self_attn.q_proj.weight", options.heads * headDim, options.hidden, deviation);
            tensors.addNormal(prefix + "self_attn.k_proj.weight", options.kvHeads * headDim, options.hidden, deviation);
            tensors.addNormal(prefix + "self_attn.v_proj.weight", options.kvHeads * headDim, options.hidden, deviation);
        }
        tensors.addNormal(prefix + "self_attn.o_proj.weight", options.hidden, options.heads * headDim, deviation);
        tensors.addNorm(prefix + "post_attention_layernorm.weight", options.hidden);
        if (options.fused) {
            tensors.addNormal(prefix + "mlp.gate_up_proj.weight", 2 * options.intermediate, options.hidden, deviation);
        } else {
            tensors.addNormal(prefix + "mlp.gate_proj.weight", options.intermediate, options.hidden, deviation);
            tensors.addNormal(prefix + "mlp.up_proj.weight", options.intermediate, options.hidden, deviation);
        }
        tensors.addNormal(prefix + "mlp.down_proj.weight", options.hidden, options.intermediate, deviation);
    }
    tensors.addNorm("model.norm.weight", options.hidden);
    tensors.write(folder + "/model.safetensors");
}

void writeTinyPrompts(const std::string& path, int perClass) {
    static const char* const kThings[] = {"lantern", "garden", "bicycle", "teapot", "violin", "harbour", "mountain", "library",
                                          "umbrella", "compass", "orchard", "notebook", "kettle", "ladder", "window", "basket"};
    static const char* const kColours[] = {"red", "green", "blue", "amber", "violet", "silver", "copper", "ivory", "teal", "ochre"};
    std::string text;
    int number = 0;
    const auto line = [&](const std::string& prompt, const char* label, const char* split) {
        text += json{{"id", std::string(label) + "-" + std::to_string(number)}, {"prompt", prompt}, {"label", label}, {"split", split},
                     {"category", "test"}, {"source", "stand-in"}}
                    .dump() +
                "\n";
        ++number;
    };
    for (const char* split : {"calibration", "evaluation"}) {
        for (int i = 0; i < perClass; ++i) {
            const std::string thing = kThings[static_cast<std::size_t>(number) % std::size(kThings)];
            const std::string colour = kColours[static_cast<std::size_t>(number / 3) % std::size(kColours)];
            // Words of each prompt's own keep prompts of both splits from being near duplicates.
            const auto own = [&] { return " " + std::to_string(number) + " q" + std::to_string(number) + " r" + std::to_string(number); };
            line("FORBIDDEN " + colour + " " + thing + " number" + own(), "malicious", split);
            line("please describe " + colour + " " + thing + " item" + own(), "benign", split);
            if (i % 4 == 0) line("explain FORBIDDEN " + colour + " " + thing + own() + " s" + std::to_string(number), "hard_benign", split);
        }
    }
    writeText(path, text);
}

}  // namespace safequant::testing
