// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/words.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/base/utf8.h"

namespace safequant {
namespace {

constexpr char32_t kIllFormed = 0xFFFFFFFF;

struct Character {
    char32_t code = kIllFormed;
    std::size_t length = 1;
};

Character decode(std::string_view text, std::size_t at) {
    const Utf8Sequence sequence = utf8SequenceAt(text, at);
    if (!sequence.wellFormed) return {kIllFormed, sequence.length};
    std::size_t begin = at;
    return {nextCodePoint(text, begin), sequence.length};
}

bool isSeparator(char32_t code) {
    if (code < 0x80) return !((code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z'));
    return code == kIllFormed || (code >= 0x80 && code <= 0xBF && code != 0xAA && code != 0xB5 && code != 0xBA) ||
           code == 0xD7 || code == 0xF7 || (code >= 0x2000 && code <= 0x206F) || (code >= 0x2E00 && code <= 0x2E7F) ||
           (code >= 0x3000 && code <= 0x3004) || (code >= 0x3008 && code <= 0x3020) || (code >= 0xFF00 && code <= 0xFF0F) ||
           (code >= 0xFF1A && code <= 0xFF20) || code == 0xFEFF;
}

bool isApostrophe(char32_t code) { return code == '\'' || code == 0x2019; }

}  // namespace

std::string asciiLower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

std::vector<std::string> splitWords(std::string_view text) {
    constexpr char32_t kFirstUnspacedScript = 0x2E80;
    std::vector<std::string> words;
    std::string word;
    const auto finish = [&] {
        if (!word.empty()) words.push_back(std::move(word));
        word.clear();
    };
    for (std::size_t at = 0; at < text.size();) {
        const Character c = decode(text, at);
        const std::string_view bytes = text.substr(at, c.length);
        at += c.length;
        if (isApostrophe(c.code) && !word.empty() && at < text.size() && !isSeparator(decode(text, at).code)) continue;
        if (isSeparator(c.code)) {
            finish();
        } else if (c.code >= kFirstUnspacedScript && c.code < 0x1F000) {
            finish();
            words.emplace_back(bytes);
        } else if (c.code >= 'A' && c.code <= 'Z') {
            word += static_cast<char>(c.code - 'A' + 'a');
        } else {
            word += bytes;
        }
    }
    finish();
    return words;
}

bool isStopWord(std::string_view word) {
    static constexpr auto kStopWords = std::to_array<std::string_view>({
        "a",    "about", "all",   "an",    "and",   "any",  "are",   "as",   "at",    "be",   "but",   "by",    "can",
        "could", "did",  "do",    "does",  "for",   "from", "had",   "has",  "have",  "he",   "her",   "his",   "how",
        "i",    "if",    "in",    "into",  "is",    "it",   "its",   "may",  "me",    "might", "my",   "not",   "of",
        "on",   "only",  "or",    "our",   "out",   "over", "she",   "should", "so",  "some", "such",  "than",  "that",
        "the",  "their", "them",  "then",  "they",  "this", "to",    "up",   "us",    "was",  "we",    "were",  "what",
        "which", "who",  "will",  "with",  "without", "would", "you", "your",
    });
    return std::binary_search(kStopWords.begin(), kStopWords.end(), word);
}

}  // namespace safequant
