// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "core/checkpoint/json_file.h"
#include "core/text/bpe.h"
#include "core/text/tokenizer_parts.h"
#include "core/text/unigram.h"

namespace safequant {

namespace {

using nlohmann::json;

constexpr const char* kTokenizerFile = "tokenizer.json";
// Far above any vocabulary in use; a larger id in a broken file would only ask for memory.
constexpr std::int64_t kLargestId = 1 << 24;

tl::unexpected<Error> badTokenizer(const std::string& what) {
    return fail(ErrorKind::BadInput, what, kTokenizerFile);
}
tl::unexpected<Error> unsupported(const std::string& what) {
    return fail(ErrorKind::Unsupported, what + " is not supported.", kTokenizerFile);
}

std::string textOr(const json& object, const char* name, const std::string& fallback = {}) {
    const auto it = object.find(name);
    return it != object.end() && it->is_string() ? it->get<std::string>() : fallback;
}

bool flagOr(const json& object, const char* name, bool fallback) {
    const auto it = object.find(name);
    return it != object.end() && it->is_boolean() ? it->get<bool>() : fallback;
}

Expected<std::int32_t> idValue(const json& value, const std::string& what) {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > kLargestId) {
        return badTokenizer(what + " has no usable id (a number from 0 to " + std::to_string(kLargestId) + ").");
    }
    return static_cast<std::int32_t>(value.get<std::int64_t>());
}

/// Switches of a model that would change ids if they were overlooked.
Expected<void> checkSwitches(const json& model) {
    if (const auto d = model.find("dropout"); d != model.end() && d->is_number() && d->get<double>() != 0.0)
        return unsupported("BPE dropout");
    if (!textOr(model, "continuing_subword_prefix").empty()) return unsupported("A continuing_subword_prefix");
    if (!textOr(model, "end_of_word_suffix").empty()) return unsupported("An end_of_word_suffix");
    return {};
}

Expected<void> readVocabulary(const json& model, BpeTables& tables) {
    const auto vocabulary = model.find("vocab");
    if (vocabulary == model.end() || !vocabulary->is_object() || vocabulary->empty())
        return badTokenizer("model.vocab must be an object of ids.");
    for (const auto& [entry, value] : vocabulary->items()) {
        const auto id = idValue(value, "The vocabulary entry '" + entry + "'");
        if (!id) return fail(id.error());
        const auto index = static_cast<std::size_t>(*id);
        if (index >= tables.entries.size()) tables.entries.resize(index + 1);
        if (tables.entries[index]) {
            return badTokenizer("The vocabulary gives id " + std::to_string(index) + " to '" + *tables.entries[index] +
                       "' and to '" + entry + "'.");
        }
        tables.entries[index] = entry;
    }
    return {};
}

Expected<void> readMerges(const json& model, const std::unordered_map<std::string_view, std::int32_t>& ids,
                          BpeTables& tables) {
    const auto merges = model.find("merges");
    if (merges == model.end() || !merges->is_array()) return badTokenizer("model.merges must be a list.");
    tables.merges.reserve(merges->size());
    for (std::size_t rank = 0; rank < merges->size(); ++rank) {
        const json& merge = (*merges)[rank];
        std::pair<std::string_view, std::string_view> sides;
        if (merge.is_string()) {
            auto split = splitMerge(merge.get_ref<const std::string&>(), rank);
            if (!split) return fail(split.error());
            sides = *split;
        } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
            sides = {merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>()};
        } else {
            return badTokenizer("Merge " + std::to_string(rank) + " is neither \"a b\" nor [\"a\", \"b\"].");
        }
        auto pair = resolveMerge(ids, sides.first, sides.second, rank);
        if (!pair) return fail(pair.error());
        tables.merges.push_back(*pair);
    }
    return {};
}

Expected<std::vector<AddedToken>> readAddedTokens(const json& root, const TextModel& model) {
    std::vector<AddedToken> result;
    std::unordered_set<std::int32_t> taken;
    const auto list = root.find("added_tokens");
    if (list == root.end() || list->is_null()) return result;
    if (!list->is_array()) return badTokenizer("added_tokens must be a list.");
    for (const json& item : *list) {
        if (!item.is_object() || !item.contains("content") || !item["content"].is_string()) {
            return badTokenizer("An added token has no content.");
        }
        AddedToken token;
        token.content = item["content"].get<std::string>();
        if (token.content.empty()) continue;
        token.singleWord = flagOr(item, "single_word", false);
        token.leftStrip = flagOr(item, "lstrip", false);
        token.rightStrip = flagOr(item, "rstrip", false);
        token.special = flagOr(item, "special", false);
        token.normalized = flagOr(item, "normalized", !token.special);
        if (const std::int32_t known = model.idOf(token.content); known >= 0) {
            token.id = known;
        } else {
            const auto id = idValue(item.value("id", json()), "The added token '" + token.content + "'");
            if (!id) return fail(id.error());
            const auto index = static_cast<std::size_t>(*id);
            const bool isEntry = index < model.entries().size() && model.entries()[index].has_value();
            if (isEntry || taken.contains(*id)) {
                return badTokenizer("The added token '" + token.content + "' has id " + std::to_string(*id) +
                           ", which is taken.");
            }
            token.id = *id;
        }
        taken.insert(token.id);
        result.push_back(std::move(token));
    }
    return result;
}

Expected<std::shared_ptr<const TextModel>> readBpe(const json& model, bool byteLevel) {
    BpeTables tables;
    tables.byteLevel = byteLevel;
    if (auto ok = checkSwitches(model); !ok) return fail(ok.error());
    if (auto ok = readVocabulary(model, tables); !ok) return fail(ok.error());
    std::unordered_map<std::string_view, std::int32_t> ids;
    for (std::size_t id = 0; id < tables.entries.size(); ++id) {
        if (tables.entries[id]) ids.emplace(*tables.entries[id], static_cast<std::int32_t>(id));
    }
    if (auto ok = readMerges(model, ids, tables); !ok) return fail(ok.error());
    tables.ignoreMerges = flagOr(model, "ignore_merges", false);
    tables.fuseUnknown = flagOr(model, "fuse_unk", false);
    tables.byteFallback = flagOr(model, "byte_fallback", false);
    if (const auto unknown = model.find("unk_token"); unknown != model.end() && unknown->is_string()) {
        const auto it = ids.find(unknown->get_ref<const std::string&>());
        if (it == ids.end()) return badTokenizer("unk_token '" + unknown->get<std::string>() + "' is not in the vocabulary.");
        tables.unknown = it->second;
    }
    auto encoder = BytePairEncoder::create(std::move(tables));
    if (!encoder) return fail(Error{encoder.error().kind, encoder.error().message, kTokenizerFile});
    return *encoder;
}

/// Contents of the added tokens that are special.
std::unordered_set<std::string_view> specialContents(const json& root) {
    std::unordered_set<std::string_view> result;
    const auto list = root.find("added_tokens");
    if (list == root.end() || !list->is_array()) return result;
    for (const json& item : *list) {
        const auto content = item.is_object() ? item.find("content") : item.end();
        if (item.is_object() && content != item.end() && content->is_string() && flagOr(item, "special", false))
            result.insert(content->get_ref<const std::string&>());
    }
    return result;
}

/// Special tokens are never found in text by the model, as `tokenizers` would: text stays text.
Expected<std::shared_ptr<const TextModel>> readUnigram(const json& model, const json& root) {
    const auto vocabulary = model.find("vocab");
    if (vocabulary == model.end() || !vocabulary->is_array() || vocabulary->empty())
        return badTokenizer("model.vocab of a Unigram model must be a list of [text, score].");
    UnigramTables tables;
    tables.peer = UnigramTables::Peer::Tokenizers;
    tables.byteFallback = flagOr(model, "byte_fallback", false);
    std::unordered_set<std::string_view> seen;
    for (const json& item : *vocabulary) {
        const std::string where = "Entry " + std::to_string(tables.entries.size()) + " of model.vocab";
        if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_number())
            return badTokenizer(where + " is not [text, score].");
        const auto& text = item[0].get_ref<const std::string&>();
        const auto score = item[1].get<double>();
        if (text.empty()) return badTokenizer(where + " is empty.");
        if (!std::isfinite(score)) return badTokenizer(where + " ('" + text + "') has a score that is no number.");
        if (!seen.insert(text).second) return badTokenizer(where + " ('" + text + "') stands twice in the vocabulary.");
        tables.entries.emplace_back(text);
        tables.scores.push_back(score);
    }
    const auto special = specialContents(root);
    for (const auto& entry : tables.entries)
        tables.types.push_back(special.contains(*entry) ? PieceType::Control : PieceType::Normal);
    if (const auto unknown = model.find("unk_id"); unknown != model.end() && !unknown->is_null()) {
        const auto id = idValue(*unknown, "Field 'unk_id'");
        if (!id) return fail(id.error());
        if (static_cast<std::size_t>(*id) >= tables.entries.size())
            return badTokenizer("unk_id " + std::to_string(*id) + " is beyond the " + std::to_string(tables.entries.size()) +
                       " entries of the vocabulary.");
        tables.unknown = *id;
    }
    return std::make_shared<const UnigramModel>(std::move(tables));
}

/// The model's "type"; old files leave it out and mean BPE.
Expected<std::shared_ptr<const TextModel>> readModel(const json& model, const json& root, bool byteLevel) {
    const auto type = textOr(model, "type", "BPE");
    if (type == "BPE") return readBpe(model, byteLevel);
    if (type == "Unigram") return readUnigram(model, root);
    return unsupported("The model type '" + type + "'");
}

}  // namespace

Expected<std::pair<std::string_view, std::string_view>> splitMerge(std::string_view merge, std::size_t rank) {
    const std::size_t space = merge.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == merge.size() ||
        merge.find(' ', space + 1) != std::string_view::npos) {
        return fail(ErrorKind::BadInput,
                    "Merge " + std::to_string(rank) + " ('" + std::string(merge) +
                        "') is not two entries with one space between.",
                    "merges");
    }
    return std::pair{merge.substr(0, space), merge.substr(space + 1)};
}

Expected<std::pair<std::int32_t, std::int32_t>> resolveMerge(
    const std::unordered_map<std::string_view, std::int32_t>& ids, std::string_view left, std::string_view right,
    std::size_t rank) {
    for (const std::string_view side : {left, right}) {
        if (!ids.contains(side)) {
            return fail(
                ErrorKind::BadInput,
                "Merge " + std::to_string(rank) + " names '" + std::string(side) + "', which is not in the vocabulary.",
                "merges");
        }
    }
    return std::pair{ids.at(left), ids.at(right)};
}

Expected<TokenizerParts> readTokenizerJson(std::string_view content) {
    auto parsed = parseStrictJson(content, kTokenizerFile);
    if (!parsed) return fail(parsed.error());
    json& root = *parsed;
    const auto found = root.is_object() ? root.find("model") : root.end();
    if (!root.is_object() || found == root.end() || !found->is_object()) return badTokenizer("It has no 'model' object.");
    json& model = *found;
    const auto component = [&root](const char* name) { return root.value(name, json()); };

    TokenizerParts parts;
    auto preTokenizer = PreTokenizer::parse(component("pre_tokenizer"));
    if (!preTokenizer) return fail(preTokenizer.error());
    parts.preTokenizer = std::move(*preTokenizer);
    auto encoder = readModel(model, root, parts.preTokenizer.byteLevel());
    if (!encoder) return fail(encoder.error());
    parts.model = std::move(*encoder);
    auto added = readAddedTokens(root, *parts.model);
    if (!added) return fail(added.error());
    parts.addedTokens = std::move(*added);
    auto normalizer = Normalizer::parse(component("normalizer"));
    if (!normalizer) return fail(normalizer.error());
    parts.normalizer = std::move(*normalizer);
    auto decoder = TextDecoder::parse(component("decoder"));
    if (!decoder) return fail(decoder.error());
    parts.decoder = std::move(*decoder);
    auto affixes = readPostProcessor(component("post_processor"));
    if (!affixes) return fail(affixes.error());
    parts.affixes = std::move(*affixes);

    model.erase("vocab");
    model.erase("merges");
    root.erase("added_tokens");
    parts.frame = std::move(root);
    return parts;
}

json writeTokenizerJson(const json& frame, const TextModel& model, const std::vector<AddedToken>& addedTokens) {
    json root = frame;
    root["added_tokens"] = json::array();
    for (const AddedToken& token : addedTokens) {
        root["added_tokens"].push_back({{"id", token.id},
                                        {"content", token.content},
                                        {"single_word", token.singleWord},
                                        {"lstrip", token.leftStrip},
                                        {"rstrip", token.rightStrip},
                                        {"normalized", token.normalized},
                                        {"special", token.special}});
    }
    model.write(root["model"]);
    return root;
}

}  // namespace safequant
