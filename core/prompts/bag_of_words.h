// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace safequant {

/// Texts as numbers of their words (splitWords), in order.
struct WordTable {
    std::vector<std::string> vocabulary;
    std::vector<std::vector<std::uint32_t>> texts;
};
WordTable numberWords(const std::vector<std::string>& texts);

/// Multinomial naive Bayes on words, Laplace 1, classes weighted by their number of texts.
class WordModel {
public:
    /// Fitted on the texts of both lists, none of which may be empty (std::invalid_argument).
    WordModel(const WordTable& table, std::span<const std::size_t> malicious, std::span<const std::size_t> benign);

    /// Log-odds of malicious; words not seen in fitting count for nothing.
    double logOdds(std::span<const std::uint32_t> text) const;
    /// What one occurrence of a word adds.
    double weight(std::uint32_t word) const { return m_weights[word]; }

private:
    double m_prior = 0.0;
    std::vector<double> m_weights;
};

}  // namespace safequant
