// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/added_tokens.h"

#include <algorithm>
#include <functional>

#include "core/base/utf8.h"
#include "core/text/unicode.h"

namespace safequant {

namespace {

std::size_t codePointBefore(std::string_view text, std::size_t at) {
    do --at;
    while (at > 0 && isContinuationByte(text[at]));
    return at;
}

bool wordEndsAt(std::string_view text, std::size_t begin, std::size_t at) {
    if (at == begin) return false;
    std::size_t i = codePointBefore(text, at);
    return isWordCharacter(nextCodePoint(text, i));
}

bool wordStartsAt(std::string_view text, std::size_t at, std::size_t end) {
    return at < end && isWordCharacter(nextCodePoint(text, at));
}

std::size_t withoutTrailingSpace(std::string_view text, std::size_t begin, std::size_t at) {
    while (at > begin) {
        const std::size_t previous = codePointBefore(text, at);
        std::size_t i = previous;
        if (!isWhiteSpace(nextCodePoint(text, i))) break;
        at = previous;
    }
    return at;
}

std::size_t behindSpace(std::string_view text, std::size_t at, std::size_t end) {
    while (at < end) {
        std::size_t next = at;
        if (!isWhiteSpace(nextCodePoint(text, next))) break;
        at = next;
    }
    return at;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens, const Normalizer& normalizer)
    : m_tokens(std::move(tokens)) {
    for (std::size_t i = 0; i < m_tokens.size(); ++i) {
        Index& index = m_tokens[i].normalized ? m_normalized : m_plain;
        const std::string content =
            m_tokens[i].normalized ? normalizer.apply({m_tokens[i].content, {}}, true).text : m_tokens[i].content;
        if (content.empty() || !index.byContent.emplace(content, i).second) continue;
        auto& lengths = index.lengths[static_cast<unsigned char>(content[0])];
        if (std::find(lengths.begin(), lengths.end(), content.size()) == lengths.end())
            lengths.push_back(content.size());
    }
    for (Index* index : {&m_plain, &m_normalized}) {
        for (auto& lengths : index->lengths) std::sort(lengths.begin(), lengths.end(), std::greater<>());
    }
}

std::vector<AddedTokenFinder::Part> AddedTokenFinder::split(Kind kind, const MarkedText& marked,
                                                            SpecialTokens special) const {
    const Index& index = kind == Kind::Plain ? m_plain : m_normalized;
    const std::string_view text = marked.text;
    std::vector<Part> out;
    std::size_t covered = 0;
    std::size_t at = 0;
    while (at < text.size() && !index.byContent.empty()) {
        std::size_t next = at + 1;
        for (const std::size_t length : index.lengths[static_cast<unsigned char>(text[at])]) {
            if (length > text.size() - at) continue;
            const auto it = index.byContent.find(text.substr(at, length));
            if (it == index.byContent.end()) continue;
            const AddedToken& token = m_tokens[it->second];
            std::size_t begin = at;
            std::size_t end = at + length;
            if (token.special && marked.touchesContent(begin, end)) continue;
            next = end;
            const bool insideWord =
                token.singleWord && (wordEndsAt(text, 0, begin) || wordStartsAt(text, end, text.size()));
            if ((token.special && special == SpecialTokens::Text) || insideWord) break;
            if (token.leftStrip) begin = withoutTrailingSpace(text, 0, begin);
            if (token.rightStrip) end = behindSpace(text, end, text.size());
            begin = std::max(begin, covered);
            if (covered < begin) out.push_back({covered, begin, -1});
            out.push_back({begin, end, token.id});
            covered = std::max(covered, end);
            break;
        }
        at = next;
    }
    if (covered < text.size()) out.push_back({covered, text.size(), -1});
    return out;
}

}  // namespace safequant
