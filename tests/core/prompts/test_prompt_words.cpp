// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/random.h"
#include "core/prompts/prompt_set.h"
#include "core/prompts/words.h"

using namespace safequant;

Q_DECLARE_METATYPE(std::vector<std::string>)

class TestPromptWords : public QObject {
    Q_OBJECT

private slots:
    void words_data();
    void words();
    void stopWords();
    void clustersByHand();
    void clusterThresholds();
    void singleLinkage();
    void clustersAgreeWithAllPairs();
    void bundledPrompts();
    void tenThousandPrompts();
};

namespace {

double jaccard(const std::set<std::string>& a, const std::set<std::string>& b) {
    std::vector<std::string> common;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
    const auto all = static_cast<double>(a.size() + b.size() - common.size());
    return all == 0.0 ? 0.0 : static_cast<double>(common.size()) / all;
}

/// The definition, pair by pair.
std::vector<int> clustersOfAllPairs(const std::vector<std::string>& texts) {
    std::vector<std::set<std::string>> grams(texts.size());
    std::vector<std::set<std::string>> content(texts.size());
    std::vector<std::vector<std::string>> words;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        words.push_back(splitWords(texts[i]));
        for (std::size_t k = 0; k + 2 < words[i].size(); ++k) grams[i].insert(words[i][k] + " " + words[i][k + 1] + " " + words[i][k + 2]);
        for (const auto& w : words[i])
            if (!isStopWord(w)) content[i].insert(w);
    }
    std::vector<int> cluster(texts.size(), -1);
    int next = 0;
    for (std::size_t first = 0; first < texts.size(); ++first) {
        if (cluster[first] >= 0) continue;
        std::vector<std::size_t> open{first};
        cluster[first] = next;
        while (!open.empty()) {
            const std::size_t i = open.back();
            open.pop_back();
            for (std::size_t j = 0; j < texts.size(); ++j) {
                if (cluster[j] >= 0) continue;
                if (words[i] != words[j] && jaccard(grams[i], grams[j]) <= 0.35 && jaccard(content[i], content[j]) <= 0.5) continue;
                cluster[j] = next;
                open.push_back(j);
            }
        }
        ++next;
    }
    return cluster;
}

std::vector<std::string> bundledTexts(const std::string& label) {
    std::ifstream file(std::string(SAFEQUANT_SOURCE_DIR) + "/resources/prompts/default.jsonl");
    std::vector<std::string> texts;
    for (std::string line; std::getline(file, line);) {
        const auto row = nlohmann::json::parse(line);
        if (label.empty() || row["label"] == label) texts.push_back(row["prompt"]);
    }
    return texts;
}

}  // namespace

void TestPromptWords::words_data() {
    QTest::addColumn<std::string>("text");
    QTest::addColumn<std::vector<std::string>>("expected");
    using Words = std::vector<std::string>;
    QTest::newRow("plain") << std::string("Write a Story.") << Words{"write", "a", "story"};
    QTest::newRow("nothing") << std::string(" ,.-!") << Words{};
    QTest::newRow("empty") << std::string() << Words{};
    QTest::newRow("apostrophes") << std::string("Don't 'quote' it's x' end'") << Words{"dont", "quote", "its", "x", "end"};
    QTest::newRow("curly apostrophe") << std::string("don\u2019t") << Words{"dont"};
    QTest::newRow("hyphens and digits") << std::string("step-by-step 3D_model") << Words{"step", "by", "step", "3d", "model"};
    QTest::newRow("accents") << std::string("caf\u00e9 na\u00efve") << Words{"caf\u00e9", "na\u00efve"};
    QTest::newRow("dashes and spaces of other kinds") << std::string("a\u2014b\u00a0c\u3000d") << Words{"a", "b", "c", "d"};
    QTest::newRow("unspaced script") << std::string("\u4f60\u597d\uff0cok") << Words{"\u4f60", "\u597d", "ok"};
    QTest::newRow("ill-formed") << std::string("ab\xff" "cd\xe2\x82") << Words{"ab", "cd"};
}

void TestPromptWords::words() {
    QFETCH(std::string, text);
    QFETCH(std::vector<std::string>, expected);
    QVERIFY2(splitWords(text) == expected, nlohmann::json(splitWords(text)).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).c_str());
}

void TestPromptWords::stopWords() {
    for (const char* word : {"a", "all", "for", "he", "its", "she", "should", "so", "the", "would", "you", "your"}) QVERIFY2(isStopWord(word), word);
    for (const char* word : {"", "write", "zebra", "b", "story", "theory"}) QVERIFY2(!isStopWord(word), word);
}

void TestPromptWords::clustersByHand() {
    const std::vector<std::string> texts{
        "Describe how bread is baked in a wood oven",  "Explain the orbit of the moon",
        "Describe how bread is baked in a clay oven",  "Name three rivers",
        "describe how BREAD is baked, in a wood oven!", "How?",
        "how",
    };
    QVERIFY(nearDuplicateClusters(texts) == (std::vector<int>{0, 1, 0, 2, 0, 3, 3}));
    QVERIFY(nearDuplicateClusters({}).empty());
    QVERIFY(nearDuplicateClusters({"?!", "", "..."}) == (std::vector<int>{0, 0, 0}));
}

void TestPromptWords::clusterThresholds() {
    // Content words: 1 of 2 in common is not above one half, 2 of 3 is.
    QVERIFY(nearDuplicateClusters({"apple", "apple pear"}) == (std::vector<int>{0, 1}));
    QVERIFY(nearDuplicateClusters({"apple pear", "pear plum apple"}) == (std::vector<int>{0, 0}));
    // Stop words alone: the 3-grams decide.
    QVERIFY(nearDuplicateClusters({"of the and to in on at", "of the and to by or as"}) == (std::vector<int>{0, 1}));  // 2 of 8
    QVERIFY(nearDuplicateClusters({"of the and to in on at", "of the and to in on or"}) == (std::vector<int>{0, 0}));  // 4 of 6
}

void TestPromptWords::singleLinkage() {
    const std::vector<std::string> chain{"red green blue", "green blue gold", "blue gold grey", "unrelated words altogether"};
    QVERIFY(nearDuplicateClusters(chain) == (std::vector<int>{0, 1, 2, 3}));  // 2 of 4 in common: not above one half.
    const std::vector<std::string> longer{"red green blue gold", "green blue gold grey", "blue gold grey pink", "unrelated words altogether"};
    QVERIFY(nearDuplicateClusters(longer) == (std::vector<int>{0, 0, 0, 1}));
}

void TestPromptWords::clustersAgreeWithAllPairs() {
    QVERIFY(nearDuplicateClusters(bundledTexts("malicious")) == clustersOfAllPairs(bundledTexts("malicious")));
    RandomStream random(4, "test-clusters");
    const std::vector<std::string> vocabulary{"sun", "moon", "star", "the", "of", "sea", "wind", "rain", "and", "snow", "tree", "leaf"};
    for (int round = 0; round < 20; ++round) {
        std::vector<std::string> texts;
        for (int i = 0; i < 60; ++i) {
            std::string text;
            for (std::uint64_t k = 0; k < 2 + random.below(9); ++k) text += vocabulary[random.below(vocabulary.size())] + " ";
            texts.push_back(text);
        }
        QVERIFY(nearDuplicateClusters(texts) == clustersOfAllPairs(texts));
    }
}

/// The set's own notes count 314 clusters with another list of stop words; ours gives 321, and 3 pairs that theirs keeps apart.
void TestPromptWords::bundledPrompts() {
    const auto clusters = nearDuplicateClusters(bundledTexts("malicious"));
    QCOMPARE(clusters.size(), std::size_t{520});
    std::map<int, int> sizes;
    for (const int c : clusters) ++sizes[c];
    QCOMPARE(sizes.size(), std::size_t{321});
    int largest = 0;
    for (const auto& [cluster, size] : sizes) largest = std::max(largest, size);
    QCOMPARE(largest, 132);
}

void TestPromptWords::tenThousandPrompts() {
    std::vector<std::string> vocabulary;
    for (const auto& text : bundledTexts(""))
        for (auto& word : splitWords(text)) vocabulary.push_back(std::move(word));
    RandomStream random(1, "test-many");
    std::vector<std::string> texts;
    for (int i = 0; i < 10000; ++i) {
        std::string text;
        for (int k = 0; k < 12; ++k) text += vocabulary[random.below(vocabulary.size())] + " ";
        texts.push_back(std::move(text));
    }
    QElapsedTimer timer;
    timer.start();
    const auto clusters = nearDuplicateClusters(texts);
    // 0.2 s on one core of 2026; all pairs would take minutes.
    QVERIFY2(timer.elapsed() < 5000, qPrintable(QString::number(timer.elapsed())));
    QCOMPARE(clusters.size(), std::size_t{10000});
}

QTEST_GUILESS_MAIN(TestPromptWords)
#include "test_prompt_words.moc"
