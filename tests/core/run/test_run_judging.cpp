// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <filesystem>

#include "core/base/files.h"
#include "core/run/run_comparison.h"
#include "core/run/run_folder.h"
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
        m_run = tiny::makeRun(m_folder.path(), tiny::specJson(m_folder.path()));
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

    void comparesBothModels() {
        const auto comparison = compareRuns({m_run}, {});
        QVERIFY2(comparison.has_value(), comparison ? "" : comparison.error().describe().c_str());
        QCOMPARE(comparison->judge, std::string("refusal-22"));
        QCOMPARE(comparison->models.size(), std::size_t{2});
        QCOMPARE(comparison->models[1].name, std::string("Tiny run, quantized"));
        QCOMPARE(comparison->rows.size(), std::size_t{5});
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
