// SPDX-License-Identifier: GPL-3.0-or-later
#include <string>
#include <utility>

#include "core/checkpoint/gguf.h"
#include "core/checkpoint/gguf_config.h"
#include "core/checkpoint/gguf_keys.h"
#include "core/checkpoint/huggingface_config.h"
#include "core/checkpoint/mapped_checkpoint.h"

namespace safequant {
namespace {

std::string tokenText(const GgufVocabulary& vocabulary, int token) {
    return token >= 0 ? vocabulary.tokens[static_cast<std::size_t>(token)] : std::string();
}

Expected<TokenizerSource> readTokenizer(const GgufFile& file, const DecoderConfig& config) {
    TokenizerSource source;
    source.path = file.path();
    if (!file.has("tokenizer.ggml.model")) return source;
    GgufKeys keys(file, "tokenizer.");
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

/// Where llama.cpp's tensors go: fused ones under their stored name.
struct Target {
    std::string name;
    int rotaryHeads = 0;
    bool addsOne = false;
};

Expected<std::unordered_map<std::string, StoredTensor>> collectTensors(const GgufFile& file, const DecoderConfig& config) {
    std::unordered_map<std::string, Target> targets;
    for (const DecoderTensor& tensor : decoderTensors(config))
        targets.emplace(tensor.ggufName, Target{tensor.storedName, tensor.rotaryHeads, tensor.ggufAddsOne});
    std::unordered_map<std::string, StoredTensor> stored;
    for (const GgufTensor& tensor : file.tensors()) {
        // Read with the configuration.
        if (tensor.name.starts_with("rope_f")) continue;
        const auto target = targets.find(tensor.name);
        if (target == targets.end())
            return fail(ErrorKind::Unsupported, "Tensor \"" + tensor.name + "\" has no place in a model of type \"" + config.modelType +
                                                "\" with this configuration; ignoring it would compute something else.", file.path());
        StoredTensor entry;
        entry.info.name = target->second.name;
        entry.info.storedType = tensor.type->name;
        entry.info.shape.assign(tensor.shape.rbegin(), tensor.shape.rend());
        entry.info.bytes = tensor.bytes;
        entry.info.file = tensor.file->path();
        const std::int64_t columns = tensor.shape.front();
        const std::int64_t rows = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
        if (tensor.type->decode != nullptr && tensor.shape.size() <= 2) {
            entry.source = makeDenseSource(tensor.file, tensor.offset, *tensor.type, rows, columns, target->second.rotaryHeads);
            if (target->second.addsOne) entry.source = makeShiftedSource(std::move(entry.source), columns, -1.0F);
        }
        stored.emplace(target->second.name, std::move(entry));
    }
    return stored;
}

}  // namespace

Expected<std::shared_ptr<const Checkpoint>> openGgufCheckpoint(const std::string& path) {
    const auto file = GgufFile::open(path);
    if (!file) return fail(file.error());
    const GgufFile& gguf = **file;
    auto config = readGgufConfig(gguf);
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
