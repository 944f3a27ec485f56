// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/vocabulary_files.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <unordered_map>

#include "core/base/base64.h"
#include "core/base/byte_alphabet.h"
#include "core/checkpoint/json_file.h"
#include "core/checkpoint/ranked_merges.h"

namespace safequant {
namespace {

using nlohmann::json;

constexpr const char* kVocabularyFile = "vocab.json";
constexpr const char* kMergesFile = "merges.txt";
constexpr const char* kConfigFile = "tokenizer_config.json";
constexpr const char* kTiktokenFile = "qwen.tiktoken";
constexpr std::int32_t kNormal = 1;
constexpr std::int32_t kControl = 3;
constexpr std::int32_t kUserDefined = 4;
constexpr std::int32_t kUnused = 5;
/// Ids without an entry that a file may have: embeddings are padded by some hundred.
constexpr std::size_t kMostGaps = 65536;
constexpr int kQwenExtraTokens = 205;

/// Calls `use(line, number)` with every line that is not empty, until it gives an error.
template <typename Use>
Expected<void> forEachLine(std::string_view content, Use use) {
    for (std::size_t number = 1; !content.empty(); ++number) {
        const std::size_t end = std::min(content.find('\n'), content.size());
        std::string_view line = content.substr(0, end);
        content.remove_prefix(std::min(end + 1, content.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        if (Expected<void> used = use(line, number); !used) return used;
    }
    return {};
}

std::string lineOf(const char* file, std::size_t number) { return std::string(file) + ":" + std::to_string(number); }

Expected<std::string> preTokenizerOf(const json& config) {
    if (!config.is_object())
        return fail(ErrorKind::NotFound, "A vocab.json alone does not say how text is split: tokenizer_config.json must name the "
                                         "tokenizer_class. Fetch it, or a tokenizer.json.", kConfigFile);
    JsonFields fields(config, kConfigFile);
    const std::string name = fields.text("tokenizer_class", "");
    const bool prefixed = fields.boolean("add_prefix_space", false);
    if (fields.error()) return fail(*fields.error());
    const bool gpt2 = name == "GPT2Tokenizer" || name == "GPT2TokenizerFast";
    if (!gpt2 && name != "Qwen2Tokenizer" && name != "Qwen2TokenizerFast")
        return fail(ErrorKind::Unsupported, "The tokenizer_class is \"" + name + "\"; of vocab.json and merges.txt GPT2Tokenizer and "
                                            "Qwen2Tokenizer can be read. Save the tokenizer as tokenizer.json with transformers.",
                    kConfigFile);
    if (gpt2 && prefixed)
        return fail(ErrorKind::Unsupported, "add_prefix_space is set, which vocab.json and merges.txt cannot be read with. Save the "
                                            "tokenizer as tokenizer.json with transformers.", kConfigFile);
    return std::string(gpt2 ? "gpt-2" : "qwen2");
}

/// A vocabulary while its entries come in any order of ids.
class Entries {
public:
    Expected<void> add(std::size_t id, const std::string& text, std::int32_t type, const char* file) {
        if (id >= m_used + kMostGaps)
            return fail(ErrorKind::BadInput, "The id " + std::to_string(id) + " of \"" + text + "\" lies far beyond all others.", file);
        if (id >= m_texts.size()) m_texts.resize(id + 1), m_types.resize(id + 1, kUnused);
        if (m_types[id] != kUnused && m_texts[id] != text)
            return fail(ErrorKind::BadInput, "The id " + std::to_string(id) + " is both \"" + m_texts[id] + "\" and \"" + text +
                                                 "\". Fetch the tokenizer's files again.", file);
        if (const auto known = m_ids.find(text); known != m_ids.end() && known->second != id)
            return fail(ErrorKind::BadInput, "\"" + text + "\" has the ids " + std::to_string(known->second) + " and " +
                                                 std::to_string(id) + ".", file);
        m_ids.emplace(text, id);
        m_texts[id] = text;
        m_types[id] = type;
        ++m_used;
        return {};
    }

    int idOf(const std::string& text) const {
        const auto found = m_ids.find(text);
        return found == m_ids.end() ? -1 : static_cast<int>(found->second);
    }
    void makeSpecial(const std::string& text) {
        if (const int id = idOf(text); id >= 0) m_types[static_cast<std::size_t>(id)] = kControl;
    }

    void moveTo(GgufVocabulary& vocabulary) {
        for (std::size_t id = 0; id < m_texts.size(); ++id)
            if (m_types[id] == kUnused) m_texts[id] = "[PAD" + std::to_string(id) + "]";
        vocabulary.tokens = std::move(m_texts);
        vocabulary.tokenTypes = std::move(m_types);
    }

private:
    std::vector<std::string> m_texts;
    std::vector<std::int32_t> m_types;
    std::unordered_map<std::string, std::size_t> m_ids;
    std::size_t m_used = 0;
};

Expected<void> addEntries(std::string_view content, Entries& entries) {
    const auto root = parseStrictJson(content, kVocabularyFile);
    if (!root) return fail(root.error());
    if (!root->is_object() || root->empty())
        return fail(ErrorKind::BadInput, "It must be an object that maps entries to ids.", kVocabularyFile);
    std::vector<std::pair<std::uint64_t, const std::string*>> sorted;
    for (const auto& [text, id] : root->items()) {
        if (!id.is_number_unsigned() || text.empty())
            return fail(ErrorKind::BadInput, "The entry \"" + text + "\" is empty or has no id (a whole number).", kVocabularyFile);
        sorted.emplace_back(id.get<std::uint64_t>(), &root->find(text).key());
    }
    std::ranges::sort(sorted, [](const auto& a, const auto& b) { return std::tie(a.first, *a.second) < std::tie(b.first, *b.second); });
    for (const auto& [id, text] : sorted)
        if (auto added = entries.add(id, *text, kNormal, kVocabularyFile); !added) return added;
    return {};
}

/// The tokens that tokenizer_config.json declares, and those it names.
Expected<void> addDeclared(const json& config, Entries& entries) {
    const auto list = config.find("added_tokens_decoder");
    if (list != config.end() && !list->is_null()) {
        if (!list->is_object())
            return fail(ErrorKind::BadInput, "Field \"added_tokens_decoder\" must be an object of ids.", kConfigFile);
        std::vector<std::pair<std::size_t, const json*>> sorted;
        for (const auto& [key, item] : list->items()) {
            std::size_t id = 0;
            const auto read = std::from_chars(key.data(), key.data() + key.size(), id);
            if (read.ec != std::errc() || read.ptr != key.data() + key.size() || !item.is_object())
                return fail(ErrorKind::BadInput, "Field \"added_tokens_decoder\" has \"" + key + "\", which is no id of a token.",
                            kConfigFile);
            sorted.emplace_back(id, &item);
        }
        std::sort(sorted.begin(), sorted.end());
        for (const auto& [id, item] : sorted) {
            JsonFields fields(*item, kConfigFile);
            const std::string text = fields.text("content");
            const bool special = fields.boolean("special", false);
            const bool strips = fields.boolean("lstrip", false) || fields.boolean("rstrip", false) || fields.boolean("single_word", false);
            if (fields.error()) return fail(*fields.error());
            if (strips)
                return fail(ErrorKind::Unsupported, "The token \"" + text + "\" takes the space beside it or stands for whole words, which "
                                                    "needs a tokenizer.json. Save the tokenizer with transformers.", kConfigFile);
            if (auto added = entries.add(id, text, special ? kControl : kUserDefined, kConfigFile); !added) return added;
        }
    }
    for (const char* field : {"bos_token", "eos_token", "unk_token", "pad_token"}) entries.makeSpecial(specialTokenText(config, field));
    const auto more = config.find("additional_special_tokens");
    if (more != config.end() && more->is_array())
        for (const json& item : *more) entries.makeSpecial(specialTokenText(item));
    return {};
}

Expected<void> addMerges(std::string_view content, GgufVocabulary& vocabulary) {
    return forEachLine(content, [&](std::string_view line, std::size_t number) -> Expected<void> {
        if (number == 1 && line.starts_with("#version")) return {};
        if (std::count(line.begin(), line.end(), ' ') != 1 || line.front() == ' ' || line.back() == ' ')
            return fail(ErrorKind::BadInput, "A merge must be two entries with one space between.", lineOf(kMergesFile, number));
        vocabulary.merges.emplace_back(line);
        return {};
    });
}

}  // namespace

std::string specialTokenText(const json& token) {
    if (token.is_string()) return token.get<std::string>();
    const auto content = token.is_object() ? token.find("content") : token.end();
    return token.is_object() && content != token.end() && content->is_string() ? content->get<std::string>() : std::string();
}

std::string specialTokenText(const json& config, const char* field) {
    return config.is_object() && config.contains(field) ? specialTokenText(config[field]) : std::string();
}

Expected<GgufVocabulary> readVocabularyAndMerges(std::string_view vocabulary, std::string_view merges, const json& config) {
    GgufVocabulary result;
    result.model = "gpt2";
    auto splitting = preTokenizerOf(config);
    if (!splitting) return fail(splitting.error());
    result.preTokenizer = std::move(*splitting);
    Entries entries;
    if (auto added = addEntries(vocabulary, entries); !added) return fail(added.error());
    if (auto added = addDeclared(config, entries); !added) return fail(added.error());
    if (auto added = addMerges(merges, result); !added) return fail(added.error());
    result.beginToken = entries.idOf(specialTokenText(config, "bos_token"));
    result.endToken = entries.idOf(specialTokenText(config, "eos_token"));
    const auto begins = config.find("add_bos_token");
    result.addBegin = begins != config.end() && *begins == true;
    entries.moveTo(result);
    return result;
}

Expected<GgufVocabulary> readQwenTiktoken(std::string_view content) {
    std::vector<std::string> tokens;
    auto read = forEachLine(content, [&](std::string_view line, std::size_t number) -> Expected<void> {
        const std::size_t space = std::min(line.find(' '), line.size());
        const std::string_view rank = line.substr(std::min(space + 1, line.size()));
        auto bytes = fromBase64(line.substr(0, space));
        if (!bytes || rank != std::to_string(tokens.size()))
            return fail(ErrorKind::BadInput, "A line must be a token in base 64, a space and its rank, here " +
                                                 std::to_string(tokens.size()) + ".", lineOf(kTiktokenFile, number));
        tokens.push_back(std::move(*bytes));
        return {};
    });
    if (!read) return fail(read.error());
    const auto merges = rankedMerges(tokens, kTiktokenFile);
    if (!merges) return fail(merges.error());
    GgufVocabulary result;
    result.model = "gpt2";
    result.preTokenizer = "qwen2";
    for (const std::string& token : tokens) result.tokens.push_back(bytesToAlphabet(token));
    for (const auto& [left, right] : *merges)
        result.merges.push_back(result.tokens[static_cast<std::size_t>(left)] + " " + result.tokens[static_cast<std::size_t>(right)]);
    result.tokenTypes.assign(tokens.size(), kNormal);
    result.endToken = static_cast<int>(tokens.size());
    for (const char* special : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) result.tokens.emplace_back(special);
    for (int i = 0; i < kQwenExtraTokens; ++i) result.tokens.push_back("<|extra_" + std::to_string(i) + "|>");
    result.tokenTypes.resize(result.tokens.size(), kControl);
    return result;
}

}  // namespace safequant
