// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/huggingface_config.h"

#include <algorithm>
#include <filesystem>

#include "core/base/files.h"
#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/json_file.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxTextFile = std::uint64_t{1} << 28;

std::string inside(const std::string& folder, const char* name) { return (fs::path(folder) / name).string(); }

bool exists(const std::string& path) {
    std::error_code code;
    return fs::is_regular_file(path, code);
}

/// The object of an optional file; null when the file does not exist.
Expected<nlohmann::json> readOptional(const std::string& path) {
    if (!exists(path)) return nlohmann::json();
    return readJsonObject(path);
}

Expected<double> readTheta(const nlohmann::json& json, const std::string& path) {
    JsonFields outer(json, path);
    double theta = outer.real("rope_theta", 10000.0);
    if (outer.error()) return fail(*outer.error());
    for (const char* field : {"rope_scaling", "rope_parameters"}) {
        if (!outer.has(field)) continue;
        const nlohmann::json& object = json[field];
        if (!object.is_object()) return fail(ErrorKind::BadInput, "Field \"" + std::string(field) + "\" must be an object.", path);
        JsonFields inner(object, path);
        const std::string type = inner.text("rope_type", inner.text("type", std::string("default")));
        theta = inner.real("rope_theta", theta);
        const double partial = inner.real("partial_rotary_factor", 1.0);
        if (inner.error()) return fail(*inner.error());
        if (type != "default" && type != "none")
            return fail(ErrorKind::Unsupported, "Field \"" + std::string(field) + "\" asks for rotary scaling of type \"" + type +
                                                    "\", which this program lacks; models without it can be opened.", path);
        if (partial != 1.0)
            return fail(ErrorKind::Unsupported, "Field \"partial_rotary_factor\" asks for rotary positions on a part of each head, "
                                                "which this program lacks.", path);
    }
    return theta;
}

/// A special token: a string, an object with "content", or absent.
std::string specialText(const nlohmann::json& json, const char* field) {
    if (!json.is_object() || !json.contains(field)) return {};
    const nlohmann::json& value = json[field];
    if (value.is_string()) return value.get<std::string>();
    if (value.is_object() && value.contains("content") && value["content"].is_string()) return value["content"].get<std::string>();
    return {};
}

/// The chat template of tokenizer_config.json: a string, or a list of named ones of which "default" counts.
Expected<std::string> configuredTemplate(const nlohmann::json& config, const std::string& path) {
    if (!config.is_object() || !config.contains("chat_template") || config["chat_template"].is_null()) return std::string();
    const nlohmann::json& value = config["chat_template"];
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array())
        for (const auto& entry : value)
            if (entry.is_object() && specialText(entry, "name") == "default" && !specialText(entry, "template").empty())
                return specialText(entry, "template");
    return fail(ErrorKind::BadInput, "Field \"chat_template\" must be a string or a list that has a template named \"default\".", path);
}

}  // namespace

Expected<DecoderConfig> readHuggingFaceConfig(const nlohmann::json& json, const std::string& folder) {
    const std::string path = inside(folder, "config.json");
    JsonFields fields(json, path);
    DecoderConfig config;
    config.modelType = fields.text("model_type");
    if (fields.error()) return fail(*fields.error());
    if (config.modelType != "llama") return fail(unsupportedFamily(config.modelType, path));
    config.name = huggingFaceModelName(folder);
    config.hiddenSize = fields.integer("hidden_size");
    config.intermediateSize = fields.integer("intermediate_size");
    config.blocks = fields.integer("num_hidden_layers");
    config.heads = fields.integer("num_attention_heads");
    config.kvHeads = fields.integer("num_key_value_heads", config.heads);
    config.vocabulary = fields.integer("vocab_size");
    config.headDim = fields.integer("head_dim", config.heads > 0 ? config.hiddenSize / config.heads : 0);
    // Defaults of transformers' LlamaConfig.
    config.maxPositions = fields.integer("max_position_embeddings", 2048);
    config.normEpsilon = static_cast<float>(fields.real("rms_norm_eps", 1e-6));
    config.attentionBias = fields.boolean("attention_bias", false);
    config.mlpBias = fields.boolean("mlp_bias", false);
    config.tiedEmbeddings = fields.boolean("tie_word_embeddings", false);
    config.beginToken = fields.integer("bos_token_id", -1);
    config.padToken = fields.integer("pad_token_id", -1);
    config.endTokens = fields.integers("eos_token_id");
    const std::string activation = fields.text("hidden_act", std::string("silu"));
    if (fields.error()) return fail(*fields.error());
    if (activation != "silu" && activation != "swish")
        return fail(ErrorKind::Unsupported, "Field \"hidden_act\" is \"" + activation + "\"; only \"silu\" can be computed.", path);
    if (!fields.has("head_dim") && config.heads > 0 && config.hiddenSize % config.heads != 0)
        return fail(ErrorKind::BadInput, "hidden_size (" + std::to_string(config.hiddenSize) +
                                             ") must be a multiple of num_attention_heads (" + std::to_string(config.heads) +
                                             ") when head_dim is absent.", path);
    const auto theta = readTheta(json, path);
    if (!theta) return fail(theta.error());
    config.ropeTheta = *theta;

    const std::string generationPath = inside(folder, "generation_config.json");
    const auto generation = readOptional(generationPath);
    if (!generation) return fail(generation.error());
    if (generation->is_object()) {
        JsonFields generationFields(*generation, generationPath);
        if (auto tokens = generationFields.integers("eos_token_id"); !tokens.empty()) config.endTokens = std::move(tokens);
        if (generationFields.error()) return fail(*generationFields.error());
    }
    if (auto checked = checkConfig(config, path); !checked) return fail(checked.error());
    return config;
}

Expected<TokenizerSource> readHuggingFaceTokenizer(const std::string& folder) {
    TokenizerSource source;
    source.path = folder;
    for (const auto& [name, into] : {std::pair("tokenizer.json", &source.tokenizerJson), std::pair("tokenizer.model", &source.tokenizerModel),
                                     std::pair("tekken.json", &source.tekkenJson)}) {
        const std::string path = inside(folder, name);
        if (!exists(path)) continue;
        auto text = readTextFile(path, kMaxTextFile);
        if (!text) return fail(text.error());
        *into = std::move(*text);
        break;
    }
    const std::string configPath = inside(folder, "tokenizer_config.json");
    auto config = readOptional(configPath);
    if (!config) return fail(config.error());
    const auto map = readOptional(inside(folder, "special_tokens_map.json"));
    if (!map) return fail(map.error());
    if (const std::string path = inside(folder, "chat_template.jinja"); exists(path)) {
        auto text = readTextFile(path, kMaxTextFile);
        if (!text) return fail(text.error());
        source.chatTemplate = std::move(*text);
    } else {
        auto text = configuredTemplate(*config, configPath);
        if (!text) return fail(text.error());
        source.chatTemplate = std::move(*text);
    }
    const auto special = [&](const char* field) {
        std::string text = specialText(*config, field);
        return text.empty() ? specialText(*map, field) : text;
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
