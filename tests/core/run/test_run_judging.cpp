// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QtTest>
#include <filesystem>

#include "core/base/files.h"
#include "core/run/evaluation_table.h"
#include "core/run/event_log.h"
#include "core/run/review.h"
#include "core/run/run_comparison.h"
#include "core/run/run_folder.h"
#include "core/run/run_results.h"
#include "core/run/verdict_file.h"
#include "tiny_run.h"

using namespace safequant;

/// Judging finished runs again and comparing them.
class TestRunJudging : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::string m_run;

private slots:
    void initTestCase() {
        tiny::writeInputs(m_folder.path());
        QFile items(m_folder.filePath("items.jsonl"));
        QVERIFY(items.open(QIODevice::WriteOnly));
        for (int i = 0; i < 9; ++i)
            items.write(nlohmann::json{{"id", "q" + std::to_string(i)}, {"question", "Which of " + std::to_string(i * i) + "?"}, {"choices", {"this", "that one"}}, {"answer", i % 2}}
                            .dump()
                            .append("\n")
                            .c_str());
        items.close();
        auto spec = tiny::specJson(m_folder.path());
        spec["evaluation"]["tasks"] = {{{"name", "mine"}, {"kind", "multiple-choice"}, {"file", items.fileName().toStdString()}, {"limit", 7}}};
        spec["evaluation"]["attack"] = {{"temperatures", {1.5, 0.8}}, {"samples", 3}};
        m_run = tiny::makeRun(m_folder.path(), spec);
        const auto done = executeRun(m_run, {}, {});
        QVERIFY2(done.has_value(), done ? "" : done.error().describe().c_str());
    }

    void judgingAgainGeneratesNothing() {
        QVERIFY(readVerdicts(m_run)->empty());
        const auto before = readTextFile(m_run + "/generations.jsonl");
        const auto answers = readAnswers(m_run, {});
        QVERIFY(before.has_value() && answers.has_value());
        for (const char* name : {"refusal-22", "coherence"}) {
            const auto judge = makeJudge(name, {});
            const auto set = judgeRun(m_run, **judge);
            QVERIFY2(set.has_value(), set ? "" : set.error().describe().c_str());
            QCOMPARE(set->verdicts.size(), answers->size());
        }
        QCOMPARE(*readTextFile(m_run + "/generations.jsonl"), *before);
        const auto sets = readVerdicts(m_run);
        QVERIFY(sets.has_value());
        QCOMPARE(sets->size(), std::size_t{2});
        QCOMPARE((*sets)[1].judge.name, std::string("refusal-22"));
        for (std::size_t i = 0; i < answers->size(); ++i)
            QCOMPARE(std::string(outcomeName((*sets)[1].verdicts[i].outcome)), (*answers)[i].outcome);
        // Answers that have changed since are not passed off as judged.
        auto changed = *before;
        changed.replace(changed.find("\"text\":\"") + 8, 0, "I cannot. ");
        QVERIFY(writeFileAtomically(m_run + "/generations.jsonl", changed).has_value());
        QCOMPARE(readVerdicts(m_run).error().kind, ErrorKind::Mismatch);
        QVERIFY(writeFileAtomically(m_run + "/generations.jsonl", *before).has_value());
        QVERIFY(readVerdicts(m_run).has_value());
        QCOMPARE(verdictsOf(m_run, "harmbench").error().kind, ErrorKind::NotFound);
        QVERIFY(verdictsOf(m_run, "xstest-openings").has_value());
    }

    void peopleJudgeAnswers() {
        const auto empty = readReview(m_run);
        QVERIFY2(empty.has_value(), empty ? "" : empty.error().describe().c_str());
        QCOMPARE(empty->judge, std::string("refusal-22"));
        QVERIFY(empty->verdicts.empty() && empty->scores.empty());
        const auto answers = readAnswers(m_run, {});
        std::vector<protocol::AnswerItem> malicious;
        for (const auto& answer : *answers)
            if (answer.model == "quantized" && answer.label == "malicious") malicious.push_back(answer);
        QVERIFY(malicious.size() >= 3);
        const auto other = [](const std::string& outcome) { return outcome == "complied" ? "refused" : "complied"; };
        // The same as the judge, then another, then the first taken back and given again.
        QVERIFY(judgeByPerson(m_run, malicious[0].prompt, "quantized", malicious[0].outcome, "ada").has_value());
        auto review = judgeByPerson(m_run, malicious[1].prompt, "quantized", other(malicious[1].outcome), "ada");
        QVERIFY2(review.has_value(), review ? "" : review.error().describe().c_str());
        QCOMPARE(review->verdicts.size(), std::size_t{2});
        QCOMPARE(review->agreed.count, std::uint64_t{1});
        QCOMPARE(review->scores.size(), std::size_t{1});
        QCOMPARE(review->scores[0].model, std::string("quantized"));
        QCOMPARE(review->scores[0].judged.total, std::uint64_t{malicious.size()});
        QCOMPARE(review->scores[0].reviewed, std::uint64_t{2});
        QCOMPARE(review->scores[0].missed + review->scores[0].overcalled, std::uint64_t{1});
        review = judgeByPerson(m_run, malicious[0].prompt, "quantized", "", "grace");
        QCOMPARE(review->verdicts.size(), std::size_t{1});
        QCOMPARE(review->verdicts[0].by, std::string("ada"));
        // Every decision is kept, and what stands is a judge like others.
        QCOMPARE(protocol::toJson(*readReview(m_run)), protocol::toJson(*review));
        const auto lines = readJsonLines(m_run + "/verdicts/people.jsonl");
        QCOMPARE(lines->size(), std::size_t{3});
        QCOMPARE((*lines)[2]["outcome"], nlohmann::json(""));
        QCOMPARE((*lines)[2]["judged"], nlohmann::json(malicious[0].outcome));
        QVERIFY((*lines)[2].dump().find(malicious[0].text.substr(0, 12)) == std::string::npos);
        QCOMPARE(verdictsOf(m_run, "people")->verdicts.size(), std::size_t{1});
        QCOMPARE(readVerdicts(m_run)->back().judge.name, std::string("people"));
        // All of one model's answers read: the score is what people say, without an interval.
        std::uint64_t harmful = 0;
        for (const auto& answer : malicious) {
            const char* outcome = answer.prompt % 3 == 0 ? "complied" : "refused";
            harmful += outcome == std::string("complied") ? 1 : 0;
            review = judgeByPerson(m_run, answer.prompt, "quantized", outcome, "");
        }
        const auto& score = review->scores[0];
        QVERIFY(score.known);
        QCOMPARE(score.corrected, double(harmful) / double(malicious.size()));
        QVERIFY(std::abs(score.interval.high - score.interval.low) < 1e-12);
        QCOMPARE(judgeByPerson(m_run, 100000, "base", "refused", "").error().kind, ErrorKind::NotFound);
        QCOMPARE(judgeByPerson(m_run, malicious[0].prompt, "base", "unparsed", "").error().kind, ErrorKind::BadInput);
        // An answer that is another now was not read.
        const auto before = *readTextFile(m_run + "/generations.jsonl");
        auto edited = *answers;
        std::string changed;
        for (auto& answer : edited) {
            if (answer.prompt == malicious[0].prompt && answer.model == "quantized") answer.text += " Else.";
            changed += JsonLines::lineOf(protocol::toJson(answer));
        }
        QVERIFY(writeFileAtomically(m_run + "/generations.jsonl", changed).has_value());
        QCOMPARE(readReview(m_run)->verdicts.size(), malicious.size() - 1);
        QCOMPARE(verdictsOf(m_run, "people")->verdicts.size(), malicious.size() - 1);
        QVERIFY(writeFileAtomically(m_run + "/generations.jsonl", before).has_value());
        QCOMPARE(readReview(m_run)->verdicts.size(), malicious.size());
        std::filesystem::remove_all(m_run + "/verdicts");
    }

    void tasksAndAttackAreKept() {
        const auto table = readEvaluationTable(m_run);
        QVERIFY2(table.has_value(), table ? "" : table.error().describe().c_str());
        QCOMPARE(table->tasks.size(), std::size_t{2});
        QCOMPARE(table->tasks[1].model, std::string("quantized"));
        QCOMPARE(table->tasks[0].answers.size(), std::size_t{7});
        const auto rates = taskRates(m_run);
        QCOMPARE(rates->size(), std::size_t{2});
        QCOMPARE((*rates)[1].model, std::string("quantized"));
        QCOMPARE((*rates)[1].accuracy.total, std::uint64_t{7});
        const auto summary = nlohmann::json::parse(*readTextFile(m_run + "/summary.json"));
        QCOMPARE(summary["tasks"][1]["accuracy"]["count"], nlohmann::json((*rates)[1].accuracy.count));
        QCOMPARE(table->attacks.size(), std::size_t{4});
        const auto answers = readAnswers(m_run, {});
        for (const auto& attack : table->attacks) {
            QCOMPARE(attack.answers.size(), std::size_t{24});
            QCOMPARE(attack.summary.anySuccess.total, std::uint64_t{8});
            QVERIFY(!attack.stopWhenDecided);
            // Rates and flips again from the stored answers and the run's own.
            std::map<std::string, bool> any;
            double harmful = 0.0;
            for (const auto& answer : attack.answers) {
                const bool hit = answer.outcome == Outcome::Complied;
                any[answer.id] = any[answer.id] || hit;
                harmful += hit ? 1.0 : 0.0;
            }
            QVERIFY(std::abs(attack.summary.meanSuccess - harmful / 24.0) < 1e-12);
            std::size_t toHarmful = 0, toSafe = 0, hits = 0;
            for (const auto& own : *answers) {
                if (own.model != attack.model || own.label != "malicious") continue;
                hits += any[own.id] ? 1 : 0;
                toHarmful += any[own.id] && own.outcome != "complied" ? 1 : 0;
                toSafe += !any[own.id] && own.outcome == "complied" ? 1 : 0;
            }
            QCOMPARE(attack.summary.anySuccess.count, std::uint64_t{hits});
            QCOMPARE(attack.summary.toHarmful.size(), toHarmful);
            QCOMPARE(attack.summary.toSafe.size(), toSafe);
        }
        QVERIFY(table->attacks[0].setting.name() != table->attacks[1].setting.name());
        const auto markdown = readTextFile(m_run + "/summary.md");
        QVERIFY(markdown->find("## Tasks") != std::string::npos && markdown->find("## Decoding attack") != std::string::npos);
        const auto differences = verifyRun(m_run, {});
        QVERIFY2(differences.has_value() && differences->empty(), differences && !differences->empty() ? differences->front().c_str() : "");
        QVERIFY(std::filesystem::remove(m_run + "/tasks/mine-base.json"));
        QCOMPARE(verifyRun(m_run, {})->size(), std::size_t{1});
        // Resumed, the run does again what is missing and nothing else, to the same bytes.
        const auto kept = std::filesystem::last_write_time(m_run + "/tasks/mine-quantized.json");
        auto manifest = nlohmann::json::parse(*readTextFile(m_run + "/manifest.json"));
        manifest["status"] = "stopped";
        QVERIFY(writeFileAtomically(m_run + "/manifest.json", manifest.dump()).has_value());
        const auto again = executeRun(m_run, {}, {});
        QVERIFY2(again.has_value(), again ? "" : again.error().describe().c_str());
        QVERIFY(verifyRun(m_run, {})->empty());
        QCOMPARE(std::filesystem::last_write_time(m_run + "/tasks/mine-quantized.json"), kept);
    }

    void comparesBothModels() {
        const auto comparison = compareRuns({m_run}, {});
        QVERIFY2(comparison.has_value(), comparison ? "" : comparison.error().describe().c_str());
        QCOMPARE(comparison->judge, std::string("refusal-22"));
        QCOMPARE(comparison->models.size(), std::size_t{2});
        QCOMPARE(comparison->models[1].name, std::string("Tiny run, quantized"));
        QCOMPARE(comparison->rows.size(), std::size_t{6});
        QCOMPARE(comparison->rows[5].measure, std::string("right, mine"));
        QCOMPARE(comparison->rows[5].firstRate.total, std::uint64_t{7});
        QCOMPARE(comparison->rows[0].firstRate.total, std::uint64_t{8});
        QCOMPARE(comparison->rows[4].firstRate.total, std::uint64_t{4});
        for (const auto& row : comparison->rows) {
            const auto flips = static_cast<double>(row.onlySecond.size()) - static_cast<double>(row.onlyFirst.size());
            QVERIFY(std::abs(row.difference * static_cast<double>(row.firstRate.total) - flips) < 1e-9);
        }
        ComparisonOptions base;
        base.model = "base";
        QCOMPARE(compareRuns({m_run}, base).error().kind, ErrorKind::BadInput);
        const auto same = compareRuns({m_run, m_run}, base);
        QVERIFY(same.has_value());
        for (const auto& row : same->rows) {
            QCOMPARE(row.p, 1.0);
            QVERIFY(row.onlyFirst.empty() && row.onlySecond.empty());
        }
        QCOMPARE(compareRuns({m_run + "-gone"}, {}).error().kind, ErrorKind::NotFound);
    }
};

QTEST_GUILESS_MAIN(TestRunJudging)
#include "test_run_judging.moc"
