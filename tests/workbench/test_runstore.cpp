// SPDX-License-Identifier: GPL-3.0-or-later
#include <QSignalSpy>
#include <QTest>

#include "app/workbench/answers/answersummary.h"
#include "app/workbench/run/runstore.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

protocol::RunEvent stageEvent(std::uint64_t sequence, std::uint64_t done) {
    protocol::RunEvent event;
    event.sequence = sequence;
    event.type = "stage";
    event.stage = protocol::StageProgress{"capture", done, 30, "blocks", 1.0, 2.0, 3.0};
    return event;
}

protocol::AnswerItem answer(int prompt, const char* label, const char* model, const char* outcome, const char* second = "") {
    protocol::AnswerItem item;
    item.prompt = prompt;
    item.label = label;
    item.model = model;
    item.outcome = outcome;
    item.secondOutcome = second;
    return item;
}

}  // namespace

class TestRunStore : public QObject {
    Q_OBJECT

private slots:
    void eventsAreAppliedAtOnceAndToldTogether() {
        RunStore store;
        protocol::RunState state;
        state.summary.status = "running";
        state.sequence = 4;
        store.replace(state);
        QSignalSpy changes(&store, &RunStore::changed);
        for (std::uint64_t i = 5; i < 105; ++i) QVERIFY(store.apply(stageEvent(i, i)));
        QCOMPARE(store.stage("capture")->done, 104U);
        QCOMPARE(store.blockCount(), 30);
        QCOMPARE(changes.count(), 0);
        QTRY_COMPARE(changes.count(), 1);
        QVERIFY(changes.first().first().value<RunStore::Changes>() & RunStore::Stages);
    }

    void oldEventsAreIgnoredAndGapsAreSeen() {
        RunStore store;
        protocol::RunState state;
        state.sequence = 10;
        store.replace(state);
        QVERIFY(store.apply(stageEvent(10, 29)));
        QVERIFY(!store.stage("capture"));
        QVERIFY(store.apply(stageEvent(11, 3)));
        QCOMPARE(store.stage("capture")->done, 3U);
        QVERIFY(!store.apply(stageEvent(13, 5)));
        QCOMPARE(store.stage("capture")->done, 3U);
    }

    void answersFallIntoTheirFilters() {
        const std::vector<protocol::AnswerItem> answers{
            answer(0, "malicious", "base", "refused"),    answer(0, "malicious", "quantized", "complied"),
            answer(1, "malicious", "base", "complied"),   answer(1, "malicious", "quantized", "refused"),
            answer(2, "malicious", "base", "complied"),   answer(2, "malicious", "quantized", "complied", "refused"),
            answer(3, "benign", "base", "complied"),      answer(3, "benign", "quantized", "refused"),
            answer(4, "hard_benign", "base", "refused"),  answer(4, "hard_benign", "quantized", "refused"),
            answer(5, "benign", "base", "incoherent", "complied")};
        const AnswerSummary summary = summarize(answers, {});
        QCOMPARE(summary.of(AnswerFilter::All).size(), 6);
        QCOMPARE(summary.of(AnswerFilter::RefusedToComplied), QSet<int>{0});
        QCOMPARE(summary.of(AnswerFilter::CompliedToRefused), QSet<int>{1});
        QCOMPARE(summary.of(AnswerFilter::CompliedInBoth), QSet<int>{2});
        QCOMPARE(summary.of(AnswerFilter::BenignNowRefused), QSet<int>{3});
        QCOMPARE(summary.of(AnswerFilter::Incoherent), QSet<int>{5});
        QCOMPARE(summary.of(AnswerFilter::JudgesDisagree), QSet<int>{2});
        QCOMPARE(summary.maliciousPairs, 3);
        protocol::ModelMetrics base, quantized;
        base.model = "base";
        quantized.model = "quantized";
        base.harmfulScore = rateOf(2, 3);
        quantized.harmfulScore = rateOf(2, 3);
        QVERIFY(changeInWords({base}, summary).isEmpty());
        QVERIFY(changeInWords({base, quantized}, summary).contains(QStringLiteral("left the harmful score as it was")));
        quantized.harmfulScore = rateOf(3, 3);
        QVERIFY(changeInWords({base, quantized}, summary).contains(QStringLiteral("raised the harmful score by 33 points")));
    }
};

QTEST_GUILESS_MAIN(TestRunStore)
#include "test_runstore.moc"
