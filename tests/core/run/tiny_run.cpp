// SPDX-License-Identifier: GPL-3.0-or-later
#include "tiny_run.h"

#include <QDir>
#include <QFile>
#include <array>
#include <stdexcept>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/run/run_folder.h"

using nlohmann::json;
using safequant::RandomStream;

namespace tiny {
namespace {

constexpr int kHidden = 32, kIntermediate = 48, kBlocks = 4, kHeads = 4, kKvHeads = 2, kHeadDim = 8;
constexpr int kSpecials = 3;
constexpr int kVocabulary = 256 + kSpecials;
constexpr std::array kLabels{"malicious", "benign", "hard_benign"};
constexpr std::array<int, 3> kPromptsOfLabel{48, 48, 16};

void write(const QString& path, const std::string& content) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(content.data(), static_cast<qint64>(content.size())) < 0)
        throw std::runtime_error("cannot write " + path.toStdString());
}

/// The byte-level alphabet: printable bytes stand for themselves, the others for code points from 256 on.
std::string byteCharacter(int byte) {
    int point = byte;
    const auto plain = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255); };
    if (!plain(byte)) {
        point = 256;
        for (int b = 0; b < byte; ++b)
            if (!plain(b)) ++point;
    }
    return QString(QChar(static_cast<char16_t>(point))).toStdString();
}

json tokenizer() {
    json vocabulary = json::object();
    for (int byte = 0; byte < 256; ++byte) vocabulary[byteCharacter(byte)] = byte;
    json added = json::array();
    const std::array names{"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    for (int i = 0; i < kSpecials; ++i) {
        vocabulary[names[static_cast<std::size_t>(i)]] = 256 + i;
        added.push_back({{"id", 256 + i},
                         {"content", names[static_cast<std::size_t>(i)]},
                         {"single_word", false},
                         {"lstrip", false},
                         {"rstrip", false},
                         {"normalized", false},
                         {"special", true}});
    }
    const json bytes{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens", added},
            {"normalizer", nullptr},
            {"pre_tokenizer", bytes},
            {"post_processor", nullptr},
            {"decoder", bytes},
            {"model",
             {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", nullptr},
              {"end_of_word_suffix", nullptr},
              {"fuse_unk", false},
              {"byte_fallback", false},
              {"ignore_merges", false},
              {"vocab", vocabulary},
              {"merges", json::array()}}}};
}

json config() {
    return {{"architectures", {"LlamaForCausalLM"}},
            {"model_type", "llama"},
            {"hidden_size", kHidden},
            {"intermediate_size", kIntermediate},
            {"num_hidden_layers", kBlocks},
            {"num_attention_heads", kHeads},
            {"num_key_value_heads", kKvHeads},
            {"head_dim", kHeadDim},
            {"vocab_size", kVocabulary},
            {"max_position_embeddings", 512},
            {"rms_norm_eps", 1e-5},
            {"rope_theta", 10000.0},
            {"hidden_act", "silu"},
            {"attention_bias", false},
            {"mlp_bias", false},
            {"tie_word_embeddings", true},
            {"torch_dtype", "float32"},
            {"bos_token_id", 257},
            {"eos_token_id", 258}};
}

class Weights {
public:
    explicit Weights(std::uint64_t seed) : m_seed(seed) {}

    void add(const std::string& name, int rows, int cols, double scale) {
        RandomStream random(m_seed, name);
        const auto begin = m_data.size();
        const int values = rows * std::max(1, cols);
        for (int i = 0; i < values; ++i) {
            const auto value = static_cast<float>(cols > 0 ? scale * random.normal() : 1.0 + 0.1 * random.normal());
            m_data.append(reinterpret_cast<const char*>(&value), sizeof(value));
        }
        const json shape = cols > 0 ? json{rows, cols} : json{rows};
        m_header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, m_data.size()}}};
    }
    std::string file() const {
        auto header = m_header.dump();
        while (header.size() % 8 != 0) header += ' ';
        const std::uint64_t length = header.size();
        return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header + m_data;
    }

private:
    std::uint64_t m_seed;
    json m_header = json::object();
    std::string m_data;
};

std::string weights(std::uint64_t seed) {
    Weights all(seed);
    all.add("model.embed_tokens.weight", kVocabulary, kHidden, 0.5);
    for (int block = 0; block < kBlocks; ++block) {
        const auto prefix = "model.layers." + std::to_string(block) + ".";
        all.add(prefix + "input_layernorm.weight", kHidden, 0, 1.0);
        all.add(prefix + "post_attention_layernorm.weight", kHidden, 0, 1.0);
        all.add(prefix + "self_attn.q_proj.weight", kHeads * kHeadDim, kHidden, 0.2);
        all.add(prefix + "self_attn.k_proj.weight", kKvHeads * kHeadDim, kHidden, 0.2);
        all.add(prefix + "self_attn.v_proj.weight", kKvHeads * kHeadDim, kHidden, 0.2);
        all.add(prefix + "self_attn.o_proj.weight", kHidden, kHeads * kHeadDim, 0.2);
        all.add(prefix + "mlp.gate_proj.weight", kIntermediate, kHidden, 0.2);
        all.add(prefix + "mlp.up_proj.weight", kIntermediate, kHidden, 0.2);
        all.add(prefix + "mlp.down_proj.weight", kHidden, kIntermediate, 0.2);
    }
    all.add("model.norm.weight", kHidden, 0, 1.0);
    return all.file();
}

std::string prompts() {
    RandomStream random(11, "prompts");
    std::vector<std::string> words;
    for (int i = 0; i < 400; ++i) {
        std::string word;
        for (int part = 0; part < 3; ++part) {
            word += "bdfgklmnprst"[random.below(12)];
            word += "aeiou"[random.below(5)];
        }
        words.push_back(word);
    }
    std::string lines;
    for (std::size_t label = 0; label < kLabels.size(); ++label) {
        for (int i = 0; i < kPromptsOfLabel[label]; ++i) {
            std::string text = label == 0 ? "Stand-in" : label == 1 ? "Kindly" : "Stand-in kindly";
            for (int word = 0; word < 5; ++word) text += " " + words[random.below(words.size())];
            lines += json{{"id", std::string(kLabels[label]) + "-" + std::to_string(i)},
                          {"prompt", text},
                          {"label", kLabels[label]},
                          {"split", i % 2 == 0 ? "calibration" : "evaluation"}}
                         .dump() +
                     "\n";
        }
    }
    return lines;
}

void writeModel(const QString& model, std::uint64_t seed) {
    QDir().mkpath(model);
    write(model + "/config.json", config().dump(2));
    write(model + "/tokenizer.json", tokenizer().dump());
    write(model + "/tokenizer_config.json",
          json{{"chat_template",
                "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + "
                "'<|im_end|>\n' }}"
                "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"},
               {"bos_token", "<|im_start|>"},
               {"eos_token", "<|im_end|>"}}
              .dump());
    write(model + "/model.safetensors", weights(seed));
}

}  // namespace

void writeInputs(const QString& folder) {
    writeModel(folder + "/tiny-llama", 7);
    writeModel(folder + "/tiny-aligned", 8);
    write(folder + "/prompts.jsonl", prompts());
    std::string text;
    for (int i = 0; i < 60; ++i)
        text += "Line " + std::to_string(i * 37 % 101) + " of an ordinary text about bread and rivers.\n";
    write(folder + "/text.txt", text);
}

json specJson(const QString& inputs, const QString& exportFolder) {
    const auto folder = inputs.toStdString();
    json spec{{"name", "Tiny run"},
              {"checkpoint", folder + "/tiny-llama"},
              {"prompts", {folder + "/prompts.jsonl"}},
              {"seed", 5},
              {"probe", {{"folds", 3}, {"path_length", 12}}},
              {"quantization", {{"default", {{"weight_bits", 4}, {"group_size", 16}}}}},
              {"evaluation",
               {{"malicious", 8},
                {"benign", 6},
                {"hard_benign", 4},
                {"max_new_tokens", 12},
                {"perplexity_text", folder + "/text.txt"},
                {"perplexity_tokens", 256},
                {"perplexity_window", 64}}}};
    if (!exportFolder.isEmpty()) spec["export"] = {{"folder", exportFolder.toStdString()}};
    return spec;
}

json learnedSpecJson(const QString& inputs, const QString& exportFolder) {
    json spec = specJson(inputs, exportFolder);
    const auto folder = inputs.toStdString();
    spec["aligned"] = {{"checkpoint", folder + "/tiny-aligned"}};
    spec["calibration"] = {{"malicious", 8}, {"benign", 8}, {"texts", 3}, {"tasks", 2}, {"text", folder + "/text.txt"},
                           {"text_from", 100}, {"text_tokens", 24}};
    spec["quantization"] = {{"method", "q-realign"},
                            {"default", {{"weight_bits", 4}, {"group_size", 16}, {"activation_bits", 8}}},
                            {"rules", {{{"pattern", "layers\\.2\\.mlp\\.up_proj"}, {"weight_bits", 16}}}},
                            {"learning", {{"offsets", true}, {"early_epochs", 1}, {"late_epochs", 2}, {"batch_size", 8}}}};
    return spec;
}

std::string makeRun(const QString& workspace, const json& spec) {
    const auto read = safequant::runSpecFromJson(spec, "test");
    if (!read) throw std::runtime_error(read.error().describe());
    const auto folder = safequant::createRunFolder(workspace.toStdString(), *read);
    if (!folder) throw std::runtime_error(folder.error().describe());
    return *folder;
}

void Workspaces::prepare() { writeInputs(inputs()); }

void finishRun(const std::string& folder) {
    if (const auto done = safequant::executeRun(folder, {}, {}); !done) throw std::runtime_error(done.error().describe());
}

std::string readAll(const std::string& path) {
    const auto text = safequant::readTextFile(path);
    return text ? *text : "cannot be read: " + path;
}

}  // namespace tiny
