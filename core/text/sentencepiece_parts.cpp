// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <unordered_map>

#include "core/base/base64.h"
#include "core/base/utf8.h"
#include "core/text/charsmap.h"
#include "core/text/sentencepiece_bpe.h"
#include "core/text/tokenizer_parts.h"
#include "core/text/unigram.h"

namespace safequant {

namespace {

using nlohmann::json;

constexpr std::string_view kSpace = "\xE2\x96\x81";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// SentencePiece's normalizer: character map, white space, dummy prefix; user-defined pieces pass as they are.
class SentencePieceNormalizer : public Normalizer::Step {
public:
    SentencePieceNormalizer(const SentencePieceModel& model, Charsmap map, bool everySegment)
        : m_map(std::move(map)),
          m_userDefined(userDefinedPieces(model)),
          m_removeExtra(model.removeExtraWhitespaces),
          m_dummy(model.addDummyPrefix),
          m_suffix(model.whitespaceAsSuffix),
          m_everySegment(everySegment),
          m_space(model.escapeWhitespaces ? kSpace : " ") {}

    MarkedText apply(const MarkedText& in, bool first) const override {
        const std::string_view text = in.text;
        MarkedText out;
        std::size_t at = 0;
        while (m_removeExtra && at < text.size()) {
            const auto [replacement, length] = prefix(text.substr(at));
            if (replacement != " ") break;
            at += length;
        }
        if (at == text.size()) return out;
        const bool dummy = m_dummy && (first || m_everySegment);
        if (dummy && !m_suffix) out.append(m_space, in, at, at);
        bool afterSpace = m_removeExtra;
        while (at < text.size()) {
            const std::size_t begin = at;
            auto [replacement, length] = prefix(text.substr(at));
            at += length;
            while (afterSpace && replacement.starts_with(' ')) replacement.remove_prefix(1);
            if (!replacement.empty()) {
                afterSpace = m_removeExtra && replacement.ends_with(' ');
                for (std::size_t i = 0; i < replacement.size(); ++i)
                    out.append(replacement[i] == ' ' ? m_space : replacement.substr(i, 1), in, begin, at);
            }
        }
        while (m_removeExtra && out.text.ends_with(m_space)) {
            out.text.resize(out.text.size() - m_space.size());
            if (out.isMarked()) out.marks.resize(out.text.size());
        }
        if (dummy && m_suffix) out.append(m_space, in, at, at);
        return out;
    }

private:
    /// What the beginning of a text becomes, and how much of it that is.
    std::pair<std::string_view, std::size_t> prefix(std::string_view text) const {
        if (const std::size_t length = m_userDefined.longestPrefix(text); length > 0)
            return {text.substr(0, length), length};
        if (const auto match = m_map.longest(text); match.length > 0) return {match.replacement, match.length};
        const std::size_t length = std::min(sequenceLength(text[0]), text.size());
        return {text.substr(0, length), length};
    }

    Charsmap m_map;
    PrefixTrie m_userDefined;
    bool m_removeExtra;
    bool m_dummy;
    bool m_suffix;
    bool m_everySegment;
    std::string_view m_space;
};

/// SentencePiece's decoding: byte pieces joined to characters, the space of the dummy prefix taken away.
class SentencePieceDecoder : public TextDecoder::Step {
public:
    explicit SentencePieceDecoder(const SentencePieceModel& model)
        : m_stripsFirst(model.addDummyPrefix || model.removeExtraWhitespaces),
          m_stripsAll(model.removeExtraWhitespaces),
          m_unknown(model.pieces[static_cast<std::size_t>(model.unknown)].text),
          m_surface(model.unknownSurface) {
        m_bytes = std::any_of(model.pieces.begin(), model.pieces.end(),
                              [](const SentencePiece& piece) { return piece.type == PieceType::Byte; });
    }

    void apply(std::vector<std::string>& tokens) const override {
        std::string text;
        std::string run;
        bool spaceTaken = false;
        for (const std::string& token : tokens) {
            if (const auto byte = m_bytes ? BytePieces::byteOf(token) : std::nullopt) {
                run.push_back(static_cast<char>(*byte));
                continue;
            }
            appendBytes(run, text);
            run.clear();
            if (token == m_unknown) {
                text += m_surface;
                spaceTaken = false;
                continue;
            }
            std::string_view rest = token;
            const bool atBegin = !spaceTaken && text.empty() && m_stripsFirst;
            spaceTaken = atBegin && rest.starts_with(kSpace);
            if (spaceTaken) rest.remove_prefix(kSpace.size());
            if (m_stripsAll) spaceTaken = false;
            appendSpaced(rest, text);
        }
        appendBytes(run, text);
        tokens = {std::move(text)};
    }

private:
    static void appendSpaced(std::string_view piece, std::string& text) {
        std::size_t at = 0;
        for (std::size_t found; (found = piece.find(kSpace, at)) != std::string_view::npos;
             at = found + kSpace.size()) {
            text.append(piece, at, found - at);
            text.push_back(' ');
        }
        text.append(piece.substr(at));
    }
    /// Every byte that begins no valid character becomes U+FFFD.
    static void appendBytes(std::string_view run, std::string& text) {
        for (std::size_t i = 0; i < run.size();) {
            const Utf8Sequence sequence = utf8SequenceAt(run, i);
            text.append(sequence.wellFormed ? run.substr(i, sequence.length) : kReplacement);
            i += sequence.wellFormed ? sequence.length : 1;
        }
    }

    bool m_stripsFirst;
    bool m_stripsAll;
    bool m_bytes = false;
    std::string m_unknown;
    std::string m_surface;
};

json replaceStep(const char* kind, const char* pattern, std::string_view content) {
    return {{"type", "Replace"}, {"pattern", {{kind, pattern}}}, {"content", std::string(content)}};
}

json normalizerJson(const SentencePieceModel& model, bool everySegment) {
    json steps = json::array();
    if (!model.charsmap.empty())
        steps.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", toBase64(model.charsmap)}});
    if (model.removeExtraWhitespaces) {
        steps.push_back({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}});
        steps.push_back(replaceStep("Regex", " {2,}", " "));
    }
    const std::string_view space = model.escapeWhitespaces ? kSpace : " ";
    if (model.addDummyPrefix && model.whitespaceAsSuffix) {
        steps.push_back(replaceStep("Regex", R"((?<=[\s\S])\z)", space));
    } else if (model.addDummyPrefix && everySegment) {
        steps.push_back({{"type", "Prepend"}, {"prepend", std::string(space)}});
    }
    if (model.escapeWhitespaces) steps.push_back(replaceStep("String", " ", kSpace));
    return {{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

json frameOf(const SentencePieceModel& model, bool everySegment) {
    json decoders =
        json::array({replaceStep("String", kSpace.data(), " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
    if (model.addDummyPrefix && !model.whitespaceAsSuffix)
        decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    json preTokenizer;
    if (model.addDummyPrefix && !everySegment && !model.whitespaceAsSuffix) {
        preTokenizer = {
            {"type", "Metaspace"}, {"replacement", std::string(kSpace)}, {"prepend_scheme", "first"}, {"split", false}};
    }
    json inner;
    if (model.algorithm == SentencePieceModel::Algorithm::Unigram) {
        inner = {{"type", "Unigram"}, {"unk_id", model.unknown}, {"byte_fallback", model.byteFallback}};
    } else {
        inner = {{"type", "BPE"},
                 {"dropout", nullptr},
                 {"unk_token", model.pieces[static_cast<std::size_t>(model.unknown)].text},
                 {"continuing_subword_prefix", nullptr},
                 {"end_of_word_suffix", nullptr},
                 {"fuse_unk", true},
                 {"byte_fallback", model.byteFallback},
                 {"ignore_merges", false}};
    }
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"normalizer", normalizerJson(model, everySegment)},
            {"pre_tokenizer", std::move(preTokenizer)},
            {"post_processor", nullptr},
            {"decoder", {{"type", "Sequence"}, {"decoders", std::move(decoders)}}},
            {"model", std::move(inner)}};
}

std::shared_ptr<const TextModel> encoderOf(const SentencePieceModel& model) {
    if (model.algorithm == SentencePieceModel::Algorithm::Bpe) return std::make_shared<SentencePieceBpe>(model);
    UnigramTables tables;
    for (const SentencePiece& piece : model.pieces) {
        tables.entries.emplace_back(piece.text);
        tables.scores.push_back(static_cast<double>(piece.score));
        tables.types.push_back(piece.type);
    }
    tables.unknown = model.unknown;
    tables.byteFallback = model.byteFallback;
    return std::make_shared<UnigramModel>(std::move(tables));
}

/// The tokens of tokenizer_config.json's added_tokens_decoder.
Expected<std::vector<AddedToken>> configuredTokens(const json& config) {
    std::vector<AddedToken> result;
    const auto list = config.is_object() ? config.find("added_tokens_decoder") : config.end();
    if (!config.is_object() || list == config.end() || list->is_null()) return result;
    const auto bad = [](const std::string& what) {
        return fail(ErrorKind::BadInput, "Field \"added_tokens_decoder\" " + what, "tokenizer_config.json");
    };
    if (!list->is_object()) return bad("must be an object of ids.");
    for (const auto& [key, item] : list->items()) {
        if (key.empty() || key.size() > 8 || key.find_first_not_of("0123456789") != std::string::npos)
            return bad("has '" + key + "', which is no id.");
        if (!item.is_object() || !item.contains("content") || !item["content"].is_string())
            return bad("has no content for id " + key + ".");
        const auto flag = [&fields = item](const char* name, bool fallback) {
            const auto it = fields.find(name);
            return it != fields.end() && it->is_boolean() ? it->get<bool>() : fallback;
        };
        AddedToken token;
        token.id = std::stoi(key);
        token.content = item["content"].get<std::string>();
        token.singleWord = flag("single_word", false);
        token.leftStrip = flag("lstrip", false);
        token.rightStrip = flag("rstrip", false);
        token.special = flag("special", false);
        if (!token.content.empty()) result.push_back(std::move(token));
    }
    std::sort(result.begin(), result.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
    return result;
}

}  // namespace

Expected<TokenizerParts> sentencePieceParts(SentencePieceModel model, std::vector<AddedToken> tokens,
                                            bool everySegment) {
    auto map = Charsmap::parse(model.charsmap);
    if (!map) return fail(map.error());
    TokenizerParts parts;
    std::vector<bool> declared(model.pieces.size());
    for (AddedToken& token : tokens) {
        const auto index = static_cast<std::size_t>(token.id);
        if (index < model.pieces.size()) {
            SentencePiece& piece = model.pieces[index];
            if (piece.text != token.content) {
                return fail(ErrorKind::BadInput,
                            "Token " + std::to_string(token.id) + " is '" + token.content +
                                "' in tokenizer_config.json and '" + piece.text +
                                "' in tokenizer.model: the two are not of the same model.",
                            "tokenizer_config.json");
            }
            if (piece.type == PieceType::Normal || (piece.type == PieceType::UserDefined && !token.special)) continue;
            // What others declare as special is no longer cut out of text as a user-defined piece is.
            if (piece.type == PieceType::UserDefined) piece.type = PieceType::Control;
            declared[index] = true;
        }
        parts.addedTokens.push_back(std::move(token));
    }
    for (std::size_t id = 0; id < model.pieces.size(); ++id) {
        const SentencePiece& piece = model.pieces[id];
        AddedToken token;
        token.id = static_cast<std::int32_t>(id);
        token.content = piece.text;
        if (piece.type == PieceType::UserDefined) {
            token.normalized = piece.text.find(kSpace) != std::string::npos;
            parts.writtenTokens.push_back(std::move(token));
        } else if ((piece.type == PieceType::Control || piece.type == PieceType::Unknown) && !declared[id]) {
            token.special = true;
            parts.addedTokens.push_back(std::move(token));
        }
    }
    parts.model = encoderOf(model);
    parts.normalizer.add(std::make_shared<SentencePieceNormalizer>(model, std::move(*map), everySegment));
    parts.decoder.add(std::make_shared<SentencePieceDecoder>(model));
    parts.shownUnknown = model.unknown;
    parts.frame = frameOf(model, everySegment);
    return parts;
}

Expected<TokenizerParts> readTokenizerModel(std::string_view content, const json& config) {
    auto model = parseSentencePieceModel(content);
    if (!model) return fail(model.error());
    auto tokens = configuredTokens(config);
    if (!tokens) return fail(tokens.error());
    const auto flag = [&config](const char* name, bool fallback) {
        if (!config.is_object()) return fallback;
        const auto it = config.find(name);
        return it != config.end() && it->is_boolean() ? it->get<bool>() : fallback;
    };
    std::vector<std::pair<std::int32_t, std::string>> before;
    std::vector<std::pair<std::int32_t, std::string>> behind;
    for (std::size_t id = 0; id < model->pieces.size(); ++id) {
        const SentencePiece& piece = model->pieces[id];
        if (piece.type != PieceType::Control) continue;
        // The names SentencePiece gives; models of other names say in tokenizer_config.json what they add.
        if ((piece.text == "<s>" || piece.text == "<bos>") && flag("add_bos_token", true))
            before.emplace_back(static_cast<std::int32_t>(id), piece.text);
        if ((piece.text == "</s>" || piece.text == "<eos>") && flag("add_eos_token", false))
            behind.emplace_back(static_cast<std::int32_t>(id), piece.text);
    }
    auto parts = sentencePieceParts(std::move(*model), std::move(*tokens), flag("legacy", true));
    if (!parts) return parts;
    parts->frame["post_processor"] = templateProcessing(before, behind);
    for (const auto& [id, text] : before) parts->affixes.before.push_back(id);
    for (const auto& [id, text] : behind) parts->affixes.behind.push_back(id);
    return parts;
}

}  // namespace safequant
