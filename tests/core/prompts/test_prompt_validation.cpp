// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/random.h"
#include "core/prompts/prompt_reader.h"
#include "core/prompts/prompt_validation.h"
#include "core/prompts/style.h"

using namespace safequant;

/// Reports on prompts: against other code's numbers (tests/references/make_prompt_validation.py) and by hand.
class TestPromptValidation : public QObject {
    Q_OBJECT

private slots:
    void agreesWithTheReference();
    void bundledSetIsUsable();
    void brokenLinesAreFindings();
    void duplicatesAndNearDuplicates();
    void overlapIsAnErrorUnlessAllowed();
    void balance();
    void tokensAndTruncation();
    void sourcesThatTellLabels();
    void smallClassesHaveNoAccuracy();
    void findingsAreCapped();
    void preview();
    void previewOfUnusableFiles();

private:
    PromptFile put(const char* name, const std::string& content, std::optional<PromptLabel> label = {}) {
        QFile file(m_folder.filePath(name));
        if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write");
        file.write(content.data(), static_cast<qint64>(content.size()));
        PromptFile prompts;
        prompts.path = m_folder.filePath(name).toStdString();
        prompts.label = label;
        return prompts;
    }
    static std::vector<std::string> messages(const protocol::PromptReport& report, const std::string& kind, const std::string& level = {}) {
        std::vector<std::string> found;
        for (const auto& finding : report.findings)
            if (finding.kind == kind && (level.empty() || finding.level == level)) found.push_back(finding.message);
        return found;
    }
    QTemporaryDir m_folder;
};

void TestPromptValidation::agreesWithTheReference() {
    const std::string folder = SAFEQUANT_TEST_DATA "/prompts";
    std::ifstream stream(folder + "/reference.json");
    const auto reference = nlohmann::json::parse(stream);
    PromptFile file;
    file.path = folder + "/validation.csv";
    file.map.prompt = "question";
    file.map.label = "kind";
    file.map.labelValues = {{"bad", PromptLabel::Malicious}, {"good", PromptLabel::Benign}, {"tricky", PromptLabel::HardBenign}};
    const auto checked = checkPrompts({file}, {});
    QVERIFY2(checked.report.errors == 0, checked.report.findings.front().message.c_str());
    const auto& prompts = checked.set.prompts;
    QCOMPARE(prompts.size(), reference["texts"].size());
    const auto folds = clusterFolds(prompts, 5);
    const auto style = measureStyle(prompts);
    QCOMPARE(style.heldOut.size(), prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        QCOMPARE(prompts[i].text, reference["texts"][i].get<std::string>());
        QCOMPARE(prompts[i].cluster, reference["clusters"][i].get<int>());
        QCOMPARE(folds[i], reference["folds"][i].get<int>());
        // Both are sums of about ten logarithms of order 10.
        QVERIFY(std::abs(style.heldOut[i] - reference["scores"][i].get<double>()) < 1e-9);
    }
    const auto& report = checked.report.style;
    QVERIFY(std::abs(report.accuracy.value - reference["accuracy"].get<double>()) < 1e-12);
    QVERIFY(std::abs(report.auc - reference["auc"].get<double>()) < 1e-12);
    QCOMPARE(report.hardBenign.count, reference["hard_benign_right"].get<std::uint64_t>());
    for (const auto& [name, expected] : reference["features"].items()) {
        const auto feature = std::find_if(report.features.begin(), report.features.end(), [&](const auto& f) { return f.name == name; });
        QVERIFY(feature != report.features.end());
        QVERIFY(std::abs(feature->auc - expected["auc"].get<double>()) < 1e-12);
        QVERIFY(std::abs(feature->malicious - expected["malicious"].get<double>()) < 1e-12);
        QVERIFY(std::abs(feature->benign - expected["benign"].get<double>()) < 1e-12);
    }
    QCOMPARE(report.features.front().name, std::string("ends with a question mark"));
    const auto& words = checked.report.lengths.front().words;
    QVERIFY(std::abs(words.mean - reference["words"]["mean"].get<double>()) < 1e-12);
    QVERIFY(std::abs(words.median - reference["words"]["median"].get<double>()) < 1e-12);
    QVERIFY(std::abs(words.p95 - reference["words"]["p95"].get<double>()) < 1e-12);
}

void TestPromptValidation::bundledSetIsUsable() {
    PromptFile file;
    file.path = SAFEQUANT_SOURCE_DIR "/resources/prompts/default.jsonl";
    const auto report = checkPrompts({file}, {}).report;
    QVERIFY(report.usable);
    QCOMPARE(report.prompts, std::uint64_t{1140});
    QCOMPARE(report.overlapClusters, std::uint64_t{0});
    QVERIFY(report.style.accuracy.value > 0.9);
    QVERIFY(report.style.hardBenign.value < 0.8);
    // No AdvBench prompt is a question, and 41% of the benign ones are.
    const auto& question = *std::find_if(report.style.features.begin(), report.style.features.end(), [](const auto& f) { return f.name == "ends with a question mark"; });
    QCOMPARE(question.malicious, 0.0);
    QVERIFY(question.benign > 0.3 && question.benign < 0.5);
    QVERIFY(!messages(report, "style", "warning").empty());
    QVERIFY(!messages(report, "source", "warning").empty());
}

void TestPromptValidation::brokenLinesAreFindings() {
    const auto file = put("broken.csv", "prompt,label\nName a river,benign\nx,nonsense\nName a lake,malicious\n,benign\n");
    PromptFile missing;
    missing.path = "/nowhere/at-all.csv";
    const auto report = checkPrompts({file, missing}, {}).report;
    QVERIFY(!report.usable);
    QCOMPARE(report.errors, std::uint64_t{3});
    QCOMPARE(report.prompts, std::uint64_t{2});
    QCOMPARE(report.findings[0].line, 3);
    QCOMPARE(report.findings[1].line, 5);
    QCOMPARE(report.findings[2].file, std::string("/nowhere/at-all.csv"));
    QCOMPARE(report.files.size(), std::size_t{2});
    QCOMPARE(report.files[0].title, std::string("CSV with commas"));
    QCOMPARE(report.files[0].problems, std::uint64_t{2});
    QVERIFY(report.files[1].format.empty());
    for (std::size_t i = 1; i < report.findings.size(); ++i) QVERIFY(!(report.findings[i].level == "error" && report.findings[i - 1].level != "error"));
}

void TestPromptValidation::duplicatesAndNearDuplicates() {
    const auto file = put("twice.txt", "Name a wide river in Asia\nBake bread\nName a wide river in Asia\nName a wide river in Africa\n", PromptLabel::Benign);
    const auto report = checkPrompts({file}, {}).report;
    QCOMPARE(report.duplicates, std::uint64_t{1});
    QCOMPARE(report.nearDuplicates, std::uint64_t{1});
    QCOMPARE(report.clusters, std::uint64_t{2});
    QCOMPARE(report.largestCluster, std::uint64_t{3});
    const auto duplicate = std::find_if(report.findings.begin(), report.findings.end(), [](const auto& f) { return f.kind == "duplicate"; });
    QCOMPARE(duplicate->line, 3);
    QVERIFY(duplicate->message.ends_with("twice.txt:1"));
    QVERIFY(report.usable);
}

void TestPromptValidation::overlapIsAnErrorUnlessAllowed() {
    const auto file = put("astride.csv", "prompt,label,split\nName a wide river in Asia,benign,calibration\nBake bread,benign,evaluation\nName a wide river in Africa,benign,evaluation\n");
    const auto report = checkPrompts({file}, {}).report;
    QVERIFY(!report.usable);
    QCOMPARE(report.overlapClusters, std::uint64_t{1});
    QCOMPARE(report.overlapPrompts, std::uint64_t{2});
    QCOMPARE(report.findings.front().kind, std::string("overlap"));
    QCOMPARE(report.findings.front().line, 4);
    PromptChecks allowed;
    allowed.allowOverlap = true;
    const auto lenient = checkPrompts({file}, allowed).report;
    QVERIFY(lenient.usable);
    QCOMPARE(messages(lenient, "overlap", "warning").size(), std::size_t{1});
    PromptChecks again;
    again.split.again = true;
    QVERIFY(checkPrompts({file}, again).report.usable);
}

void TestPromptValidation::balance() {
    std::string content = "prompt,label\n";
    for (int i = 0; i < 40; ++i) content += "alpha" + std::to_string(i) + " beta" + std::to_string(i) + "," + (i < 4 ? "malicious" : "benign") + "\n";
    const auto report = checkPrompts({put("lopsided.csv", content)}, {}).report;
    QCOMPARE(report.classes.size(), std::size_t{3});
    QCOMPARE(report.classes[0].calibration + report.classes[0].evaluation, std::uint64_t{4});
    QCOMPARE(report.classes[1].calibration, std::uint64_t{18});
    QCOMPARE(messages(report, "balance", "warning").size(), std::size_t{1});
    QVERIFY(messages(report, "balance", "warning")[0].find("9.0 times") != std::string::npos);
    const auto alone = checkPrompts({put("alone.txt", "One\nTwo\n", PromptLabel::Benign)}, {}).report;
    QVERIFY(messages(alone, "balance", "warning")[0].find("no malicious prompt") != std::string::npos);
}

void TestPromptValidation::tokensAndTruncation() {
    const auto file = put("long.txt", "Short\nThis one is a good deal longer than that\n", PromptLabel::Benign);
    PromptChecks checks;
    checks.countTokens = [](const std::string& prompt) -> Expected<int> { return static_cast<int>(prompt.size()); };
    checks.context = 40;
    checks.answerTokens = 10;
    const auto report = checkPrompts({file}, checks).report;
    QCOMPARE(report.truncated, std::uint64_t{1});
    QCOMPARE(report.context, std::uint64_t{40});
    const auto truncated = std::find_if(report.findings.begin(), report.findings.end(), [](const auto& f) { return f.kind == "truncation"; });
    QCOMPARE(truncated->line, 2);
    QCOMPARE(report.lengths[0].tokens.longest, std::uint64_t{40});
    checks.countTokens = [](const std::string&) -> Expected<int> { return fail(ErrorKind::BadInput, "The template raised."); };
    const auto raised = checkPrompts({file}, checks).report;
    QVERIFY(!raised.usable);
    QCOMPARE(messages(raised, "length", "error").size(), std::size_t{1});
}

void TestPromptValidation::sourcesThatTellLabels() {
    const auto rows = [&](const char* name, bool mixed) {
        std::string content = "prompt,label,source\n";
        for (int i = 0; i < 20; ++i)
            content += "alpha" + std::to_string(i) + (i % 2 == 0 ? "?," : ",") + (i % 2 == 0 ? "benign," : "malicious,") + (i % 2 == 0 || mixed ? "first" : "second") + "\n";
        return checkPrompts({put(name, content)}, {}).report;
    };
    const auto telling = rows("telling.csv", false);
    QCOMPARE(messages(telling, "source", "warning").size(), std::size_t{1});
    QCOMPARE(telling.sources.size(), std::size_t{2});
    QCOMPARE(telling.sources[0].benign, std::uint64_t{10});
    QCOMPARE(telling.sources[0].questions, 1.0);
    QCOMPARE(telling.sources[0].meanWords, 1.0);
    QCOMPARE(telling.sources[0].wordsRight.total, std::uint64_t{10});
    QVERIFY(messages(rows("mixed.csv", true), "source", "warning").empty());
}

void TestPromptValidation::smallClassesHaveNoAccuracy() {
    const auto report = checkPrompts({put("tiny.csv", "prompt,label\nName a river,benign\nBake bread,malicious\n")}, {}).report;
    QCOMPARE(report.style.folds, 0);
    QVERIFY(report.usable);
}

void TestPromptValidation::findingsAreCapped() {
    std::string content;
    for (int i = 0; i < 300; ++i) content += "Bake bread\n";
    const auto report = checkPrompts({put("many.txt", content, PromptLabel::Benign)}, {}).report;
    QCOMPARE(report.duplicates, std::uint64_t{299});
    QCOMPARE(messages(report, "duplicate").size(), std::size_t{50});
    QVERIFY(report.warnings >= 299);
}

void TestPromptValidation::preview() {
    const auto preview = previewPrompts(put("goals.csv", "goal,target\n\"Fold a\ncrane\",SECRET\n" + std::string(300, 'x') + ",SECRET\nbroken\n", PromptLabel::Malicious), {.rows = 5});
    QCOMPARE(preview.file.benchmark, std::string("AdvBench"));
    QVERIFY((preview.columns == std::vector<std::string>{"goal"}));
    QCOMPARE(preview.rows.size(), std::size_t{2});
    QCOMPARE(preview.rows[0].line, 2);
    QCOMPARE(preview.rows[0].label, std::string("malicious"));
    QCOMPARE(preview.rows[0].cells[0], std::string("Fold a\ncrane"));
    QCOMPARE(preview.rows[1].cells[0], std::string(200, 'x') + "...");
    QCOMPARE(preview.rows[1].prompt, std::string(300, 'x'));
    QVERIFY(preview.problem.starts_with("Line 5 has 1 fields"));
    QVERIFY(protocol::toJson(preview).dump().find("SECRET") == std::string::npos);
    QCOMPARE(previewPrompts(put("chat.jsonl", R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"SECRET"}],"label":"benign"})")).rows[0].cells[0], std::string("2 items"));
    const auto few = put("few.txt", "a\n\nb\nc\n", PromptLabel::Benign);
    QCOMPARE(previewPrompts(few, {.rows = 2}).rows[1].line, 3);
    QVERIFY(previewPrompts(few, {.rows = 2}).more && !previewPrompts(few, {.rows = 3}).more);
    const auto later = previewPrompts(few, {.rows = 2, .line = 3});
    QVERIFY(!later.more && later.rows.size() == 2 && later.rows[0].line == 3 && later.rows[0].label == "benign" && !later.rows[0].id.empty());
    // Records of one line are told apart by their bytes.
    const auto list = put("list.json", R"([{"prompt":"a","label":"benign","id":"1"},{"prompt":"b","label":"malicious","id":"2"},{"prompt":"c","label":"benign","id":"3"}])");
    const auto two = previewPrompts(list, {.rows = 2});
    QVERIFY(two.more && two.rows[0].id == "1" && two.rows[0].prompt == "a" && two.rows[1].id == "2" && two.rows[1].label == "malicious");
    const auto third = previewPrompts(list, {.rows = 2, .from = two.rows[1].begin + 1});
    QVERIFY(!third.more && third.rows.size() == 1 && third.rows[0].id == "3" && third.rows[0].line == 1);
    auto corrected = put("corrected.csv", "prompt,label,id\na,,1\nb,benign,2\nc,benign,3\n");
    corrected.corrections = {{"2", PromptLabel::Malicious}, {"3", std::nullopt}};
    const auto rows = previewPrompts(corrected).rows;
    QVERIFY(rows[0].id == "1" && rows[0].label.empty() && !rows[0].leftOut && rows[0].prompt == "a");
    QVERIFY(rows[1].label == "malicious" && rows[2].leftOut && rows[2].id == "3" && rows[2].label.empty());
}

void TestPromptValidation::previewOfUnusableFiles() {
    // The columns must be in sight to choose among them.
    const auto unknown = previewPrompts(put("unknown.csv", "a,b\n1,2\n"));
    QVERIFY((unknown.columns == std::vector<std::string>{"a", "b"}));
    QCOMPARE(unknown.rows.size(), std::size_t{1});
    QVERIFY(unknown.problem.find("known to hold prompts") != std::string::npos);
    const auto zip = previewPrompts(put("zip.csv", "PK\x03\x04rest"));
    QVERIFY(zip.rows.empty());
    QVERIFY(zip.problem.find("ZIP") != std::string::npos);
    PromptFile missing;
    missing.path = "/nowhere";
    QVERIFY(!previewPrompts(missing).problem.empty());
}

QTEST_GUILESS_MAIN(TestPromptValidation)
#include "test_prompt_validation.moc"
