// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/huggingface_config.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "core/base/files.h"
#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/family.h"
#include "core/checkpoint/family_gemma.h"
#include "core/checkpoint/json_file.h"
#include "core/checkpoint/rope_config.h"
#include "core/checkpoint/vocabulary_files.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxTextFile = std::uint64_t{1} << 28;

std::string inside(const std::string& folder, const char* name) { return (fs::path(folder) / name).string(); }

/// The object of an optional file; null when the file does not exist.
Expected<nlohmann::json> readOptional(const std::string& path) {
    if (!isFile(path)) return nlohmann::json();
    return readJsonObject(path);
}

Expected<Activation> readActivation(JsonFields& fields, const ModelFamily& family) {
    // Files of Gemma have both fields; the class reads one of them.
    const std::string field(family.activationField);
    const std::string name = fields.text(field.c_str(), std::string(activationName(family.activation)));
    if (fields.error()) return fail(*fields.error());
    if (name == "silu" || name == "swish") return Activation::Silu;
    if (name == "gelu") return Activation::Gelu;
    if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast") return Activation::GeluTanh;
    return fail(ErrorKind::Unsupported, "Field \"" + field + "\" is \"" + name + "\"; \"silu\", \"gelu\" and \"gelu_pytorch_tanh\" can "
                                        "be computed.", fields.path());
}

/// The chat template of tokenizer_config.json: a string, or a list of named ones of which "default" counts.
Expected<std::string> configuredTemplate(const nlohmann::json& config, const std::string& path) {
    if (!config.is_object() || !config.contains("chat_template") || config["chat_template"].is_null()) return std::string();
    const nlohmann::json& value = config["chat_template"];
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array())
        for (const auto& entry : value)
            if (entry.is_object() && specialTokenText(entry, "name") == "default" && !specialTokenText(entry, "template").empty())
                return specialTokenText(entry, "template");
    return fail(ErrorKind::BadInput, "Field \"chat_template\" must be a string or a list that has a template named \"default\".", path);
}

/// Tokenizers without a file of their own form: vocab.json and merges.txt, or qwen.tiktoken.
Expected<void> readVocabularyFiles(const std::string& folder, const nlohmann::json& config, TokenizerSource& source) {
    const auto keep = [&](Expected<GgufVocabulary> vocabulary) -> Expected<void> {
        if (!vocabulary) {
            Error error = vocabulary.error();
            error.context = inside(folder, error.context.c_str());
            return fail(std::move(error));
        }
        source.vocabulary = std::move(*vocabulary);
        return {};
    };
    const std::string vocabularyPath = inside(folder, "vocab.json");
    const std::string mergesPath = inside(folder, "merges.txt");
    const std::string ranksPath = inside(folder, "qwen.tiktoken");
    if (isFile(vocabularyPath) && isFile(mergesPath)) {
        const auto vocabulary = readTextFile(vocabularyPath, kMaxTextFile);
        if (!vocabulary) return fail(vocabulary.error());
        const auto merges = readTextFile(mergesPath, kMaxTextFile);
        if (!merges) return fail(merges.error());
        return keep(readVocabularyAndMerges(*vocabulary, *merges, config));
    }
    if (!isFile(ranksPath)) return {};
    const auto ranks = readTextFile(ranksPath, kMaxTextFile);
    if (!ranks) return fail(ranks.error());
    return keep(readQwenTiktoken(*ranks));
}

}  // namespace

Expected<nlohmann::json> textModelConfig(const nlohmann::json& json, const std::string& path) {
    if (!json.contains("model_type") || json["model_type"] != kGemma3MultimodalType) return json;
    if (!json.contains("text_config") || !json["text_config"].is_object())
        return fail(ErrorKind::BadInput, "Field \"text_config\" must hold the configuration of the text model.", path);
    nlohmann::json text = json["text_config"];
    text["model_type"] = kGemma3Family.modelType;
    text["architectures"] = {kGemma3Family.className};
    for (const char* field : {"bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings", "quantization_config", "dtype",
                              "torch_dtype"})
        if (json.contains(field)) text[field] = json[field];
    return text;
}

Expected<DecoderConfig> readHuggingFaceConfig(const nlohmann::json& json, const std::string& folder) {
    const std::string path = inside(folder, "config.json");
    JsonFields fields(json, path);
    DecoderConfig config;
    config.modelType = fields.text("model_type");
    if (fields.error()) return fail(*fields.error());
    const ModelFamily* family = familyOfModelType(config.modelType);
    if (family == nullptr) return fail(unsupportedFamily(config.modelType, path));
    const auto orRequired = [](int fallback) { return fallback > 0 ? std::optional(fallback) : std::nullopt; };
    config.name = huggingFaceModelName(folder);
    config.hiddenSize = fields.integer("hidden_size");
    config.intermediateSize = fields.integer("intermediate_size");
    config.blocks = fields.integer("num_hidden_layers");
    config.heads = fields.integer("num_attention_heads", orRequired(family->heads));
    config.kvHeads = fields.integer("num_key_value_heads", family->kvHeads > 0 ? family->kvHeads : config.heads);
    config.vocabulary = fields.integer("vocab_size", orRequired(family->vocabulary));
    const bool derived = !fields.has("head_dim") && family->headDim == 0;
    config.headDim = derived && config.heads > 0 ? config.hiddenSize / config.heads : fields.integer("head_dim", family->headDim);
    config.maxPositions = fields.integer("max_position_embeddings", family->maxPositions);
    config.normEpsilon = static_cast<float>(fields.real("rms_norm_eps", family->normEpsilon));
    config.tiedEmbeddings = fields.boolean("tie_word_embeddings", family->tiedEmbeddings);
    config.beginToken = fields.integer("bos_token_id", -1);
    config.padToken = fields.integer("pad_token_id", -1);
    config.endTokens = fields.integers("eos_token_id");
    if (fields.error()) return fail(*fields.error());
    if (derived && config.heads > 0 && config.hiddenSize % config.heads != 0)
        return fail(ErrorKind::BadInput, "hidden_size (" + std::to_string(config.hiddenSize) +
                                             ") must be a multiple of num_attention_heads (" + std::to_string(config.heads) +
                                             ") when head_dim is absent.", path);
    const auto activation = readActivation(fields, *family);
    if (!activation) return fail(activation.error());
    config.activation = *activation;

    const std::string generationPath = inside(folder, "generation_config.json");
    const auto generation = readOptional(generationPath);
    if (!generation) return fail(generation.error());
    if (generation->is_object()) {
        JsonFields generationFields(*generation, generationPath);
        if (auto tokens = generationFields.integers("eos_token_id"); !tokens.empty()) config.endTokens = std::move(tokens);
        if (generationFields.error()) return fail(*generationFields.error());
    }
    // The family's reader and the rotary positions rely on numbers in range.
    if (auto checked = checkConfig(config, path); !checked) return fail(checked.error());
    setFamilyFacts(*family, config);
    if (auto read = family->readJson(fields, config); !read) return fail(read.error());
    if (fields.error()) return fail(*fields.error());
    if (auto read = readRopes(fields, *family, config); !read) return fail(read.error());
    if (auto checked = checkConfig(config, path); !checked) return fail(checked.error());
    return config;
}

nlohmann::json makeConfigJson(const DecoderConfig& config) {
    const ModelFamily& family = familyOf(config);
    nlohmann::json json = {
        {"architectures", {family.className}},
        {"attention_dropout", 0.0},
        {"head_dim", config.headDim},
        {"hidden_size", config.hiddenSize},
        {"initializer_range", 0.02},
        {"intermediate_size", config.intermediateSize},
        {"max_position_embeddings", config.maxPositions},
        {"model_type", family.modelType},
        {"num_attention_heads", config.heads},
        {"num_hidden_layers", config.blocks},
        {"num_key_value_heads", config.kvHeads},
        {"rms_norm_eps", static_cast<double>(config.normEpsilon)},
        {"tie_word_embeddings", config.tiedEmbeddings},
        {"torch_dtype", "float32"},
        {"use_cache", true},
        {"vocab_size", config.vocabulary},
    };
    json[std::string(family.activationField)] = activationName(config.activation);
    if (config.beginToken >= 0) json["bos_token_id"] = config.beginToken;
    if (config.padToken >= 0) json["pad_token_id"] = config.padToken;
    if (config.endTokens.size() == 1) json["eos_token_id"] = config.endTokens.front();
    if (config.endTokens.size() > 1) json["eos_token_id"] = config.endTokens;
    writeRopes(config, json);
    family.writeJson(config, json);
    return json;
}

Expected<TokenizerSource> readHuggingFaceTokenizer(const std::string& folder) {
    TokenizerSource source;
    source.path = folder;
    for (const auto& [name, into] : {std::pair("tokenizer.json", &source.tokenizerJson), std::pair("tokenizer.model", &source.tokenizerModel),
                                     std::pair("tekken.json", &source.tekkenJson)}) {
        const std::string path = inside(folder, name);
        if (!isFile(path)) continue;
        auto text = readTextFile(path, kMaxTextFile);
        if (!text) return fail(text.error());
        *into = std::move(*text);
        break;
    }
    const std::string configPath = inside(folder, "tokenizer_config.json");
    auto config = readOptional(configPath);
    if (!config) return fail(config.error());
    if (!source.hasTokenizer())
        if (auto read = readVocabularyFiles(folder, *config, source); !read) return fail(read.error());
    const auto map = readOptional(inside(folder, "special_tokens_map.json"));
    if (!map) return fail(map.error());
    if (const std::string path = inside(folder, "chat_template.jinja"); isFile(path)) {
        auto text = readTextFile(path, kMaxTextFile);
        if (!text) return fail(text.error());
        source.chatTemplate = std::move(*text);
    } else {
        auto text = configuredTemplate(*config, configPath);
        if (!text) return fail(text.error());
        source.chatTemplate = std::move(*text);
    }
    const auto special = [&](const char* field) {
        std::string text = specialTokenText(*config, field);
        return text.empty() ? specialTokenText(*map, field) : text;
    };
    source.beginText = special("bos_token");
    source.endText = special("eos_token");
    source.unknownText = special("unk_token");
    source.padText = special("pad_token");
    source.tokenizerConfig = std::move(*config);
    return source;
}

std::string huggingFaceModelName(const std::string& folder) {
    fs::path path = fs::absolute(folder).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    const std::string repository = path.parent_path().parent_path().filename().string();
    if (path.parent_path().filename() == "snapshots" && repository.starts_with("models--"))
        return repository.substr(repository.rfind("--") + 2);
    return path.filename().string();
}

}  // namespace safequant
