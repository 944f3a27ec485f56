// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/tokenizer_difference.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/checkpoint/gguf_parts.h"
#include "core/checkpoint/huggingface_config.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"

namespace safequant {

namespace {

constexpr std::array kProbes = std::to_array<std::string_view>({
    "Hello world",
    " leading and trailing ",
    "two  spaces,   three\tand\ttabs\n\nlines\r\n",
    "I'll pay 1234567.89 for it, they've said; DON'T!",
    "caf\xC3\xA9 na\xC3\xAFve Stra\xC3\x9F"
    "e M\xC3\xBCnchen",
    "cafe\xCC\x81 A\xCC\x8A o\xCC\x88",
    "\xE4\xB8\xAD\xE6\x96\x87\xE3\x81\xA8\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E \xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4",
    "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xD8\xB3\xD9\x84\xD8\xA7\xD9\x85 "
    "\xE0\xA4\xA8\xE0\xA4\xAE\xE0\xA4\xB8\xE0\xA5\x8D\xE0\xA4\xA4\xE0\xA5\x87",
    "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7 \xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD "
    "\xE2\x9D\xA4\xEF\xB8\x8F",
    "def f(x):\n    return x**2  # note\n",
    "SELECT * FROM t WHERE id='1';",
    "{\"a\": [1, 2.5e-3], \"b\": null}",
    "https://example.com/a?b=c&d=%20#e",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "================",
    "\xEF\xAC\x81 \xE2\x91\xA0 \xEF\xBC\xA1 \xC2\xBD \xE2\x80\xA6",
    "\xEF\xBB\xBF"
    "BOM \xE2\x80\x8B zero \xC2\xA0 width",
    "\xE2\x96\x81 lower one eighth block \xE2\x96\x81\xE2\x96\x81",
    "<s>[INST] hi [/INST]</s>",
    "<|im_start|>user\nhi<|im_end|>\n<start_of_turn>model\nyes<end_of_turn>",
    "<0x0A> <unk> <pad>",
    "MiXeD CaSe camelCase snake_case kebab-case",
    "0123 1 22 333 4444 55555",
    "Hello world, it's 12345 o'clock; we'LL see 3.14159!",
    "  two  spaces   and\ttabs\n\n\nlines \r\n end  ",
    "def f(x_1): return {'a': [1, 22, 333, 4444]}  # done",
    "na\xC3\xAFve caf\xC3\xA9 \xE2\x80\x94 \xE2\x82\xAC"
    "100, e\xCC\x81",
    "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xE4\xBD\xA0\xE5\xA5\xBD\xE4\xB8\x96\xE7\x95\x8C "
    "\xE3\x81\x93\xE3\x82\x93\xE3\x81\xAB\xE3\x81\xA1\xE3\x81\xAF",
    "\xD9\x85\xD8\xB1\xD8\xAD\xD8\xA8\xD8\xA7 \xE0\xA4\xA8\xE0\xA4\xAE\xE0\xA4\xB8\xE0\xA5\x8D\xE0\xA4\xA4\xE0\xA5\x87 "
    "\xD9\xA1\xD9\xA2\xD9\xA3",
    "\xF0\x9F\x98\x80\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB \xEF\xAC\x81 \xC2\xBD \xE2\x85\xA3",
    "<s>[INST] <|im_start|>user\n<|eot_id|></s>",
    "UPPERCASE mixedCase snake_case kebab-case don't I'M",
    "\xC2\xA0\xE3\x80\x80\xE2\x80\xAF odd spaces",
    "1 12 123 1234 12345 1,000,000",
});

std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string listed(const std::vector<std::int32_t>& ids) {
    std::string out;
    for (const std::int32_t id : ids) out += (out.empty() ? "" : " ") + std::to_string(id);
    return out.empty() ? "nothing" : out;
}

std::string counted(std::size_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

bool isPadding(const std::string& text) {
    return text.empty() || text.starts_with("[PAD");
}

using Differences = std::vector<TokenizerDifference>;

void compareEntries(const Tokenizer& a, const Tokenizer& b, Differences& out) {
    std::size_t entries = 0;
    std::size_t specials = 0;
    std::string firstEntry;
    std::string firstSpecial;
    const std::size_t size = std::max(a.vocabularySize(), b.vocabularySize());
    for (std::size_t i = 0; i < size; ++i) {
        const auto id = static_cast<std::int32_t>(i);
        const std::string left = a.tokenText(id);
        const std::string right = b.tokenText(id);
        if (left != right && !(isPadding(left) && isPadding(right))) {
            if (++entries == 1)
                firstEntry = "id " + std::to_string(id) + " is " + quoted(left) + " and " + quoted(right);
        } else if (a.isSpecial(id) != b.isSpecial(id) && !isPadding(left)) {
            if (++specials == 1)
                firstSpecial = quoted(left) + " (id " + std::to_string(id) + ") is special in the " +
                               (a.isSpecial(id) ? "first" : "second") + " only";
        }
    }
    if (entries > 0)
        out.push_back({"vocabulary", counted(entries, "entry differs", "entries differ") + ": " + firstEntry});
    if (specials > 0)
        out.push_back({"special tokens", counted(specials, "token differs", "tokens differ") + ": " + firstSpecial});
}

/// "left right" by rank of byte-level BPE; null for other kinds, whose files need not hold merges.
nlohmann::json mergesOf(const Tokenizer& tokenizer) {
    const nlohmann::json written = tokenizer.toTokenizerJson();
    const bool byteLevel = written["decoder"].is_object() && written["decoder"]["type"] == "ByteLevel";
    return byteLevel ? written["model"]["merges"] : nlohmann::json();
}

void compareMerges(const Tokenizer& a, const Tokenizer& b, Differences& out) {
    const nlohmann::json left = mergesOf(a);
    const nlohmann::json right = mergesOf(b);
    if (left.is_null() || right.is_null() || left == right) return;
    const auto shown = [](const nlohmann::json& merges, std::size_t rank) {
        return rank < merges.size() ? merges[rank].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) : "missing";
    };
    std::size_t count = 0;
    std::size_t first = 0;
    for (std::size_t rank = 0; rank < std::max(left.size(), right.size()); ++rank) {
        if (rank < left.size() && rank < right.size() && left[rank] == right[rank]) continue;
        if (++count == 1) first = rank;
    }
    out.push_back({"merges", counted(count, "merge differs", "merges differ") + ": rank " + std::to_string(first) + " is " +
                                 shown(left, first) + " and " + shown(right, first)});
}

void compareEncodings(const Tokenizer& a, const Tokenizer& b, Differences& out) {
    std::size_t count = 0;
    std::string first;
    for (const std::string_view probe : kProbes) {
        for (const SpecialTokens special : {SpecialTokens::Parse, SpecialTokens::Text}) {
            const auto left = a.encode(probe, special);
            const auto right = b.encode(probe, special);
            if (left == right && a.decode(left, true) == b.decode(left, true)) continue;
            if (++count == 1) {
                first = quoted(std::string(probe)) + " gives " + listed(left) + " and " + listed(right);
                if (left == right)
                    first += ", decoded " + quoted(a.decode(left, true)) + " and " + quoted(b.decode(left, true));
            }
            break;
        }
    }
    if (count > 0) {
        out.push_back({"encoding", std::to_string(count) + " of " + std::to_string(kProbes.size()) +
                                       " probing texts differ: " + first});
    }
}

/// The prompt a format makes of a conversation, or the template's own words when it raises.
std::string rendered(const ChatFormat& format, const std::vector<ChatMessage>& messages) {
    const auto spans = format.chatTemplate->render(messages, true, format.variables);
    if (!spans) return "error: " + spans.error().message;
    std::string joined;
    for (const TextSpan& span : *spans) joined += span.text;
    return joined;
}

void compareTemplates(const ChatFormat& a, const std::string& aText, const ChatFormat& b, const std::string& bText,
                      Differences& out) {
    if (!a.chatTemplate && !b.chatTemplate) return;
    if (!a.chatTemplate || !b.chatTemplate) {
        out.push_back(
            {"template", std::string("only the ") + (a.chatTemplate ? "first" : "second") + " has a chat template"});
        return;
    }
    const std::array<std::vector<ChatMessage>, 3> conversations = {{
        {{"user", "Hello"}},
        {{"system", "Be brief."}, {"user", " Hello "}},
        {{"user", "One?"}, {"assistant", "Two."}, {"user", "Three?"}},
    }};
    for (const auto& messages : conversations) {
        const auto left = rendered(a, messages);
        const auto right = rendered(b, messages);
        if (left == right) continue;
        std::string roles;
        for (const ChatMessage& message : messages) roles += (roles.empty() ? "" : ", ") + message.role;
        out.push_back({"template", "a conversation (" + roles + ") gives " + quoted(left) + " and " + quoted(right)});
        return;
    }
    if (aText == bText) return;
    const auto at = std::ranges::mismatch(aText, bText).in1 - aText.begin();
    out.push_back({"template text", "the sources differ from line " +
                                        std::to_string(1 + std::count(aText.begin(), aText.begin() + at, '\n')) +
                                        " on, although the conversations tried give the same"});
}

}  // namespace

bool sameEncodings(const Tokenizer& a, const Tokenizer& b) {
    return std::ranges::all_of(kProbes, [&](std::string_view text) {
        return a.encode(text, SpecialTokens::Parse) == b.encode(text, SpecialTokens::Parse) &&
               a.encode(text, SpecialTokens::Text) == b.encode(text, SpecialTokens::Text);
    });
}

Expected<std::vector<TokenizerDifference>> compareTokenizers(const TokenizerSource& a, const TokenizerSource& b) {
    const auto left = ChatFormat::create(a);
    if (!left) return fail(left.error());
    const auto right = ChatFormat::create(b);
    if (!right) return fail(right.error());
    Differences out;
    compareEntries(*left->tokenizer, *right->tokenizer, out);
    compareMerges(*left->tokenizer, *right->tokenizer, out);
    const TokenAffixes& leftAround = left->tokenizer->affixes();
    const TokenAffixes& rightAround = right->tokenizer->affixes();
    if (leftAround.before != rightAround.before || leftAround.behind != rightAround.behind) {
        out.push_back({"around a text", listed(leftAround.before) + " before and " + listed(leftAround.behind) +
                                            " behind; " + listed(rightAround.before) + " before and " +
                                            listed(rightAround.behind) + " behind in the second"});
    }
    compareEncodings(*left->tokenizer, *right->tokenizer, out);
    compareTemplates(*left, a.chatTemplate, *right, b.chatTemplate, out);
    return out;
}

namespace {

namespace fs = std::filesystem;

TokenizerCopy copyAt(const std::string& path, const Checkpoint& checkpoint, const Expected<TokenizerSource>& source) {
    const auto differences = source ? compareTokenizers(checkpoint.tokenizerSource(), *source)
                                    : Expected<Differences>(fail(source.error()));
    if (differences) return {path, *differences};
    return {path, {{"unreadable", differences.error().describe()}}};
}

/// GGUF files of a folder, of a split one its first part, sorted.
std::vector<std::string> ggufFilesIn(const fs::path& folder) {
    std::vector<std::string> files;
    std::error_code code;
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
        if (entry->path().extension() != ".gguf") continue;
        const auto part = GgufPartName::parse(entry->path().string());
        if (!part || part->number == 1) files.push_back(entry->path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

std::vector<TokenizerCopy> compareWithCopies(const Checkpoint& checkpoint) {
    std::vector<TokenizerCopy> copies;
    if (!checkpoint.tokenizerSource().hasTokenizer()) return copies;
    const fs::path path = checkpoint.path();
    if (checkpoint.format() == "gguf") {
        const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
        const auto source = readHuggingFaceTokenizer(folder);
        if (!source || source->hasTokenizer()) copies.push_back(copyAt(folder, checkpoint, source));
        return copies;
    }
    for (const std::string& file : ggufFilesIn(path)) {
        const auto other = openCheckpoint(file);
        copies.push_back(copyAt(file, checkpoint,
                                other ? Expected<TokenizerSource>((*other)->tokenizerSource()) : fail(other.error())));
    }
    return copies;
}

}  // namespace safequant
