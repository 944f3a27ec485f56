// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "core/base/hash.h"
#include "core/prompts/prompt_set.h"

using namespace safequant;

class TestPromptSet : public QObject {
    Q_OBJECT

private slots:
    void readsEveryField();
    void defaultsAndAliases();
    void bomAndCarriageReturns();
    void bundledSet();
    void brokenLines_data();
    void brokenLines();
    void allBrokenLinesAreTold();
    void onlyTwentyAreTold();
    void idsAreMade();
    void sameTextIsNoticed();
    void oneTextHasOneLabel();
    void splitRatioAndStrata();
    void splitAgainDealsEverythingOut();
    void straddlingClusterIsNoticed();
    void unsplitPromptsAreHalvedByClusters();
    void unsplitFollowTheirCluster();
    void hashCoversWhatMatters();
    void filesAreJoined();
    void fileErrors();
};

namespace {

const char* const kValid = R"({"id": "a", "prompt": "Name a river", "label": "benign"})";

PromptSet parsed(const std::string& content, std::uint64_t seed = 0) {
    auto set = parsePromptSet(content, "set.jsonl", seed);
    if (!set) qFatal("%s", set.error().describe().c_str());
    return std::move(*set);
}

}  // namespace

void TestPromptSet::readsEveryField() {
    const auto set = parsed(R"({"id":"m-1","prompt":"Say \"x\"\n\u00e9","label":"hard_benign","category":"c","source":"s","split":"evaluation","weight":2,"tags":["t"]})");
    QCOMPARE(set.name, std::string("set.jsonl"));
    QCOMPARE(set.prompts.size(), std::size_t{1});
    const auto& prompt = set.prompts[0];
    QCOMPARE(prompt.id, std::string("m-1"));
    QCOMPARE(prompt.text, std::string("Say \"x\"\n\xC3\xA9"));
    QVERIFY(prompt.label == PromptLabel::HardBenign);
    QVERIFY(prompt.split == PromptSplit::Evaluation);
    QCOMPARE(prompt.category, std::string("c"));
    QCOMPARE(prompt.source, std::string("s"));
    QCOMPARE(prompt.cluster, 0);
    QVERIFY(set.indices(PromptLabel::HardBenign, PromptSplit::Evaluation) == std::vector<std::size_t>{0});
    QVERIFY(set.indices(PromptLabel::HardBenign, PromptSplit::Calibration).empty());
}

void TestPromptSet::defaultsAndAliases() {
    const auto set = parsed(R"({"text":" padded ","label":"malicious","id":7,"category":null,"split":null})");
    QCOMPARE(set.prompts[0].text, std::string(" padded "));
    QCOMPARE(set.prompts[0].id, std::string("7"));
    QVERIFY(set.prompts[0].category.empty());
}

void TestPromptSet::bomAndCarriageReturns() {
    const std::string plain = std::string(kValid) + "\n\n" + R"({"id":"b","prompt":"Name a lake","label":"malicious"})";
    const std::string windows = "\xEF\xBB\xBF" + std::string(kValid) + "\r\n  \r\n" + R"({"id":"b","prompt":"Name a lake","label":"malicious"})" + "\r\n";
    QCOMPARE(parsed(windows).prompts.size(), std::size_t{2});
    QCOMPARE(parsed(windows).hash, parsed(plain).hash);
}

void TestPromptSet::bundledSet() {
    const auto set = loadPromptSet({std::string(SAFEQUANT_SOURCE_DIR) + "/resources/prompts/default.jsonl"});
    QVERIFY(set.has_value());
    QCOMPARE(set->name, std::string("default"));
    QCOMPARE(set->prompts.size(), std::size_t{1140});
    QCOMPARE(set->indices(PromptLabel::Malicious, PromptSplit::Calibration).size(), std::size_t{260});
    QCOMPARE(set->indices(PromptLabel::Benign, PromptSplit::Calibration).size(), std::size_t{260});
    QCOMPARE(set->indices(PromptLabel::HardBenign, PromptSplit::Calibration).size(), std::size_t{50});
    QCOMPARE(set->indices(PromptLabel::Malicious, PromptSplit::Evaluation).size(), std::size_t{260});
    QCOMPARE(set->hash.size(), std::size_t{64});
    QVERIFY(set->notices.empty());
    QVERIFY(set->overlaps.empty());
}

void TestPromptSet::brokenLines_data() {
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<QString>("says");
    QTest::newRow("not JSON") << QByteArray("prompt,label") << "not valid JSON";
    QTest::newRow("cut off") << QByteArray(R"({"prompt": "x", "label": "ben)") << "not valid JSON";
    QTest::newRow("an array") << QByteArray(R"(["x", "benign"])") << "not a JSON object";
    QTest::newRow("a number") << QByteArray("17") << "not a JSON object";
    QTest::newRow("two objects") << QByteArray(R"({"prompt":"x","label":"benign"} {})") << "not valid JSON";
    QTest::newRow("lone surrogate") << QByteArray(R"({"prompt":"\ud800","label":"benign"})") << "not valid JSON";
    QTest::newRow("latin-1") << QByteArray("{\"prompt\":\"caf\xE9\",\"label\":\"benign\"}") << "UTF-8";
    QTest::newRow("UTF-16") << QByteArray("\xFF\xFE{\0\"\0", 6) << "UTF-8";
    QTest::newRow("no prompt") << QByteArray(R"({"label":"benign"})") << "no \"prompt\"";
    QTest::newRow("empty prompt") << QByteArray(R"({"prompt":" \n\t","label":"benign"})") << "is empty";
    QTest::newRow("empty text") << QByteArray(R"({"text":"","label":"benign"})") << "\"text\" is empty";
    QTest::newRow("null prompt") << QByteArray(R"({"prompt":null,"label":"benign"})") << "is empty";
    QTest::newRow("prompt a list") << QByteArray(R"({"prompt":["x"],"label":"benign"})") << "not a string";
    QTest::newRow("NUL") << QByteArray(R"({"prompt":"a\u0000b","label":"benign"})") << "NUL";
    QTest::newRow("no label") << QByteArray(R"({"prompt":"x"})") << "no \"label\"";
    QTest::newRow("unknown label") << QByteArray(R"({"prompt":"x","label":"harmful"})") << "unknown label \"harmful\"";
    QTest::newRow("label in capitals") << QByteArray(R"({"prompt":"x","label":"Benign"})") << "unknown label";
    QTest::newRow("label a number") << QByteArray(R"({"prompt":"x","label":1})") << "unknown label 1";
    QTest::newRow("unknown split") << QByteArray(R"({"prompt":"x","label":"benign","split":"test"})") << "unknown split \"test\"";
    QTest::newRow("category a number") << QByteArray(R"({"prompt":"x","label":"benign","category":3})") << "\"category\" is 3";
    QTest::newRow("id an object") << QByteArray(R"({"prompt":"x","label":"benign","id":{}})") << "\"id\" is {}";
    QTest::newRow("id twice") << QByteArray(R"({"prompt":"x","label":"benign","id":"a"})") << "set.jsonl:1; ids must be unique";
}

void TestPromptSet::brokenLines() {
    QFETCH(QByteArray, line);
    QFETCH(QString, says);
    const auto set = parsePromptSet(std::string(kValid) + "\n\n" + line.toStdString() + "\n", "set.jsonl");
    QVERIFY(!set);
    QCOMPARE(set.error().kind, ErrorKind::BadInput);
    const auto message = QString::fromStdString(set.error().message);
    QVERIFY2(message.contains("set.jsonl:3: "), qPrintable(message));
    QVERIFY2(message.contains(says), qPrintable(message));
    QVERIFY(message.startsWith("One line"));
}

void TestPromptSet::allBrokenLinesAreTold() {
    const auto set = parsePromptSet("x\n" + std::string(kValid) + "\n{}\n" + kValid + "\n", "f");
    QVERIFY(!set);
    const auto message = QString::fromStdString(set.error().message);
    QVERIFY(message.startsWith("3 lines cannot be used:"));
    for (const char* place : {"f:1: ", "f:3: ", "f:4: "}) QVERIFY(message.contains(place));
    QVERIFY(!message.contains("f:2: "));
    for (const char* nothing : {"", "\n \n", "\xEF\xBB\xBF"}) {
        const auto empty = parsePromptSet(nothing, "f");
        QVERIFY(!empty);
        QCOMPARE(empty.error().kind, ErrorKind::BadInput);
    }
}

void TestPromptSet::onlyTwentyAreTold() {
    std::string content;
    for (int i = 0; i < 35; ++i) content += "{}\n";
    const auto set = parsePromptSet(content, "f");
    QVERIFY(!set);
    const auto message = QString::fromStdString(set.error().message);
    QVERIFY(message.startsWith("35 lines"));
    QVERIFY(message.contains("f:20: "));
    QVERIFY(!message.contains("f:21: "));
    QVERIFY(message.endsWith("and 15 more"));
}

void TestPromptSet::idsAreMade() {
    const std::string line = R"({"prompt":"Name a river","label":"benign","split":"evaluation"})";
    const auto set = parsed(line + "\n" + line + "\n");
    QCOMPARE(set.prompts[0].id, sha256Hex("Name a river").substr(0, 16));
    QCOMPARE(set.prompts[1].id, set.prompts[0].id + "-2");
    QVERIFY(QString::fromStdString(set.notices.at(0).message).startsWith("2 prompts had no id"));
}

void TestPromptSet::sameTextIsNoticed() {
    const auto set = parsed(std::string(kValid) + "\n" + R"({"id":"b","prompt":"Name a river","label":"benign"})");
    QCOMPARE(set.notices.size(), std::size_t{1});
    QCOMPARE(set.notices[0].line, 2);
    QCOMPARE(set.notices[0].file, std::string("set.jsonl"));
    QVERIFY(QString::fromStdString(set.notices[0].message).contains("same text as \"a\" (set.jsonl:1)"));
    QCOMPARE(set.prompts[0].cluster, set.prompts[1].cluster);
}

void TestPromptSet::oneTextHasOneLabel() {
    const auto set = parsePromptSet(std::string(kValid) + "\n" + R"({"id":"b","prompt":"Name a river","label":"malicious"})", "f");
    QVERIFY(!set);
    const auto message = QString::fromStdString(set.error().message);
    QVERIFY2(message.contains("f:2: is labelled malicious, but the same text is benign at f:1"), qPrintable(message));
}

void TestPromptSet::straddlingClusterIsNoticed() {
    const auto set = parsed(R"({"id":"a","prompt":"Name a wide river in Asia","label":"benign","split":"calibration"}
{"id":"b","prompt":"Bake bread","label":"benign","split":"evaluation"}
{"id":"c","prompt":"Name a wide river in Africa","label":"benign","split":"evaluation"}
{"id":"d","prompt":"Name a wide river in Europe","label":"benign","split":"evaluation"})");
    QCOMPARE(set.notices.size(), std::size_t{1});
    QCOMPARE(set.notices[0].line, 3);
    QVERIFY(QString::fromStdString(set.notices[0].message).contains("\"c\" (evaluation) is a near duplicate of \"a\" (calibration)"));
    QCOMPARE(set.overlaps.size(), std::size_t{1});
    QCOMPARE(set.overlaps[0].calibration, std::size_t{0});
    QCOMPARE(set.overlaps[0].evaluation, std::size_t{2});
    QCOMPARE(set.overlaps[0].calibrationCount, std::size_t{1});
    QCOMPARE(set.overlaps[0].evaluationCount, std::size_t{2});
}

void TestPromptSet::unsplitPromptsAreHalvedByClusters() {
    std::string content;
    for (int i = 0; i < 300; ++i) {
        const int family = i / 3;  // Three of a kind, of one label.
        const char* label = family % 3 == 0 ? "malicious" : family % 3 == 1 ? "benign" : "hard_benign";
        content += "{\"prompt\":\"alpha" + std::to_string(family) + " beta" + std::to_string(family) + " gamma" + std::to_string(family) +
                   " number" + std::to_string(i) + "\",\"id\":" + std::to_string(i) + ",\"label\":\"" + label + "\"}\n";
    }
    const auto set = parsed(content, 1);
    QVERIFY(set.notices.empty());
    for (const auto label : {PromptLabel::Malicious, PromptLabel::Benign, PromptLabel::HardBenign}) {
        const auto calibration = static_cast<int>(set.indices(label, PromptSplit::Calibration).size());
        const auto evaluation = static_cast<int>(set.indices(label, PromptSplit::Evaluation).size());
        QVERIFY(std::abs(calibration - evaluation) <= 3);
    }
    QCOMPARE(parsed(content, 1).hash, set.hash);
    QVERIFY(parsed(content, 2).hash != set.hash);
}

namespace {

/// 240 malicious and 120 benign prompts in families of three near duplicates, read with split options.
PromptSet familiesSplit(const PromptSplitOptions& options, const char* given = nullptr) {
    std::string content;
    for (int i = 0; i < 360; ++i) {
        const std::string family = std::to_string(i / 3);
        content += "{\"prompt\":\"alpha" + family + " beta" + family + " gamma" + family + " number" + std::to_string(i) + "\",\"id\":" +
                   std::to_string(i) + ",\"label\":\"" + (i < 240 ? "malicious" : "benign") + "\"" +
                   (given != nullptr ? std::string(",\"split\":\"") + given + "\"" : std::string()) + "}\n";
    }
    QTemporaryDir folder;
    PromptFile prompts;
    prompts.path = folder.filePath("families.jsonl").toStdString();
    QFile file(QString::fromStdString(prompts.path));
    if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write");
    file.write(content.data(), static_cast<qint64>(content.size()));
    file.close();
    auto set = loadPromptSet(std::vector<PromptFile>{prompts}, options);
    if (!set) qFatal("%s", set.error().describe().c_str());
    return std::move(*set);
}

}  // namespace

void TestPromptSet::splitRatioAndStrata() {
    for (const double ratio : {0.2, 0.5, 0.8}) {
        PromptSplitOptions options;
        options.calibration = ratio;
        options.seed = 9;
        const auto set = familiesSplit(options);
        QVERIFY(set.overlaps.empty());
        const auto malicious = static_cast<double>(set.indices(PromptLabel::Malicious, PromptSplit::Calibration).size());
        const auto benign = static_cast<double>(set.indices(PromptLabel::Benign, PromptSplit::Calibration).size());
        QVERIFY2(std::abs(malicious - 240 * ratio) <= 3, qPrintable(QString::number(malicious)));
        QVERIFY2(std::abs(benign - 120 * ratio) <= 3, qPrintable(QString::number(benign)));
        options.stratified = false;
        const auto loose = familiesSplit(options);
        const auto all = loose.indices(PromptLabel::Malicious, PromptSplit::Calibration).size() + loose.indices(PromptLabel::Benign, PromptSplit::Calibration).size();
        QVERIFY(std::abs(static_cast<double>(all) - 360 * ratio) <= 3);
        QVERIFY(loose.overlaps.empty());
    }
    PromptSplitOptions wrong;
    wrong.calibration = 1.0;
    QVERIFY_THROWS_EXCEPTION(std::invalid_argument, familiesSplit(wrong));
}

void TestPromptSet::splitAgainDealsEverythingOut() {
    PromptSplitOptions options;
    QVERIFY(familiesSplit(options, "evaluation").indices(PromptLabel::Benign, PromptSplit::Calibration).empty());
    options.again = true;
    const auto set = familiesSplit(options, "evaluation");
    QCOMPARE(set.indices(PromptLabel::Benign, PromptSplit::Calibration).size(), std::size_t{60});
    QVERIFY(set.overlaps.empty());
}

void TestPromptSet::unsplitFollowTheirCluster() {
    for (const char* split : {"calibration", "evaluation"}) {
        const auto set = parsed(std::string(R"({"id":"a","prompt":"Name a wide river in Asia","label":"benign","split":")") + split + "\"}\n" +
                                R"({"id":"b","prompt":"Name a wide river in Africa","label":"benign"})" + "\n" +
                                R"({"id":"c","prompt":"Name a wide river in Europe","label":"benign"})");
        QVERIFY(set.notices.empty());
        for (const auto& prompt : set.prompts) QCOMPARE(promptSplitName(prompt.split), split);
    }
}

void TestPromptSet::hashCoversWhatMatters() {
    const auto hash = [](const char* line) { return parsed(line).hash; };
    const auto base = hash(R"({"id":"a","prompt":"x","label":"benign","split":"evaluation"})");
    QCOMPARE(hash(R"({"source":"s","label":"benign","split":"evaluation","id":"a","text":"x"})"), base);
    QVERIFY(hash(R"({"id":"b","prompt":"x","label":"benign","split":"evaluation"})") != base);
    QVERIFY(hash(R"({"id":"a","prompt":"y","label":"benign","split":"evaluation"})") != base);
    QVERIFY(hash(R"({"id":"a","prompt":"x","label":"malicious","split":"evaluation"})") != base);
    QVERIFY(hash(R"({"id":"a","prompt":"x","label":"benign","split":"calibration"})") != base);
}

void TestPromptSet::filesAreJoined() {
    QTemporaryDir folder;
    const auto put = [&](const char* name, const std::string& content) {
        QFile file(folder.filePath(name));
        if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write");
        file.write(content.data(), static_cast<qint64>(content.size()));
        return folder.filePath(name).toStdString();
    };
    const auto one = put("one.jsonl", std::string(kValid) + "\n");
    const auto two = put("two.jsonl", R"({"id":"b","prompt":"Name a lake","label":"malicious"})");
    const auto set = loadPromptSet({one, two});
    QVERIFY(set.has_value());
    QCOMPARE(set->name, std::string("one + two"));
    QCOMPARE(set->prompts[0].id, std::string("a"));
    QCOMPARE(set->prompts[1].id, std::string("b"));
    // Numbers of rows are ids in many files.
    const auto other = put("other.jsonl", R"({"id":"a","prompt":"Name a hill","label":"malicious"})");
    QCOMPARE(loadPromptSet({one, other})->prompts[1].id, std::string("other-a"));
    const auto clash = loadPromptSet({one, one});
    QVERIFY(!clash);
    QVERIFY(clash.error().message.find(one + ":1: has the id \"a\" of " + one + ":1") != std::string::npos);
}

void TestPromptSet::fileErrors() {
    QTemporaryDir folder;
    const auto missing = loadPromptSet({folder.filePath("none").toStdString()});
    QVERIFY(!missing);
    QCOMPARE(missing.error().kind, ErrorKind::NotFound);
    QVERIFY(!loadPromptSet({folder.path().toStdString()}));
    QCOMPARE(loadPromptSet(std::vector<std::string>{}).error().kind, ErrorKind::BadInput);
}

QTEST_GUILESS_MAIN(TestPromptSet)
#include "test_prompt_set.moc"
