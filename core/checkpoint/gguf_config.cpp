// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/gguf_config.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <limits>

#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/family.h"
#include "core/checkpoint/gguf_keys.h"
#include "core/checkpoint/gguf_parts.h"
#include "core/checkpoint/rope_config.h"

namespace safequant {
namespace {

/// The name of the file without ".gguf" and without the name of a storage type at its end ("-Q4_K_M", ".f16").
std::string modelName(const std::string& path) {
    const auto part = GgufPartName::parse(path);
    std::string stem = std::filesystem::path(part ? part->stem : path).filename().string();
    if (stem.ends_with(".gguf")) stem.resize(stem.size() - 5);
    const std::size_t cut = stem.find_last_of(".-");
    if (cut == std::string::npos || cut == 0) return stem;
    std::string tail = stem.substr(cut + 1);
    std::transform(tail.begin(), tail.end(), tail.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const std::string base = tail.size() > 4 && tail.starts_with("Q") ? tail.substr(0, 4) : tail;
    return storageTypeNamed(tail) != nullptr || storageTypeNamed(base) != nullptr ? stem.substr(0, cut) : stem;
}

}  // namespace

Expected<DecoderConfig> readGgufConfig(const GgufFile& file) {
    const auto architecture = file.text("general.architecture");
    if (!architecture) return fail(architecture.error());
    const ModelFamily* family = familyOfArchitecture(*architecture);
    if (family == nullptr) return fail(unsupportedFamily(*architecture, file.path()));

    DecoderConfig config;
    GgufKeys keys(file, *architecture + ".");
    setFamilyFacts(*family, config);
    config.activation = family->activation;
    config.name = modelName(file.path());
    config.hiddenSize = keys.integer("embedding_length");
    config.intermediateSize = keys.integer("feed_forward_length");
    config.blocks = keys.integer("block_count");
    config.heads = keys.integer("attention.head_count");
    config.kvHeads = keys.integer("attention.head_count_kv", config.heads);
    config.maxPositions = keys.integer("context_length");
    config.normEpsilon = static_cast<float>(keys.real("attention.layer_norm_rms_epsilon"));
    config.headDim = keys.integer("attention.key_length", config.heads > 0 ? config.hiddenSize / config.heads : 0);
    const int valueDim = keys.integer("attention.value_length", config.headDim);
    const int experts = keys.integer("expert_count", 0);

    const auto embedding = std::ranges::find(file.tensors(), "token_embd.weight", &GgufTensor::name);
    const std::int64_t rows = embedding != file.tensors().end() ? embedding->shape.back() : 0;
    config.vocabulary = keys.integer("vocab_size", static_cast<int>(std::min<std::int64_t>(rows, std::numeric_limits<int>::max())));
    config.tiedEmbeddings = !keys.hasTensor("output.weight");

    GgufKeys tokens(file, "tokenizer.ggml.");
    config.beginToken = tokens.integer("bos_token_id", -1);
    config.padToken = tokens.integer("padding_token_id", -1);
    for (const char* key : {"eos_token_id", "eot_token_id", "eom_token_id"}) {
        const int token = tokens.integer(key, -1);
        if (token >= 0 && std::ranges::find(config.endTokens, token) == config.endTokens.end()) config.endTokens.push_back(token);
    }
    for (const auto* reader : {&keys, &tokens})
        if (reader->error()) return fail(*reader->error());
    if (experts > 0) return keys.unsupported("expert_count", "mixture-of-experts blocks");
    if (valueDim != config.headDim) return keys.unsupported("attention.value_length", "value heads of another size than key heads");
    // The family's reader and the rotary positions rely on numbers in range.
    if (auto checked = checkConfig(config, file.path()); !checked) return fail(checked.error());
    if (auto read = family->readGguf(keys, config); !read) return fail(read.error());
    if (keys.error()) return fail(*keys.error());
    if (auto read = readGgufRopes(keys, *family, config); !read) return fail(read.error());
    if (auto checked = checkConfig(config, file.path()); !checked) return fail(checked.error());
    return config;
}

}  // namespace safequant
