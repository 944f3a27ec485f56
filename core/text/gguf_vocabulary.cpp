// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "core/text/bpe.h"
#include "core/text/tokenizer_parts.h"

namespace safequant {

namespace {

using nlohmann::json;

constexpr std::int32_t kControlToken = 3;
constexpr std::int32_t kUserDefinedToken = 4;

/// The families of splitting that `tokenizer.ggml.pre` names stand for.
enum class Splitting { Gpt2, DigitsAndGpt2, Llama3, Qwen2, Tekken, Gpt4o, PunctuationFirst };

struct NamedSplitting {
    std::string_view name;
    Splitting splitting;
};

constexpr std::array kSplittings = {
    NamedSplitting{"smollm", Splitting::DigitsAndGpt2},
    NamedSplitting{"starcoder", Splitting::DigitsAndGpt2},
    NamedSplitting{"refact", Splitting::DigitsAndGpt2},
    NamedSplitting{"command-r", Splitting::DigitsAndGpt2},
    NamedSplitting{"codeshell", Splitting::DigitsAndGpt2},
    NamedSplitting{"gpt-2", Splitting::Gpt2},
    NamedSplitting{"phi-2", Splitting::Gpt2},
    NamedSplitting{"jina-es", Splitting::Gpt2},
    NamedSplitting{"jina-de", Splitting::Gpt2},
    NamedSplitting{"gigachat", Splitting::Gpt2},
    NamedSplitting{"mpt", Splitting::Gpt2},
    NamedSplitting{"olmo", Splitting::Gpt2},
    NamedSplitting{"llama-bpe", Splitting::Llama3},
    NamedSplitting{"llama3", Splitting::Llama3},
    NamedSplitting{"llama-v3", Splitting::Llama3},
    NamedSplitting{"dbrx", Splitting::Llama3},
    NamedSplitting{"smaug-bpe", Splitting::Llama3},
    NamedSplitting{"qwen2", Splitting::Qwen2},
    NamedSplitting{"deepseek-r1-qwen", Splitting::Qwen2},
    NamedSplitting{"stablelm2", Splitting::Qwen2},
    NamedSplitting{"tekken", Splitting::Tekken},
    NamedSplitting{"gpt-4o", Splitting::Gpt4o},
    NamedSplitting{"llama4", Splitting::Gpt4o},
    NamedSplitting{"default", Splitting::PunctuationFirst},
    NamedSplitting{"", Splitting::PunctuationFirst},
};

json byteLevel(bool useRegex) {
    return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", useRegex}};
}

json isolated(std::string_view regex) {
    return {
        {"type", "Split"}, {"pattern", {{"Regex", std::string(regex)}}}, {"behavior", "Isolated"}, {"invert", false}};
}

json sequence(json steps) {
    return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

json describe(Splitting splitting) {
    switch (splitting) {
        case Splitting::Gpt2:
            return byteLevel(true);
        case Splitting::DigitsAndGpt2:
            return sequence(json::array({{{"type", "Digits"}, {"individual_digits", true}}, byteLevel(true)}));
        case Splitting::Llama3:
            return splitThenBytes(
                R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
                R"(\s+(?!\S)|\s+)");
        case Splitting::Qwen2:
            return splitThenBytes(
                R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
                R"(\s+(?!\S)|\s+)");
        case Splitting::Tekken:
            return splitThenBytes(R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
                                  R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
                                  R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
        case Splitting::Gpt4o:
            return splitThenBytes(
                R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
                R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
                R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
        case Splitting::PunctuationFirst:
            break;
    }
    return sequence(json::array({isolated(R"([\p{P}\$\+<=>\^~\|]+)"),
                                 isolated(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))"),
                                 isolated(R"(\p{N}+)"), isolated("[0-9][0-9][0-9]"), byteLevel(false)}));
}

/// Whether a piece that is an entry is taken whole, as in tokenizers made from ranks.
bool keepsRanks(Splitting splitting) {
    return splitting == Splitting::Llama3 || splitting == Splitting::Tekken || splitting == Splitting::Gpt4o;
}

/// The begin and end tokens the file asks for around a text.
void setAffixes(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
    const auto wanted = [&](bool asked, int id, std::vector<std::int32_t>& ids) {
        std::vector<std::pair<std::int32_t, std::string>> result;
        if (!asked || id < 0 || static_cast<std::size_t>(id) >= vocabulary.tokens.size()) return result;
        ids.push_back(id);
        result.emplace_back(id, vocabulary.tokens[static_cast<std::size_t>(id)]);
        return result;
    };
    const auto before = wanted(vocabulary.addBegin, vocabulary.beginToken, parts.affixes.before);
    const auto behind = wanted(vocabulary.addEnd, vocabulary.endToken, parts.affixes.behind);
    parts.frame["post_processor"] = templateProcessing(before, behind);
}

/// A vocabulary of model "llama": SentencePiece's pieces with scores and types.
Expected<TokenizerParts> readSentencePieces(const GgufVocabulary& vocabulary) {
    if (vocabulary.scores.size() != vocabulary.tokens.size()) {
        return fail(ErrorKind::BadInput,
                    "There are " + std::to_string(vocabulary.scores.size()) + " scores for " +
                        std::to_string(vocabulary.tokens.size()) +
                        " tokens; a vocabulary of model \"llama\" needs one each.",
                    "tokenizer.ggml.scores");
    }
    SentencePieceModel model;
    model.algorithm = SentencePieceModel::Algorithm::Bpe;
    model.addDummyPrefix = vocabulary.addSpacePrefix;
    model.removeExtraWhitespaces = vocabulary.removeExtraWhitespaces;
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
        SentencePiece piece;
        piece.text = vocabulary.tokens[id];
        piece.score = vocabulary.scores[id];
        const std::int32_t type = vocabulary.tokenTypes.empty() ? 1 : vocabulary.tokenTypes[id];
        if (type < 1 || type > 6) {
            return fail(ErrorKind::BadInput,
                        "Token " + std::to_string(id) + " has the unknown type " + std::to_string(type) + ".",
                        "tokenizer.ggml.token_type");
        }
        piece.type = static_cast<PieceType>(type);
        // Conversions give the unknown token any type; its id says which one it is.
        if (vocabulary.unknownToken >= 0) {
            const bool isUnknown = id == static_cast<std::size_t>(vocabulary.unknownToken);
            if (isUnknown) piece.type = PieceType::Unknown;
            if (!isUnknown && piece.type == PieceType::Unknown) piece.type = PieceType::Control;
        }
        model.byteFallback = model.byteFallback || piece.type == PieceType::Byte;
        model.pieces.push_back(std::move(piece));
    }
    if (auto ok = checkSentencePieceModel(model, "tokenizer.ggml.tokens"); !ok) return fail(ok.error());
    return sentencePieceParts(std::move(model), {}, true);
}

/// A vocabulary of model "gpt2": byte-level BPE.
Expected<TokenizerParts> readByteLevel(const GgufVocabulary& vocabulary) {
    const auto* named = std::find_if(kSplittings.begin(), kSplittings.end(),
                                     [&](const NamedSplitting& s) { return s.name == vocabulary.preTokenizer; });
    if (named == kSplittings.end()) {
        return fail(ErrorKind::Unsupported,
                    "The pre-tokenizer '" + vocabulary.preTokenizer +
                        "' is not supported; use the model's Hugging Face folder, whose tokenizer.json spells it out.",
                    "tokenizer.ggml.pre");
    }
    TokenizerParts parts;
    BpeTables tables;
    std::unordered_map<std::string_view, std::int32_t> ids;
    tables.entries.reserve(vocabulary.tokens.size());
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
        const std::string& text = vocabulary.tokens[id];
        tables.entries.emplace_back(text);
        if (!ids.emplace(text, static_cast<std::int32_t>(id)).second) {
            return fail(
                ErrorKind::BadInput,
                "The token '" + text + "' stands twice in the vocabulary (again at id " + std::to_string(id) + ").",
                "tokenizer.ggml.tokens");
        }
        const std::int32_t type = vocabulary.tokenTypes.empty() ? 1 : vocabulary.tokenTypes[id];
        if ((type != kControlToken && type != kUserDefinedToken) || text.empty()) continue;
        AddedToken token;
        token.id = static_cast<std::int32_t>(id);
        token.content = text;
        token.special = type == kControlToken;
        parts.addedTokens.push_back(std::move(token));
    }
    tables.merges.reserve(vocabulary.merges.size());
    for (std::size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
        auto sides = splitMerge(vocabulary.merges[rank], rank);
        if (!sides) return fail(sides.error());
        auto pair = resolveMerge(ids, sides->first, sides->second, rank);
        if (!pair) return fail(pair.error());
        tables.merges.push_back(*pair);
    }
    tables.ignoreMerges = keepsRanks(named->splitting);
    const json preTokenizer = describe(named->splitting);
    // GGUF does not say so, but the tokenizer of these models composes characters first.
    const json normalizer = named->splitting == Splitting::Qwen2 ? json{{"type", "NFC"}} : json();
    parts.frame = byteLevelFrame(normalizer, preTokenizer, nullptr, tables.ignoreMerges);
    auto encoder = BytePairEncoder::create(std::move(tables));
    if (!encoder) return fail(encoder.error());
    parts.model = std::move(*encoder);
    auto split = PreTokenizer::parse(preTokenizer);
    auto normal = Normalizer::parse(normalizer);
    auto decoder = TextDecoder::parse(parts.frame["decoder"]);
    if (!split) return fail(split.error());
    if (!normal) return fail(normal.error());
    if (!decoder) return fail(decoder.error());
    parts.preTokenizer = std::move(*split);
    parts.normalizer = std::move(*normal);
    parts.decoder = std::move(*decoder);
    return parts;
}

Expected<TokenizerParts> unsupportedModel(const std::string& name) {
    return fail(ErrorKind::Unsupported,
                "The tokenizer model '" + name +
                    "' is not supported; byte-level BPE ('gpt2') and SentencePiece BPE ('llama') are. Use the model's "
                    "Hugging Face folder, whose tokenizer.json spells its tokenizer out.",
                "tokenizer.ggml.model");
}

}  // namespace

json byteLevelFrame(json normalizer, json preTokenizer, json postProcessor, bool ignoreMerges) {
    return {
        {"version", "1.0"},
        {"truncation", nullptr},
        {"padding", nullptr},
        {"normalizer", std::move(normalizer)},
        {"pre_tokenizer", std::move(preTokenizer)},
        {"post_processor", std::move(postProcessor)},
        {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
        {"model",
         {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", ignoreMerges}}}};
}

json splitThenBytes(std::string_view regex) {
    return sequence(json::array({isolated(regex), byteLevel(false)}));
}

Expected<TokenizerParts> readGgufVocabulary(const GgufVocabulary& vocabulary) {
    if (vocabulary.tokens.empty())
        return fail(ErrorKind::BadInput, "The vocabulary is empty.", "tokenizer.ggml.tokens");
    if (!vocabulary.tokenTypes.empty() && vocabulary.tokenTypes.size() != vocabulary.tokens.size()) {
        return fail(ErrorKind::BadInput,
                    "There are " + std::to_string(vocabulary.tokenTypes.size()) + " token types for " +
                        std::to_string(vocabulary.tokens.size()) + " tokens.",
                    "tokenizer.ggml.token_type");
    }

    auto parts = vocabulary.model == "gpt2"    ? readByteLevel(vocabulary)
                 : vocabulary.model == "llama" ? readSentencePieces(vocabulary)
                                               : unsupportedModel(vocabulary.model);
    if (parts) setAffixes(vocabulary, *parts);
    return parts;
}

}  // namespace safequant
