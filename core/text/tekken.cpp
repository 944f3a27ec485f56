// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "core/base/base64.h"
#include "core/base/byte_alphabet.h"
#include "core/checkpoint/json_file.h"
#include "core/checkpoint/ranked_merges.h"
#include "core/text/bpe.h"
#include "core/text/tokenizer_parts.h"

namespace safequant {

namespace {

using nlohmann::json;

constexpr const char* kTekkenFile = "tekken.json";
constexpr int kMostTokens = 1 << 24;
constexpr int kBeginToken = 1;

// What the special tokens are in files that do not list them (mistral_common: up to version 7).
constexpr std::array<const char*, 20> kSpecialTokens = {"<unk>",
                                                        "<s>",
                                                        "</s>",
                                                        "[INST]",
                                                        "[/INST]",
                                                        "[AVAILABLE_TOOLS]",
                                                        "[/AVAILABLE_TOOLS]",
                                                        "[TOOL_RESULTS]",
                                                        "[/TOOL_RESULTS]",
                                                        "[TOOL_CALLS]",
                                                        "[IMG]",
                                                        "<pad>",
                                                        "[IMG_BREAK]",
                                                        "[IMG_END]",
                                                        "[PREFIX]",
                                                        "[MIDDLE]",
                                                        "[SUFFIX]",
                                                        "[SYSTEM_PROMPT]",
                                                        "[/SYSTEM_PROMPT]",
                                                        "[TOOL_CONTENT]"};

tl::unexpected<Error> badTekken(const std::string& what) {
    return fail(ErrorKind::BadInput, what, kTekkenFile);
}

Expected<std::vector<std::string>> readRanks(const json& root, std::size_t count) {
    const auto list = root.find("vocab");
    if (list == root.end() || !list->is_array()) return badTekken("It has no list 'vocab'.");
    if (list->size() < count) {
        return badTekken("The vocabulary has " + std::to_string(list->size()) + " tokens, but the configuration asks for " +
                   std::to_string(count) + ".");
    }
    std::vector<std::string> tokens;
    for (std::size_t i = 0; i < count; ++i) {
        const json& item = (*list)[i];
        const std::string where = "Token " + std::to_string(i) + " of the vocabulary";
        if (!item.is_object() || item.value("rank", json()) != json(i))
            return badTekken(where + " does not have the rank " + std::to_string(i) + ".");
        const auto text = item.find("token_bytes");
        auto bytes =
            text != item.end() && text->is_string() ? fromBase64(text->get_ref<const std::string&>()) : std::nullopt;
        if (!bytes) return badTekken(where + " has no token_bytes in base 64.");
        tokens.push_back(std::move(*bytes));
    }
    return tokens;
}

Expected<std::vector<AddedToken>> readSpecialTokens(const json& root, std::size_t count) {
    std::vector<AddedToken> result(count);
    for (std::size_t i = 0; i < count; ++i) {
        result[i].id = static_cast<std::int32_t>(i);
        result[i].content = "<SPECIAL_" + std::to_string(i) + ">";
        result[i].special = true;
    }
    const auto list = root.find("special_tokens");
    if (list == root.end() || list->is_null()) {
        for (std::size_t i = 0; i < std::min(count, kSpecialTokens.size()); ++i) result[i].content = kSpecialTokens[i];
        return result;
    }
    if (!list->is_array()) return badTekken("special_tokens must be a list.");
    for (const json& item : *list) {
        const json rank = item.is_object() ? item.value("rank", json()) : json();
        const json text = item.is_object() ? item.value("token_str", json()) : json();
        if (!rank.is_number_unsigned() || rank.get<std::uint64_t>() >= count || !text.is_string() ||
            text.get<std::string>().empty())
            return badTekken("A special token needs a 'token_str' and a 'rank' below " + std::to_string(count) + ".");
        result[rank.get<std::size_t>()].content = text.get<std::string>();
    }
    return result;
}

}  // namespace

Expected<TokenizerParts> readTekken(std::string_view content) {
    auto root = parseStrictJson(content, kTekkenFile);
    if (!root) return fail(root.error());
    if (!root->is_object() || !root->contains("config") || !(*root)["config"].is_object())
        return badTekken("It has no 'config' object.");
    JsonFields config((*root)["config"], kTekkenFile);
    const std::string pattern = config.text("pattern");
    const int size = config.integer("default_vocab_size");
    const int specials = config.integer("default_num_special_tokens");
    if (config.error()) return fail(*config.error());
    if (specials <= kBeginToken || size < specials + 256 || size > kMostTokens) {
        return badTekken("The configuration asks for " + std::to_string(size) + " tokens, " + std::to_string(specials) +
                   " special ones among them; there must be 256 more, and " + std::to_string(kMostTokens) +
                   " at most.");
    }
    auto tokens = readRanks(*root, static_cast<std::size_t>(size - specials));
    if (!tokens) return fail(tokens.error());
    auto added = readSpecialTokens(*root, static_cast<std::size_t>(specials));
    if (!added) return fail(added.error());

    const auto merges = rankedMerges(*tokens, kTekkenFile);
    if (!merges) return fail(merges.error());
    BpeTables tables;
    tables.ignoreMerges = true;
    tables.entries.resize(static_cast<std::size_t>(specials));
    for (const std::string& token : *tokens) tables.entries.emplace_back(bytesToAlphabet(token));
    for (const auto& [left, right] : *merges) tables.merges.emplace_back(left + specials, right + specials);

    TokenizerParts parts;
    const json preTokenizer = splitThenBytes(pattern);
    auto split = PreTokenizer::parse(preTokenizer);
    if (!split) return fail(split.error());
    parts.preTokenizer = std::move(*split);
    parts.frame = byteLevelFrame(nullptr, preTokenizer,
                                 templateProcessing({{kBeginToken, (*added)[kBeginToken].content}}, {}), true);
    auto decoder = TextDecoder::parse(parts.frame["decoder"]);
    if (!decoder) return fail(decoder.error());
    parts.decoder = std::move(*decoder);
    auto encoder = BytePairEncoder::create(std::move(tables));
    if (!encoder) return fail(encoder.error());
    parts.model = std::move(*encoder);
    parts.addedTokens = std::move(*added);
    parts.affixes.before = {kBeginToken};
    return parts;
}

}  // namespace safequant
