// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/tokenizer.h"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

#include "core/base/utf8.h"
#include "core/text/added_tokens.h"
#include "core/text/tokenizer_parts.h"

namespace safequant {

namespace {

using Kind = AddedTokenFinder::Kind;

class PipelineTokenizer : public Tokenizer {
public:
    explicit PipelineTokenizer(TokenizerParts parts)
        : m_model(std::move(parts.model)),
          m_normalizer(std::move(parts.normalizer)),
          m_added(std::move(parts.addedTokens), m_normalizer),
          m_preTokenizer(std::move(parts.preTokenizer)),
          m_decoder(std::move(parts.decoder)),
          m_affixes(std::move(parts.affixes)),
          m_shownUnknown(parts.shownUnknown),
          m_frame(std::move(parts.frame)),
          m_writtenTokens(std::move(parts.writtenTokens)),
          m_size(m_model->entries().size()) {
        for (const AddedToken& token : m_added.tokens()) {
            m_addedById.emplace(token.id, &token);
            m_addedByContent.emplace(token.content, &token);
            m_size = std::max(m_size, static_cast<std::size_t>(token.id) + 1);
        }
    }

    std::vector<std::int32_t> encode(std::string_view text, SpecialTokens special) const override {
        return encodeMarked({replaceInvalidUtf8(text), {}}, special);
    }

    std::vector<std::int32_t> encode(std::span<const TextSpan> spans) const override {
        MarkedText joined;
        for (const TextSpan& span : spans) {
            joined.text += replaceInvalidUtf8(span.text);
            joined.marks.resize(joined.text.size(), span.fromContent ? '\1' : '\0');
        }
        return encodeMarked(joined, SpecialTokens::Parse);
    }

    std::string decode(std::span<const std::int32_t> ids, bool skipSpecial) const override {
        std::vector<std::string> tokens;
        for (const std::int32_t id : ids) {
            if (skipSpecial && id != m_shownUnknown && isSpecial(id)) continue;
            if (std::string token = tokenText(id); !token.empty()) tokens.push_back(std::move(token));
        }
        return m_decoder.decode(std::move(tokens));
    }

    std::string tokenText(std::int32_t id) const override {
        if (const auto it = m_addedById.find(id); it != m_addedById.end()) return it->second->content;
        const auto& entries = m_model->entries();
        if (id < 0 || static_cast<std::size_t>(id) >= entries.size()) return {};
        return entries[static_cast<std::size_t>(id)].value_or(std::string());
    }

    bool isSpecial(std::int32_t id) const override {
        const auto it = m_addedById.find(id);
        return it != m_addedById.end() && it->second->special;
    }

    std::int32_t idOf(std::string_view token) const override {
        const auto it = m_addedByContent.find(token);
        return it != m_addedByContent.end() ? it->second->id : m_model->idOf(token);
    }

    std::size_t vocabularySize() const override { return m_size; }

    const TokenAffixes& affixes() const override { return m_affixes; }

    nlohmann::json toTokenizerJson() const override {
        std::vector<AddedToken> tokens = m_added.tokens();
        tokens.insert(tokens.end(), m_writtenTokens.begin(), m_writtenTokens.end());
        std::sort(tokens.begin(), tokens.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
        return writeTokenizerJson(m_frame, *m_model, tokens);
    }

private:
    std::vector<std::int32_t> encodeMarked(const MarkedText& text, SpecialTokens special) const {
        std::vector<std::int32_t> ids;
        for (const auto& part : m_added.split(Kind::Plain, text, special)) {
            if (part.id >= 0) {
                ids.push_back(part.id);
            } else {
                encodePlain(text.part(part.begin, part.end), part.begin == 0, special, ids);
            }
        }
        return ids;
    }

    /// Text without plain added tokens.
    void encodePlain(MarkedText text, bool first, SpecialTokens special, std::vector<std::int32_t>& ids) const {
        const MarkedText normalized = m_normalizer.apply(std::move(text), first);
        for (const auto& part : m_added.split(Kind::Normalized, normalized, special)) {
            if (part.id >= 0) {
                ids.push_back(part.id);
                continue;
            }
            const auto rest = std::string_view(normalized.text).substr(part.begin, part.end - part.begin);
            const TextPieces split = m_preTokenizer.split(rest, first && part.begin == 0);
            for (const TextPiece& piece : split.pieces) m_model->encode(piece.text, ids);
        }
    }

    std::shared_ptr<const TextModel> m_model;
    Normalizer m_normalizer;
    AddedTokenFinder m_added;
    PreTokenizer m_preTokenizer;
    TextDecoder m_decoder;
    TokenAffixes m_affixes;
    std::int32_t m_shownUnknown;
    nlohmann::json m_frame;
    std::vector<AddedToken> m_writtenTokens;
    std::size_t m_size = 0;
    std::unordered_map<std::int32_t, const AddedToken*> m_addedById;
    std::unordered_map<std::string_view, const AddedToken*> m_addedByContent;
};

/// Whether the regular expressions come to an end on runs of one character and of words.
bool endsOnOrdinaryText(const Tokenizer& tokenizer) {
    constexpr std::size_t kRun = 64;
    std::string text;
    for (const std::string_view unit : {"a", "A", " ", "1", ".", "\n", "\xC3\xA9", "ab ", "a,"}) {
        for (std::size_t i = 0; i < kRun; ++i) text += unit;
        text += "!\t";
    }
    try {
        tokenizer.encode(text, SpecialTokens::Text);
    } catch (const std::runtime_error&) {
        return false;
    }
    return true;
}

Expected<TokenizerParts> readParts(const TokenizerSource& source) {
    if (!source.tokenizerJson.empty()) return readTokenizerJson(source.tokenizerJson);
    if (!source.tokenizerModel.empty()) return readTokenizerModel(source.tokenizerModel, source.tokenizerConfig);
    if (!source.tekkenJson.empty()) return readTekken(source.tekkenJson);
    if (source.vocabulary) return readGgufVocabulary(*source.vocabulary);
    return fail(
        ErrorKind::NotFound,
        "The model has no tokenizer: a folder needs a tokenizer.json, tokenizer.model, tekken.json, or vocab.json with "
        "merges.txt, beside its weights.",
        "tokenizer");
}

}  // namespace

Expected<std::shared_ptr<const Tokenizer>> Tokenizer::create(const TokenizerSource& source) {
    auto parts = readParts(source);
    if (!parts) {
        Error error = parts.error();
        if (!source.path.empty()) error.context = source.path + ": " + error.context;
        return fail(std::move(error));
    }
    auto tokenizer = std::make_shared<const PipelineTokenizer>(std::move(*parts));
    if (!endsOnOrdinaryText(*tokenizer)) {
        return fail(ErrorKind::BadInput,
                    "A regular expression of the tokenizer takes too long on ordinary text (it backtracks "
                    "catastrophically); correct its pattern.",
                    (source.path.empty() ? std::string() : source.path + ": ") + "tokenizer.json");
    }
    return tokenizer;
}

}  // namespace safequant
