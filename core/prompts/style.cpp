// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/style.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <numeric>
#include <set>
#include <span>

#include "core/base/statistics.h"
#include "core/prompts/bag_of_words.h"
#include "core/prompts/words.h"

namespace safequant {
namespace {

constexpr int kFolds = 5;
constexpr std::size_t kWordsShown = 8;

char lastCharacter(std::string_view text) {
    const auto at = text.find_last_not_of(" \t\r\n");
    return at == std::string_view::npos ? ' ' : text[at];
}

bool asksByFirstWord(std::string_view text) {
    static const std::set<std::string> kQuestionWords{"how", "what", "why", "when", "where", "which", "who", "whose", "is", "are",
                                                      "can", "could", "do", "does", "did", "should", "would", "will"};
    const auto words = splitWords(text.substr(0, text.find_first_of(" \n", text.find_first_not_of(" \n"))));
    return !words.empty() && kQuestionWords.contains(words.front());
}

struct Property {
    const char* name;
    double (*of)(const std::string& text);
};
constexpr std::array kProperties{
    Property{"ends with a question mark", [](const std::string& text) { return endsWithQuestionMark(text) ? 1.0 : 0.0; }},
    Property{"ends with a full stop", [](const std::string& text) { return lastCharacter(text) == '.' ? 1.0 : 0.0; }},
    Property{"begins with a question word", [](const std::string& text) { return asksByFirstWord(text) ? 1.0 : 0.0; }},
    Property{"begins in upper case", [](const std::string& text) { return std::isupper(static_cast<unsigned char>(text.front())) != 0 ? 1.0 : 0.0; }},
    Property{"has a digit", [](const std::string& text) { return text.find_first_of("0123456789") != std::string::npos ? 1.0 : 0.0; }},
    Property{"has a quotation mark", [](const std::string& text) { return text.find('"') != std::string::npos ? 1.0 : 0.0; }},
    Property{"has a line break", [](const std::string& text) { return text.find('\n') != std::string::npos ? 1.0 : 0.0; }},
    Property{"words", [](const std::string& text) { return static_cast<double>(splitWords(text).size()); }},
};

/// Prompts of one label.
std::vector<std::size_t> ofLabel(const std::vector<Prompt>& prompts, PromptLabel label) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < prompts.size(); ++i)
        if (prompts[i].label == label) found.push_back(i);
    return found;
}

std::vector<protocol::StyleFeature> measureProperties(const std::vector<Prompt>& prompts, std::span<const std::size_t> malicious,
                                                      std::span<const std::size_t> benign) {
    std::vector<protocol::StyleFeature> features;
    for (const auto& property : kProperties) {
        std::vector<double> values;
        std::vector<bool> positive;
        protocol::StyleFeature feature{property.name, 0.0, 0.0, 0.5};
        for (const auto* sample : {&malicious, &benign}) {
            double sum = 0.0;
            for (const auto i : *sample) {
                values.push_back(property.of(prompts[i].text));
                positive.push_back(sample == &malicious);
                sum += values.back();
            }
            (sample == &malicious ? feature.malicious : feature.benign) = sum / static_cast<double>(sample->size());
        }
        feature.auc = areaUnderCurve(values, positive);
        features.push_back(std::move(feature));
    }
    std::stable_sort(features.begin(), features.end(), [](const auto& a, const auto& b) { return std::abs(a.auc - 0.5) > std::abs(b.auc - 0.5); });
    return features;
}

/// The words that move most prompts furthest to one side: weight times the number of prompts that hold them.
void findTellingWords(const WordTable& table, std::span<const std::size_t> malicious, std::span<const std::size_t> benign,
                      protocol::StyleReport& report) {
    const WordModel model(table, malicious, benign);
    std::vector<std::array<std::uint64_t, 2>> holders(table.vocabulary.size());
    const auto count = [&](std::span<const std::size_t> sample, std::size_t label) {
        for (const auto i : sample)
            for (const auto word : std::set<std::uint32_t>(table.texts[i].begin(), table.texts[i].end())) ++holders[word][label];
    };
    count(benign, 0);
    count(malicious, 1);
    const auto fewest = std::max<std::uint64_t>(3, (malicious.size() + benign.size()) / 200);
    std::vector<std::uint32_t> words;
    for (std::uint32_t word = 0; word < holders.size(); ++word)
        if (holders[word][0] + holders[word][1] >= fewest) words.push_back(word);
    const auto pull = [&](std::uint32_t word) { return model.weight(word) * static_cast<double>(holders[word][0] + holders[word][1]); };
    std::stable_sort(words.begin(), words.end(), [&](auto a, auto b) { return pull(a) > pull(b); });
    const auto take = [&](std::uint32_t word, double sign, std::vector<protocol::WordWeight>& into) {
        if (sign * model.weight(word) > 0.0 && into.size() < kWordsShown)
            into.push_back({table.vocabulary[word], model.weight(word), holders[word][1], holders[word][0]});
    };
    for (const auto word : words) take(word, 1.0, report.malicious);
    for (auto word = words.rbegin(); word != words.rend(); ++word) take(*word, -1.0, report.benign);
}

}  // namespace

bool endsWithQuestionMark(std::string_view text) { return lastCharacter(text) == '?'; }

std::vector<int> clusterFolds(const std::vector<Prompt>& prompts, int folds) {
    std::vector<std::size_t> sizes;
    for (const auto& prompt : prompts) {
        sizes.resize(std::max(sizes.size(), static_cast<std::size_t>(prompt.cluster) + 1));
        ++sizes[static_cast<std::size_t>(prompt.cluster)];
    }
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return sizes[a] > sizes[b]; });
    std::vector<std::size_t> filled(static_cast<std::size_t>(folds));
    std::vector<int> foldOfCluster(sizes.size());
    for (const auto cluster : order) {
        const auto fold = std::min_element(filled.begin(), filled.end()) - filled.begin();
        foldOfCluster[cluster] = static_cast<int>(fold);
        filled[static_cast<std::size_t>(fold)] += sizes[cluster];
    }
    std::vector<int> fold;
    for (const auto& prompt : prompts) fold.push_back(foldOfCluster[static_cast<std::size_t>(prompt.cluster)]);
    return fold;
}

PromptStyle measureStyle(const std::vector<Prompt>& prompts) {
    PromptStyle style;
    const auto malicious = ofLabel(prompts, PromptLabel::Malicious);
    const auto benign = ofLabel(prompts, PromptLabel::Benign);
    if (malicious.empty() || benign.empty()) return style;
    style.report.features = measureProperties(prompts, malicious, benign);
    std::vector<std::string> texts;
    for (const auto& prompt : prompts) texts.push_back(prompt.text);
    const auto table = numberWords(texts);
    findTellingWords(table, malicious, benign, style.report);

    const auto fold = clusterFolds(prompts, kFolds);
    std::vector<double> scores(prompts.size());
    for (int held = 0; held < kFolds; ++held) {
        std::vector<std::size_t> fitMalicious, fitBenign;
        const auto isIn = [&](std::size_t i) { return fold[i] != held; };
        std::copy_if(malicious.begin(), malicious.end(), std::back_inserter(fitMalicious), isIn);
        std::copy_if(benign.begin(), benign.end(), std::back_inserter(fitBenign), isIn);
        if (fitMalicious.empty() || fitBenign.empty()) return style;
        const WordModel model(table, fitMalicious, fitBenign);
        for (std::size_t i = 0; i < prompts.size(); ++i)
            if (fold[i] == held) scores[i] = model.logOdds(table.texts[i]);
    }
    std::uint64_t right = 0, hardRight = 0, hard = 0;
    std::vector<double> judged;
    std::vector<bool> positive;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const bool saysMalicious = scores[i] > 0.0;
        if (prompts[i].label == PromptLabel::HardBenign) {
            ++hard;
            hardRight += saysMalicious ? 0 : 1;
            continue;
        }
        const bool isMalicious = prompts[i].label == PromptLabel::Malicious;
        right += saysMalicious == isMalicious ? 1 : 0;
        judged.push_back(scores[i]);
        positive.push_back(isMalicious);
    }
    style.report.folds = kFolds;
    style.report.accuracy = rateOf(right, judged.size());
    style.report.auc = areaUnderCurve(judged, positive);
    style.report.majority = static_cast<double>(std::max(malicious.size(), benign.size())) / static_cast<double>(judged.size());
    style.report.hardBenign = rateOf(hardRight, hard);
    style.heldOut = std::move(scores);
    return style;
}

}  // namespace safequant
