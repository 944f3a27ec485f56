// SPDX-License-Identifier: GPL-3.0-or-later
// bench_prompts [--count N] [--prompts FILE]: near-duplicate clusters of N prompts (20000) against comparing all pairs, and the
// whole check of a file of them. The prompts are random words of the given set, a tenth of them near copies of earlier ones.
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "benchmark_support.h"
#include "core/base/random.h"
#include "core/prompts/prompt_validation.h"
#include "core/prompts/words.h"

using namespace safequant;
using namespace safequant::benchmarks;

namespace {

std::vector<std::string> makeTexts(const std::string& promptFile, std::size_t count) {
    std::vector<std::string> vocabulary;
    for (const auto& prompt : orThrow(loadPromptSet(std::vector<std::string>{promptFile})).prompts)
        for (auto& word : splitWords(prompt.text)) vocabulary.push_back(std::move(word));
    RandomStream random(1, "bench-prompts");
    std::vector<std::vector<std::string>> prompts;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) {
        auto& words = prompts.emplace_back();
        if (i > 0 && random.below(10) == 0) {
            words = prompts[random.below(i)];
            words[random.below(words.size())] = vocabulary[random.below(vocabulary.size())];
        } else {
            for (std::uint64_t k = 0; k < 8 + random.below(9); ++k) words.push_back(vocabulary[random.below(vocabulary.size())]);
        }
        std::string text;
        for (const auto& word : words) text += word + " ";
        texts.push_back(std::move(text));
    }
    return texts;
}

using Set = std::vector<std::uint32_t>;

/// Jaccard > numerator / denominator of sorted sets.
bool similar(const Set& a, const Set& b, std::size_t numerator, std::size_t denominator) {
    std::size_t common = 0;
    for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
        if (a[i] == b[j]) ++common, ++i, ++j;
        else if (a[i] < b[j]) ++i;
        else ++j;
    }
    return common * denominator > (a.size() + b.size() - common) * numerator;
}

/// The definition: every pair is compared.
std::vector<int> clustersOfAllPairs(const std::vector<std::string>& texts) {
    std::map<std::string, std::uint32_t> numbers;
    std::vector<Set> grams, content;
    std::vector<std::vector<std::string>> words;
    for (const auto& text : texts) {
        words.push_back(splitWords(text));
        const auto& list = words.back();
        std::set<std::uint32_t> triples, alone;
        const auto number = [&](const std::string& key) { return numbers.try_emplace(key, static_cast<std::uint32_t>(numbers.size())).first->second; };
        for (std::size_t k = 0; k + 2 < list.size(); ++k) triples.insert(number(list[k] + " " + list[k + 1] + " " + list[k + 2]));
        for (const auto& word : list)
            if (!isStopWord(word)) alone.insert(number(word));
        grams.emplace_back(triples.begin(), triples.end());
        content.emplace_back(alone.begin(), alone.end());
    }
    std::vector<std::size_t> parent(texts.size());
    for (std::size_t i = 0; i < parent.size(); ++i) parent[i] = i;
    const auto root = [&](std::size_t i) {
        while (parent[i] != i) i = parent[i];
        return i;
    };
    for (std::size_t i = 0; i < texts.size(); ++i)
        for (std::size_t k = 0; k < i; ++k)
            if (words[i] == words[k] || similar(grams[i], grams[k], 35, 100) || similar(content[i], content[k], 1, 2)) {
                const auto a = root(i), b = root(k);
                parent[std::max(a, b)] = std::min(a, b);
            }
    std::map<std::size_t, int> order;
    std::vector<int> clusters;
    for (std::size_t i = 0; i < texts.size(); ++i) clusters.push_back(order.try_emplace(root(i), static_cast<int>(order.size())).first->second);
    return clusters;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options(argc, argv);
        const std::size_t count = options["count"].empty() ? 20000 : std::stoul(options["count"]);
        const auto texts = makeTexts(options["prompts"], count);
        double start = now();
        const auto clusters = nearDuplicateClusters(texts);
        const double ours = now() - start;
        start = now();
        const auto expected = clustersOfAllPairs(texts);
        const double all = now() - start;
        if (clusters != expected) throw std::runtime_error("the clusters differ from those of all pairs");
        printResult("clusters of " + std::to_string(count) + " prompts, against all pairs", ours, all, "s", all / ours);

        const std::string path = std::filesystem::temp_directory_path() / "safequant-bench-prompts.csv";
        std::string content = "prompt,label\n";
        for (std::size_t i = 0; i < texts.size(); ++i) content += texts[i] + std::to_string(i) + (i % 2 == 0 ? ",benign\n" : ",malicious\n");
        orThrow(writeFileAtomically(path, content).map([] { return 0; }));
        PromptFile file;
        file.path = path;
        start = now();
        const auto report = checkPrompts({file}, {}).report;
        const double whole = now() - start;
        std::filesystem::remove(path);
        if (report.prompts != count) throw std::runtime_error("not all prompts were read");
        printResult("whole check of " + std::to_string(count) + " prompts", whole, all, "s", all / whole);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
