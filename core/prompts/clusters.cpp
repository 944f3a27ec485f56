// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/prompts/prompt_set.h"
#include "core/prompts/words.h"

namespace safequant {
namespace {

using Features = std::vector<std::uint32_t>;

class Partition {
public:
    explicit Partition(std::size_t size) : m_parent(size) { std::iota(m_parent.begin(), m_parent.end(), std::size_t{0}); }

    std::size_t root(std::size_t item) {
        while (m_parent[item] != item) {
            m_parent[item] = m_parent[m_parent[item]];
            item = m_parent[item];
        }
        return item;
    }
    void join(std::size_t a, std::size_t b) {
        a = root(a);
        b = root(b);
        m_parent[std::max(a, b)] = std::min(a, b);
    }

private:
    std::vector<std::size_t> m_parent;
};

/// Turns sets of strings into sorted sets of numbers that ascend with the number of sets holding them, so that the first
/// features of a set are its rarest.
std::vector<Features> numberByRarity(const std::vector<std::vector<std::string>>& sets) {
    std::unordered_map<std::string, std::uint32_t> numbers;
    std::vector<std::uint32_t> holders;
    std::vector<Features> features(sets.size());
    for (std::size_t i = 0; i < sets.size(); ++i) {
        for (const auto& text : sets[i]) {
            const auto [entry, isNew] = numbers.try_emplace(text, static_cast<std::uint32_t>(holders.size()));
            if (isNew) holders.push_back(0);
            features[i].push_back(entry->second);
        }
        std::sort(features[i].begin(), features[i].end());
        features[i].erase(std::unique(features[i].begin(), features[i].end()), features[i].end());
        for (const auto f : features[i]) ++holders[f];
    }
    std::vector<std::uint32_t> order(holders.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return holders[a] < holders[b]; });
    std::vector<std::uint32_t> rank(order.size());
    for (std::uint32_t r = 0; r < order.size(); ++r) rank[order[r]] = r;
    for (auto& set : features) {
        for (auto& f : set) f = rank[f];
        std::sort(set.begin(), set.end());
    }
    return features;
}

/// |a and b| * denominator > |a or b| * numerator, that is Jaccard > numerator / denominator.
bool jaccardAbove(const Features& a, const Features& b, std::size_t numerator, std::size_t denominator) {
    std::size_t common = 0;
    for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
        if (a[i] == b[j]) {
            ++common, ++i, ++j;
        } else if (a[i] < b[j]) {
            ++i;
        } else {
            ++j;
        }
    }
    return common * denominator > (a.size() + b.size() - common) * numerator;
}

/// Joins all pairs of sets whose Jaccard similarity exceeds numerator / denominator. Two such sets share a feature among the
/// first |x| - ceil(t |x|) + 1 of each (prefix filter), so only rare features are indexed.
void joinSimilar(const std::vector<Features>& sets, std::size_t numerator, std::size_t denominator, Partition& partition) {
    std::uint32_t features = 0;
    for (const auto& set : sets)
        if (!set.empty()) features = std::max(features, set.back() + 1);
    std::vector<std::vector<std::uint32_t>> index(features);
    std::vector<std::size_t> lastSeen(sets.size(), sets.size());
    for (std::size_t i = 0; i < sets.size(); ++i) {
        const auto& set = sets[i];
        if (set.empty()) continue;
        const std::size_t prefix = set.size() - (set.size() * numerator + denominator - 1) / denominator + 1;
        for (std::size_t k = 0; k < prefix; ++k) {
            for (const auto j : index[set[k]]) {
                if (lastSeen[j] == i) continue;
                lastSeen[j] = i;
                const auto& other = sets[j];
                const auto [small, large] = std::minmax({set.size(), other.size()});
                if (small * denominator <= large * numerator) continue;
                if (partition.root(i) == partition.root(j)) continue;
                if (jaccardAbove(set, other, numerator, denominator)) partition.join(i, j);
            }
            index[set[k]].push_back(static_cast<std::uint32_t>(i));
        }
    }
}

}  // namespace

std::vector<int> nearDuplicateClusters(const std::vector<std::string>& texts) {
    Partition partition(texts.size());
    // Texts of the same words are joined at once and only the first of them compared with others.
    std::unordered_map<std::string, std::size_t> firstWithWords;
    std::vector<std::size_t> distinct;
    std::vector<std::vector<std::string>> trigrams;
    std::vector<std::vector<std::string>> contentWords;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto words = splitWords(texts[i]);
        std::string joined;
        for (const auto& word : words) joined.append(word).push_back(' ');
        const auto [entry, isNew] = firstWithWords.try_emplace(joined, i);
        if (!isNew) {
            partition.join(entry->second, i);
            continue;
        }
        distinct.push_back(i);
        auto& grams = trigrams.emplace_back();
        for (std::size_t k = 0; k + 2 < words.size(); ++k) grams.push_back(words[k] + ' ' + words[k + 1] + ' ' + words[k + 2]);
        auto& content = contentWords.emplace_back();
        std::copy_if(words.begin(), words.end(), std::back_inserter(content), [](const auto& w) { return !isStopWord(w); });
    }
    Partition ofDistinct(distinct.size());
    joinSimilar(numberByRarity(trigrams), 35, 100, ofDistinct);
    joinSimilar(numberByRarity(contentWords), 1, 2, ofDistinct);
    for (std::size_t k = 0; k < distinct.size(); ++k) partition.join(distinct[ofDistinct.root(k)], distinct[k]);

    std::vector<int> clusters(texts.size());
    std::unordered_map<std::size_t, int> numbers;
    for (std::size_t i = 0; i < texts.size(); ++i)
        clusters[i] = numbers.try_emplace(partition.root(i), static_cast<int>(numbers.size())).first->second;
    return clusters;
}

}  // namespace safequant
