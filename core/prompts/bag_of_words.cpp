// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/bag_of_words.h"

#include <array>
#include <cmath>
#include <stdexcept>
#include <unordered_map>

#include "core/prompts/prompt_set.h"
#include "core/prompts/words.h"

namespace safequant {

WordTable numberWords(const std::vector<std::string>& texts) {
    WordTable table;
    std::unordered_map<std::string, std::uint32_t> numbers;
    table.texts.reserve(texts.size());
    for (const auto& text : texts) {
        auto& words = table.texts.emplace_back();
        for (auto& word : splitWords(text)) {
            const auto [entry, isNew] = numbers.try_emplace(word, static_cast<std::uint32_t>(numbers.size()));
            if (isNew) table.vocabulary.push_back(std::move(word));
            words.push_back(entry->second);
        }
    }
    return table;
}

WordModel::WordModel(const WordTable& table, std::span<const std::size_t> malicious, std::span<const std::size_t> benign)
    : m_weights(table.vocabulary.size()) {
    if (malicious.empty() || benign.empty())
        throw std::invalid_argument("[WordModel] got " + std::to_string(malicious.size()) + " malicious and " +
                                    std::to_string(benign.size()) + " benign prompts, need at least one of each");
    std::vector<std::array<double, 2>> counts(table.vocabulary.size());
    std::array<double, 2> totals{};
    const auto count = [&](std::span<const std::size_t> sample, std::size_t label) {
        for (const auto i : sample) {
            for (const auto word : table.texts.at(i)) counts[word][label] += 1.0;
            totals[label] += static_cast<double>(table.texts[i].size());
        }
    };
    count(benign, 0);
    count(malicious, 1);
    double seen = 0.0;
    for (const auto& word : counts) seen += word[0] + word[1] > 0.0 ? 1.0 : 0.0;
    m_prior = std::log(static_cast<double>(malicious.size())) - std::log(static_cast<double>(benign.size()));
    const double rest = std::log(totals[1] + seen) - std::log(totals[0] + seen);
    for (std::size_t word = 0; word < counts.size(); ++word)
        if (counts[word][0] + counts[word][1] > 0.0)
            m_weights[word] = std::log(counts[word][1] + 1.0) - std::log(counts[word][0] + 1.0) - rest;
}

double WordModel::logOdds(std::span<const std::uint32_t> text) const {
    double score = m_prior;
    for (const auto word : text) score += m_weights[word];
    return score;
}

std::vector<double> bagOfWordsScores(const PromptSet& set, const std::vector<std::size_t>& malicious,
                                     const std::vector<std::size_t>& benign) {
    std::vector<std::string> texts;
    texts.reserve(set.prompts.size());
    for (const auto& prompt : set.prompts) texts.push_back(prompt.text);
    const auto table = numberWords(texts);
    const WordModel model(table, malicious, benign);
    std::vector<double> scores;
    scores.reserve(table.texts.size());
    for (const auto& text : table.texts) scores.push_back(model.logOdds(text));
    return scores;
}

}  // namespace safequant
