// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "core/exporting/gguf_metadata.h"
#include "core/text/text_model.h"
#include "core/text/tokenizer_difference.h"

namespace safequant {
namespace {

using nlohmann::json;

enum TokenType : std::int32_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

constexpr std::array<const char*, 7> kSplittingNames = {"smollm", "llama-bpe", "qwen2",  "gpt-2",
                                                        "tekken", "gpt-4o",    "default"};

bool gives(const GgufVocabulary& vocabulary, const Tokenizer& tokenizer) {
    TokenizerSource source;
    source.vocabulary = vocabulary;
    const auto made = Tokenizer::create(source);
    return made && sameEncodings(**made, tokenizer);
}

bool contains(const json& description, const char* type) {
    if (description.is_object() && description.value("type", "") == type) return true;
    return description.is_structured() &&
           std::any_of(description.begin(), description.end(), [&](const json& part) { return contains(part, type); });
}

std::vector<std::string> mergesOf(const json& model) {
    std::vector<std::string> merges;
    for (const json& merge : model.value("merges", json::array()))
        merges.push_back(merge.is_string() ? merge.get<std::string>()
                                           : merge.at(0).get<std::string>() + " " + merge.at(1).get<std::string>());
    return merges;
}

/// Tokens and types by id, gaps filled as llama.cpp's converter does.
GgufVocabulary tokensOf(const json& tokenizer, int size, bool sentencePiece) {
    GgufVocabulary vocabulary;
    const json& model = tokenizer.at("model");
    std::size_t count = static_cast<std::size_t>(std::max(size, 0));
    for (const auto& [token, id] : model.at("vocab").items()) count = std::max(count, id.get<std::size_t>() + 1);
    for (const json& token : tokenizer.value("added_tokens", json::array()))
        count = std::max(count, token.at("id").get<std::size_t>() + 1);
    for (std::size_t id = 0; id < count; ++id) vocabulary.tokens.push_back("[PAD" + std::to_string(id) + "]");
    vocabulary.tokenTypes.assign(count, Unused);
    const std::string unknown =
        model.contains("unk_token") && model["unk_token"].is_string() ? model["unk_token"].get<std::string>() : "";
    for (const auto& [token, id] : model.at("vocab").items()) {
        const auto at = id.get<std::size_t>();
        vocabulary.tokens[at] = token;
        vocabulary.tokenTypes[at] = sentencePiece && BytePieces::byteOf(token) ? Byte : Normal;
    }
    for (const json& token : tokenizer.value("added_tokens", json::array())) {
        const auto at = token.at("id").get<std::size_t>();
        vocabulary.tokens[at] = token.at("content").get<std::string>();
        vocabulary.tokenTypes[at] = token.value("special", false) ? Control : UserDefined;
        if (sentencePiece && vocabulary.tokens[at] == unknown) vocabulary.tokenTypes[at] = Unknown;
    }
    if (!unknown.empty() && model.at("vocab").contains(unknown))
        vocabulary.unknownToken = model.at("vocab").at(unknown).get<int>();
    return vocabulary;
}

/// llama.cpp merges by score where tokenizer.json has ranks: a piece's score is its first merge's rank, negated.
std::vector<float> scoresOf(const GgufVocabulary& vocabulary, const std::vector<std::string>& merges) {
    std::unordered_map<std::string_view, std::size_t> ids;
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) ids.emplace(vocabulary.tokens[id], id);
    std::vector<float> scores(vocabulary.tokens.size(), 0.0F);
    for (std::size_t id = 0; id < scores.size(); ++id)
        if (vocabulary.tokenTypes[id] == Normal) scores[id] = -static_cast<float>(merges.size() + 1);
    for (std::size_t rank = merges.size(); rank-- > 0;) {
        std::string piece = merges[rank];
        piece.erase(piece.find(' ', 1), 1);
        if (const auto id = ids.find(piece); id != ids.end()) scores[id->second] = -static_cast<float>(rank + 1);
    }
    return scores;
}

Expected<GgufVocabulary> vocabularyOf(const Checkpoint& checkpoint, const Tokenizer& tokenizer) {
    const TokenizerSource& source = checkpoint.tokenizerSource();
    if (source.vocabulary) return *source.vocabulary;
    const json description = tokenizer.toTokenizerJson();
    const json& model = description.at("model");
    const auto refused = [&](const std::string& why) {
        return fail(
            ErrorKind::Unsupported,
            "The tokenizer cannot be written to a GGUF file: " + why + " Export in a Hugging Face format instead.",
            checkpoint.path());
    };
    if (model.value("type", "") != "BPE")
        return refused("llama.cpp reads no model of type " + model.value("type", "unknown") +
                       " for these architectures.");
    const bool sentencePiece =
        model.value("byte_fallback", false) || !contains(description.value("pre_tokenizer", json()), "ByteLevel");
    GgufVocabulary vocabulary = tokensOf(description, checkpoint.config().vocabulary, sentencePiece);
    std::vector<std::string> merges = mergesOf(model);
    vocabulary.addBegin = !tokenizer.affixes().before.empty();
    vocabulary.addEnd = !tokenizer.affixes().behind.empty();
    if (sentencePiece) {
        vocabulary.model = "llama";
        vocabulary.scores = scoresOf(vocabulary, merges);
        for (const bool prefix : {true, false}) {
            vocabulary.addSpacePrefix = prefix;
            if (gives(vocabulary, tokenizer)) return vocabulary;
        }
        return refused("llama.cpp's SentencePiece tokenizer gives other ids with this vocabulary.");
    }
    vocabulary.model = "gpt2";
    vocabulary.merges = std::move(merges);
    for (const char* name : kSplittingNames) {
        vocabulary.preTokenizer = name;
        if (gives(vocabulary, tokenizer)) return vocabulary;
    }
    return refused("llama.cpp has no name for the way it splits texts.");
}

}  // namespace

Expected<GgufMetadata> ggufTokenizerKeys(const Checkpoint& checkpoint, const Tokenizer& tokenizer) {
    auto made = vocabularyOf(checkpoint, tokenizer);
    if (!made) return fail(made.error());
    GgufVocabulary& vocabulary = *made;
    const DecoderConfig& config = checkpoint.config();
    GgufMetadata keys;
    const auto put = [&](const char* key, GgufMetadataValue value) {
        keys.emplace_back(std::string("tokenizer.") + key, std::move(value));
    };
    put("ggml.model", vocabulary.model);
    if (!vocabulary.preTokenizer.empty()) put("ggml.pre", vocabulary.preTokenizer);
    put("ggml.tokens", std::move(vocabulary.tokens));
    if (!vocabulary.scores.empty()) put("ggml.scores", std::move(vocabulary.scores));
    put("ggml.token_type", std::move(vocabulary.tokenTypes));
    if (!vocabulary.merges.empty()) put("ggml.merges", std::move(vocabulary.merges));
    const auto token = [&](const char* key, int id) {
        if (id >= 0) put(key, static_cast<std::uint32_t>(id));
    };
    token("ggml.bos_token_id", config.beginToken);
    token("ggml.eos_token_id", config.endTokens.empty() ? -1 : config.endTokens.front());
    token("ggml.eot_token_id", config.endTokens.size() < 2 ? -1 : config.endTokens[1]);
    token("ggml.unknown_token_id", vocabulary.unknownToken);
    token("ggml.padding_token_id", config.padToken);
    put("ggml.add_bos_token", vocabulary.addBegin);
    put("ggml.add_eos_token", vocabulary.addEnd);
    if (vocabulary.model == "llama") {
        put("ggml.add_space_prefix", vocabulary.addSpacePrefix);
        put("ggml.remove_extra_whitespaces", vocabulary.removeExtraWhitespaces);
    }
    if (!checkpoint.tokenizerSource().chatTemplate.empty())
        put("chat_template", checkpoint.tokenizerSource().chatTemplate);
    return keys;
}

}  // namespace safequant
