// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/prompt_reading.h"

#include <algorithm>
#include <array>

namespace safequant {
namespace {

/// Tokens decoded together with one, so that what a decoder does at a text's beginning does not fall on it.
constexpr std::size_t kBefore = 8;
/// Prompts that share neither their first nor their last character with each other.
constexpr std::array<const char*, 2> kOthers{"7", "q"};

/// The text that a token adds to those before it; its name in the vocabulary where it is no whole character.
std::string textOf(const Tokenizer& tokenizer, std::span<const std::int32_t> ids, std::size_t at) {
    if (tokenizer.isSpecial(ids[at])) return tokenizer.tokenText(ids[at]);
    const std::size_t from = at > kBefore ? at - kBefore : 0;
    const std::string before = tokenizer.decode(ids.subspan(from, at - from), false);
    const std::string with = tokenizer.decode(ids.subspan(from, at - from + 1), false);
    if (with.size() <= before.size() || !with.starts_with(before) || with.find("\xEF\xBF\xBD", before.size()) != std::string::npos)
        return tokenizer.tokenText(ids[at]);
    return with.substr(before.size());
}

}  // namespace

Expected<protocol::PromptReading> readPrompt(const ChatFormat& format, const std::string& prompt) {
    const auto ids = format.encodePrompt(prompt);
    if (!ids) return fail(ids.error());
    std::size_t first = ids->size(), behind = ids->size();
    for (const char* other : kOthers) {
        const auto others = format.encodePrompt(other);
        if (!others) return fail(others.error());
        first = std::min<std::size_t>(first, static_cast<std::size_t>(std::mismatch(ids->begin(), ids->end(), others->begin(), others->end()).first - ids->begin()));
        behind = std::min<std::size_t>(behind, static_cast<std::size_t>(std::mismatch(ids->rbegin(), ids->rend(), others->rbegin(), others->rend()).first - ids->rbegin()));
    }
    protocol::PromptReading reading;
    reading.hasTemplate = format.chatTemplate != nullptr;
    reading.first = static_cast<int>(first);
    reading.end = static_cast<int>(std::max(first, ids->size() - behind));
    for (std::size_t i = 0; i < ids->size(); ++i) reading.tokens.push_back({(*ids)[i], textOf(*format.tokenizer, *ids, i), format.tokenizer->isSpecial((*ids)[i])});
    return reading;
}

}  // namespace safequant
