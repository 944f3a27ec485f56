// SPDX-License-Identifier: GPL-3.0-or-later
// How long opening a checkpoint of Llama-2-7B's shape takes and how much memory stays resident, as three shards of
// safetensors and as one GGUF file. The files are sparse: what opening does not read is not there.
#include <unistd.h>

#include <filesystem>

#include "benchmark_support.h"
#include "core/checkpoint/checkpoint.h"
#include "tests/core/checkpoint/small_files.h"

using namespace safequant;
using namespace safequant::benchmarks;
using namespace safequant::test;

namespace {

namespace fs = std::filesystem;

constexpr int kBlocks = 32, kShards = 3;

struct Named {
    std::string gguf, huggingFace;
    std::vector<std::int64_t> shape;
};

std::vector<Named> llamaTensors() {
    std::vector<Named> tensors = {{"token_embd.weight", "model.embed_tokens.weight", {32000, 4096}}};
    for (int i = 0; i < kBlocks; ++i) {
        const std::string ours = "blk." + std::to_string(i) + ".", theirs = "model.layers." + std::to_string(i) + ".";
        tensors.push_back({ours + "attn_norm.weight", theirs + "input_layernorm.weight", {4096}});
        for (const auto& [from, to] : {std::pair("attn_q", "q"), std::pair("attn_k", "k"), std::pair("attn_v", "v"),
                                       std::pair("attn_output", "o")})
            tensors.push_back({ours + from + ".weight", theirs + "self_attn." + to + "_proj.weight", {4096, 4096}});
        tensors.push_back({ours + "ffn_norm.weight", theirs + "post_attention_layernorm.weight", {4096}});
        tensors.push_back({ours + "ffn_gate.weight", theirs + "mlp.gate_proj.weight", {11008, 4096}});
        tensors.push_back({ours + "ffn_up.weight", theirs + "mlp.up_proj.weight", {11008, 4096}});
        tensors.push_back({ours + "ffn_down.weight", theirs + "mlp.down_proj.weight", {4096, 11008}});
    }
    tensors.push_back({"output_norm.weight", "model.norm.weight", {4096}});
    tensors.push_back({"output.weight", "lm_head.weight", {32000, 4096}});
    return tensors;
}

std::uint64_t elements(const Named& tensor) {
    std::uint64_t count = 1;
    for (const auto size : tensor.shape) count *= static_cast<std::uint64_t>(size);
    return count;
}

void writeSafetensors(const fs::path& folder) {
    fs::create_directories(folder);
    writeBytes(
        (folder / "config.json").string(),
        R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 11008,
                   "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000,
                   "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "hidden_act": "silu"})");
    const auto tensors = llamaTensors();
    nlohmann::json map;
    for (int shard = 0; shard < kShards; ++shard) {
        const std::string name =
            "model-0000" + std::to_string(shard + 1) + "-of-0000" + std::to_string(kShards) + ".safetensors";
        nlohmann::json header;
        std::uint64_t end = 0;
        for (std::size_t i = static_cast<std::size_t>(shard); i < tensors.size(); i += kShards) {
            const std::uint64_t begin = end;
            end += 2 * elements(tensors[i]);
            header[tensors[i].huggingFace] = {
                {"dtype", "BF16"}, {"shape", tensors[i].shape}, {"data_offsets", {begin, end}}};
            map[tensors[i].huggingFace] = name;
        }
        const std::string bytes = safetensorsBytes(header.dump(), {});
        writeBytes((folder / name).string(), bytes);
        fs::resize_file(folder / name, bytes.size() + end);
    }
    writeBytes((folder / "model.safetensors.index.json").string(), nlohmann::json{{"weight_map", map}}.dump());
}

void writeGguf(const fs::path& path) {
    GgufBuilder builder;
    builder.string("general.architecture", "llama")
        .number("llama.context_length", 4096)
        .number("llama.embedding_length", 4096);
    builder.number("llama.block_count", kBlocks)
        .number("llama.feed_forward_length", 11008)
        .number("llama.attention.head_count", 32);
    builder.real("llama.attention.layer_norm_rms_epsilon", 1e-5F).number("llama.rope.dimension_count", 128);
    std::vector<std::string> tokens;
    for (int i = 0; i < 32000; ++i) tokens.push_back("token" + std::to_string(i));
    builder.string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", tokens);
    std::uint64_t end = 0;
    for (const Named& tensor : llamaTensors()) {
        builder.declare(tensor.gguf, {tensor.shape.rbegin(), tensor.shape.rend()}, tensor.shape.size() == 2 ? 1 : 0,
                        end);
        end += elements(tensor) * (tensor.shape.size() == 2 ? 2 : 4);
    }
    const std::string bytes = builder.build();
    writeBytes(path.string(), bytes);
    fs::resize_file(path, bytes.size() + end);
}

double residentMemory() {
    std::ifstream statm("/proc/self/statm");
    double size = 0, resident = 0;
    statm >> size >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1048576.0;
}

void measure(const std::string& name, const std::string& path) {
    const double before = residentMemory(), start = now();
    const auto checkpoint = orThrow(openCheckpoint(path));
    const double seconds = now() - start, grown = residentMemory() - before;
    std::cout << nlohmann::json{{"name", name},
                                {"seconds", seconds},
                                {"resident_mb", grown},
                                {"tensors", checkpoint->tensors().size()}}
                     .dump()
              << std::endl;
}

}  // namespace

int main() try {
    const fs::path folder = fs::temp_directory_path() / ("safequant-open-" + std::to_string(::getpid()));
    writeSafetensors(folder / "model");
    writeGguf(folder / "model.gguf");
    measure("open Llama-2-7B's shape, 3 safetensors shards", (folder / "model").string());
    measure("open Llama-2-7B's shape, GGUF F16", (folder / "model.gguf").string());
    fs::remove_all(folder);
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
