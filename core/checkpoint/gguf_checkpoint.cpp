// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "core/checkpoint/gguf.h"
#include "core/checkpoint/gguf_parts.h"
#include "core/checkpoint/mapped_checkpoint.h"

namespace safequant {
namespace {

using NamePair = std::pair<std::string_view, std::string_view>;

constexpr NamePair kOuterNames[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};

constexpr NamePair kBlockNames[] = {
    {"attn_norm", "input_layernorm"},     {"ffn_norm", "post_attention_layernorm"}, {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},       {"attn_v", "self_attn.v_proj"},           {"attn_output", "self_attn.o_proj"},
    {"ffn_gate", "mlp.gate_proj"},        {"ffn_up", "mlp.up_proj"},                {"ffn_down", "mlp.down_proj"},
};

/// "blk.3.attn_q.weight" to "model.layers.3.self_attn.q_proj.weight"; empty when there is no counterpart.
std::string huggingFaceName(std::string_view name) {
    for (const auto& [ours, theirs] : kOuterNames)
        if (name == ours) return std::string(theirs);
    if (!name.starts_with("blk.")) return {};
    name.remove_prefix(4);
    const std::size_t dot = name.find('.');
    const std::size_t last = name.rfind('.');
    if (dot == std::string_view::npos || last <= dot) return {};
    const std::string_view block = name.substr(0, dot);
    if (block.empty() || block.find_first_not_of("0123456789") != std::string_view::npos) return {};
    const std::string_view kind = name.substr(last);
    if (kind != ".weight" && kind != ".bias") return {};
    for (const auto& [ours, theirs] : kBlockNames)
        if (name.substr(dot + 1, last - dot - 1) == ours)
            return "model.layers." + std::string(block) + "." + std::string(theirs) + std::string(kind);
    return {};
}

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

/// Reads the keys of one architecture and remembers the first error.
class KeyReader {
public:
    KeyReader(const GgufFile& file, std::string prefix) : m_file(file), m_prefix(std::move(prefix)) {}

    int integer(const std::string& key, std::optional<int> fallback = {}) {
        const std::string full = m_prefix + key;
        if (!m_file.has(full) && fallback) return *fallback;
        const auto value = m_file.integer(full);
        if (!value) return note(value.error()), 0;
        if (*value < 0 || *value > std::numeric_limits<int>::max())
            return note({ErrorKind::BadInput, "Metadata \"" + full + "\" is " + std::to_string(*value) + ", out of range.",
                         m_file.path()}), 0;
        return static_cast<int>(*value);
    }
    double real(const std::string& key, std::optional<double> fallback = {}) {
        if (!m_file.has(m_prefix + key) && fallback) return *fallback;
        const auto value = m_file.real(m_prefix + key);
        if (!value) return note(value.error()), 0.0;
        return *value;
    }
    bool boolean(const std::string& key, bool fallback) {
        if (!m_file.has(m_prefix + key)) return fallback;
        const auto value = m_file.boolean(m_prefix + key);
        if (!value) return note(value.error()), fallback;
        return *value;
    }
    std::string text(const std::string& key, const std::string& fallback) {
        if (!m_file.has(m_prefix + key)) return fallback;
        auto value = m_file.text(m_prefix + key);
        if (!value) return note(value.error()), fallback;
        return std::move(*value);
    }
    bool has(const std::string& key) const { return m_file.has(m_prefix + key); }
    const std::optional<Error>& error() const { return m_error; }

private:
    void note(const Error& error) {
        if (!m_error) m_error = error;
    }

    const GgufFile& m_file;
    std::string m_prefix;
    std::optional<Error> m_error;
};

tl::unexpected<Error> unsupported(const GgufFile& file, const std::string& key, const std::string& why) {
    return fail(ErrorKind::Unsupported, "Metadata \"" + key + "\" asks for " + why + ", which this program lacks.", file.path());
}

/// Refuses keys that change the computation in ways the forward pass does not know.
Expected<void> checkFeatures(const GgufFile& file) {
    KeyReader keys(file, "llama.");
    const std::string scaling = keys.text("rope.scaling.type", "none");
    const double oldScale = keys.real("rope.scale_linear", 1.0);
    const int experts = keys.integer("expert_count", 0);
    const int window = keys.integer("attention.sliding_window", 0);
    if (keys.error()) return fail(*keys.error());
    if (scaling != "none") return unsupported(file, "llama.rope.scaling.type", "rotary scaling \"" + scaling + "\"");
    if (oldScale != 1.0) return unsupported(file, "llama.rope.scale_linear", "linear rotary scaling");
    if (experts > 0) return unsupported(file, "llama.expert_count", "mixture-of-experts blocks");
    if (window > 0) return unsupported(file, "llama.attention.sliding_window", "sliding-window attention");
    return {};
}

bool hasTensor(const GgufFile& file, const std::string& name) {
    return std::any_of(file.tensors().begin(), file.tensors().end(), [&](const GgufTensor& t) { return t.name == name; });
}

Expected<DecoderConfig> readConfig(const GgufFile& file) {
    const auto architecture = file.text("general.architecture");
    if (!architecture) return fail(architecture.error());
    if (*architecture != "llama") return fail(unsupportedFamily(*architecture, file.path()));
    if (auto checked = checkFeatures(file); !checked) return fail(checked.error());

    DecoderConfig config;
    KeyReader keys(file, "llama.");
    config.modelType = "llama";
    config.name = modelName(file.path());
    config.hiddenSize = keys.integer("embedding_length");
    config.intermediateSize = keys.integer("feed_forward_length");
    config.blocks = keys.integer("block_count");
    config.heads = keys.integer("attention.head_count");
    config.kvHeads = keys.integer("attention.head_count_kv", config.heads);
    config.maxPositions = keys.integer("context_length");
    config.normEpsilon = static_cast<float>(keys.real("attention.layer_norm_rms_epsilon"));
    config.ropeTheta = keys.real("rope.freq_base", 10000.0);
    config.headDim = keys.integer("attention.key_length", config.heads > 0 ? config.hiddenSize / config.heads : 0);
    const int valueDim = keys.integer("attention.value_length", config.headDim);
    const int rotaryDim = keys.integer("rope.dimension_count", config.headDim);

    const auto embedding = std::find_if(file.tensors().begin(), file.tensors().end(),
                                        [](const GgufTensor& t) { return t.name == "token_embd.weight"; });
    const std::int64_t rows = embedding != file.tensors().end() ? embedding->shape.back() : 0;
    config.vocabulary = keys.integer("vocab_size", static_cast<int>(std::min<std::int64_t>(rows, std::numeric_limits<int>::max())));
    config.attentionBias = hasTensor(file, "blk.0.attn_q.bias");
    config.mlpBias = hasTensor(file, "blk.0.ffn_gate.bias");
    config.tiedEmbeddings = !hasTensor(file, "output.weight");

    KeyReader tokens(file, "tokenizer.ggml.");
    config.beginToken = tokens.integer("bos_token_id", -1);
    config.padToken = tokens.integer("padding_token_id", -1);
    for (const char* key : {"eos_token_id", "eot_token_id", "eom_token_id"}) {
        const int token = tokens.integer(key, -1);
        if (token >= 0 && std::find(config.endTokens.begin(), config.endTokens.end(), token) == config.endTokens.end())
            config.endTokens.push_back(token);
    }
    for (const auto* reader : {&keys, &tokens})
        if (reader->error()) return fail(*reader->error());
    if (valueDim != config.headDim) return unsupported(file, "llama.attention.value_length", "value heads of another size than key heads");
    if (rotaryDim != config.headDim) return unsupported(file, "llama.rope.dimension_count", "rotary positions on a part of each head");
    if (auto checked = checkConfig(config, file.path()); !checked) return fail(checked.error());
    return config;
}

std::string tokenText(const GgufVocabulary& vocabulary, int token) {
    return token >= 0 ? vocabulary.tokens[static_cast<std::size_t>(token)] : std::string();
}

Expected<TokenizerSource> readTokenizer(const GgufFile& file, const DecoderConfig& config) {
    TokenizerSource source;
    source.path = file.path();
    if (!file.has("tokenizer.ggml.model")) return source;
    KeyReader keys(file, "tokenizer.");
    GgufVocabulary vocabulary;
    vocabulary.model = keys.text("ggml.model", {});
    vocabulary.preTokenizer = keys.text("ggml.pre", {});
    vocabulary.addBegin = keys.boolean("ggml.add_bos_token", false);
    vocabulary.addEnd = keys.boolean("ggml.add_eos_token", false);
    vocabulary.addSpacePrefix = keys.boolean("ggml.add_space_prefix", true);
    vocabulary.removeExtraWhitespaces = keys.boolean("ggml.remove_extra_whitespaces", false);
    vocabulary.beginToken = keys.integer("ggml.bos_token_id", -1);
    vocabulary.endToken = keys.integer("ggml.eos_token_id", -1);
    vocabulary.unknownToken = keys.integer("ggml.unknown_token_id", -1);
    vocabulary.padToken = keys.integer("ggml.padding_token_id", -1);
    source.chatTemplate = keys.text("chat_template", {});
    if (keys.error()) return fail(*keys.error());

    const auto fill = [&file]<typename T>(const char* key, auto read, std::vector<T>& into) -> Expected<void> {
        if (!file.has(key)) return {};
        auto values = (file.*read)(key);
        if (!values) return fail(values.error());
        into = std::move(*values);
        return {};
    };
    auto tokens = file.texts("tokenizer.ggml.tokens");
    if (!tokens) return fail(tokens.error());
    vocabulary.tokens = std::move(*tokens);
    if (auto done = fill("tokenizer.ggml.merges", &GgufFile::texts, vocabulary.merges); !done) return fail(done.error());
    if (auto done = fill("tokenizer.ggml.token_type", &GgufFile::integers, vocabulary.tokenTypes); !done) return fail(done.error());
    if (auto done = fill("tokenizer.ggml.scores", &GgufFile::reals, vocabulary.scores); !done) return fail(done.error());

    const std::size_t count = vocabulary.tokens.size();
    const auto disagree = [&](const std::string& key, const std::string& what) {
        return fail(ErrorKind::BadInput, "Metadata \"tokenizer.ggml." + key + "\" " + what + ", but tokenizer.ggml.tokens has " +
                                             std::to_string(count) + " entries.", file.path());
    };
    if (!vocabulary.tokenTypes.empty() && vocabulary.tokenTypes.size() != count)
        return disagree("token_type", "has " + std::to_string(vocabulary.tokenTypes.size()) + " entries");
    if (!vocabulary.scores.empty() && vocabulary.scores.size() != count)
        return disagree("scores", "has " + std::to_string(vocabulary.scores.size()) + " entries");
    if (count > static_cast<std::size_t>(config.vocabulary))
        return fail(ErrorKind::BadInput, "tokenizer.ggml.tokens has " + std::to_string(count) + " entries, more than the " +
                                             std::to_string(config.vocabulary) + " rows of the embedding.", file.path());
    for (const auto& [key, token] : {std::pair("bos_token_id", vocabulary.beginToken), std::pair("eos_token_id", vocabulary.endToken),
                                     std::pair("unknown_token_id", vocabulary.unknownToken),
                                     std::pair("padding_token_id", vocabulary.padToken)})
        if (token >= 0 && static_cast<std::size_t>(token) >= count) return disagree(key, "is " + std::to_string(token));

    source.beginText = tokenText(vocabulary, vocabulary.beginToken);
    source.endText = tokenText(vocabulary, vocabulary.endToken);
    source.unknownText = tokenText(vocabulary, vocabulary.unknownToken);
    source.padText = tokenText(vocabulary, vocabulary.padToken);
    source.vocabulary = std::move(vocabulary);
    return source;
}

/// What transformers' LlamaConfig needs to build the same model.
nlohmann::json makeConfigJson(const DecoderConfig& config) {
    nlohmann::json json = {
        {"architectures", {"LlamaForCausalLM"}},
        {"attention_bias", config.attentionBias},
        {"attention_dropout", 0.0},
        {"head_dim", config.headDim},
        {"hidden_act", "silu"},
        {"hidden_size", config.hiddenSize},
        {"initializer_range", 0.02},
        {"intermediate_size", config.intermediateSize},
        {"max_position_embeddings", config.maxPositions},
        {"mlp_bias", config.mlpBias},
        {"model_type", "llama"},
        {"num_attention_heads", config.heads},
        {"num_hidden_layers", config.blocks},
        {"num_key_value_heads", config.kvHeads},
        {"pretraining_tp", 1},
        {"rms_norm_eps", static_cast<double>(config.normEpsilon)},
        {"rope_scaling", nullptr},
        {"rope_theta", config.ropeTheta},
        {"tie_word_embeddings", config.tiedEmbeddings},
        {"torch_dtype", "float32"},
        {"use_cache", true},
        {"vocab_size", config.vocabulary},
    };
    if (config.beginToken >= 0) json["bos_token_id"] = config.beginToken;
    if (config.padToken >= 0) json["pad_token_id"] = config.padToken;
    if (config.endTokens.size() == 1) json["eos_token_id"] = config.endTokens.front();
    if (config.endTokens.size() > 1) json["eos_token_id"] = config.endTokens;
    return json;
}

Expected<std::unordered_map<std::string, StoredTensor>> collectTensors(const GgufFile& file, const DecoderConfig& config) {
    std::unordered_map<std::string, int> rotary;
    for (const DecoderTensor& tensor : decoderTensors(config))
        if (tensor.rotaryHeads > 0) rotary.emplace(tensor.name, tensor.rotaryHeads);
    std::unordered_map<std::string, StoredTensor> stored;
    for (const GgufTensor& tensor : file.tensors()) {
        if (tensor.name == "rope_freqs.weight")
            return fail(ErrorKind::Unsupported, "Tensor \"rope_freqs.weight\" asks for llama3 rotary scaling, which this program "
                                                "lacks.", file.path());
        StoredTensor entry;
        entry.info.name = huggingFaceName(tensor.name);
        if (entry.info.name.empty())
            return fail(ErrorKind::Unsupported, "Tensor \"" + tensor.name + "\" has no place in a model of type \"llama\"; ignoring "
                                                "it would compute something else.", file.path());
        entry.info.storedType = tensor.type->name;
        entry.info.shape.assign(tensor.shape.rbegin(), tensor.shape.rend());
        entry.info.bytes = tensor.bytes;
        entry.info.file = tensor.file->path();
        const auto heads = rotary.find(entry.info.name);
        const std::int64_t columns = tensor.shape.front();
        const std::int64_t rows = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
        if (tensor.type->decode != nullptr && tensor.shape.size() <= 2)
            entry.source = makeDenseSource(tensor.file, tensor.offset, *tensor.type, rows, columns,
                                           heads != rotary.end() ? heads->second : 0);
        const std::string name = entry.info.name;
        stored.emplace(name, std::move(entry));
    }
    return stored;
}

}  // namespace

Expected<std::shared_ptr<const Checkpoint>> openGgufCheckpoint(const std::string& path) {
    const auto file = GgufFile::open(path);
    if (!file) return fail(file.error());
    const GgufFile& gguf = **file;
    auto config = readConfig(gguf);
    if (!config) return fail(config.error());
    auto tokenizer = readTokenizer(gguf, *config);
    if (!tokenizer) return fail(tokenizer.error());
    auto tensors = collectTensors(gguf, *config);
    if (!tensors) return fail(tensors.error());

    CheckpointContent content;
    content.path = gguf.path();
    content.format = "gguf";
    content.tokenizer = std::move(*tokenizer);
    content.files = gguf.paths();
    content.configJson = makeConfigJson(*config);
    content.config = std::move(*config);
    content.metadata = nlohmann::json::object();
    for (const auto& [key, value] : gguf.metadata()) content.metadata[key] = gguf.display(key);
    return MappedCheckpoint::create(std::move(content), std::move(*tensors));
}

}  // namespace safequant
