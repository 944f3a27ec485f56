// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>

#include "core/assess/assessment_join.h"
#include "core/assess/assessment_page.h"

using namespace safequant;
using protocol::AssessmentCell;
using protocol::AssessmentState;

/// Parts of one matrix that were computed apart.
class TestAssessmentJoin : public QObject {
    Q_OBJECT

    static AssessmentCell cell(const std::string& method, const std::string& risk, int after, const std::string& status = "finished") {
        AssessmentCell result;
        result.method = result.title = method;
        result.bits = 4;
        result.risk = risk;
        result.status = status;
        if (status != "finished") return result;
        protocol::CellMeasure measure;
        measure.measure = "harmful score";
        measure.before = rateOf(10, 100);
        measure.after = rateOf(static_cast<std::uint64_t>(after), 100);
        measure.difference = (after - 10) / 100.0;
        measure.interval = {measure.difference - 0.05, measure.difference + 0.05};
        result.measures = {measure};
        return result;
    }

    static AssessmentState part(std::vector<AssessmentCell> cells) {
        AssessmentState state;
        state.summary = {"/place/of/runs", "matrix", "model.gguf", "2026-01-02T00:00:00Z", "stopped", static_cast<int>(cells.size()), 0, 0};
        state.risks = {"I"};
        state.riskTexts = {"Benign chats"};
        state.cells = std::move(cells);
        return state;
    }

private slots:
    void finishedCellsStand() {
        const AssessmentState first = part({cell("rtn", "", 30), cell("gptq", "I", 0, "waiting"), cell("awq", "I", 12)});
        AssessmentState second = part({cell("gptq", "I", 60), cell("awq", "I", 0, "failed"), cell("nf4", "", 0, "waiting")});
        second.summary.created = "2026-01-01T00:00:00Z";
        second.risks = {"II"};
        second.riskTexts = {"An identity shift"};
        const auto joined = joinAssessments({first, second});
        QVERIFY2(joined.has_value(), joined ? "" : joined.error().describe().c_str());
        QCOMPARE(joined->cells.size(), std::size_t{4});
        const std::vector<std::string> names{"rtn", "gptq", "awq", "nf4"}, statuses{"finished", "finished", "finished", "waiting"};
        for (std::size_t i = 0; i < 4; ++i) QVERIFY(joined->cells[i].method == names[i] && joined->cells[i].status == statuses[i]);
        QVERIFY(joined->summary.cells == 4 && joined->summary.finished == 3 && joined->summary.failed == 0);
        QVERIFY(joined->summary.status == "stopped" && joined->summary.created == "2026-01-01T00:00:00Z");
        QVERIFY((joined->risks == std::vector<std::string>{"I", "II"}) && joined->riskTexts[1] == "An identity shift");
        QCOMPARE(joined->findings.size(), std::size_t{3});
        QCOMPARE(joined->findings[0].cell, 1);
    }

    void whatDoesNotBelongTogetherIsRefused_data() {
        QTest::addColumn<QString>("what");
        for (const char* what : {"model", "base", "risk"}) QTest::newRow(what) << what;
    }
    void whatDoesNotBelongTogetherIsRefused() {
        QFETCH(QString, what);
        const AssessmentState first = part({cell("rtn", "", 30)});
        AssessmentState second = part({cell("awq", "I", 12)});
        if (what == "model") second.summary.model = "other.gguf";
        if (what == "base") second.cells[0].measures[0].before = rateOf(11, 100);
        if (what == "risk") second.riskTexts = {"Other chats"};
        const auto joined = joinAssessments({first, second});
        QVERIFY(!joined && joined.error().kind == ErrorKind::BadInput);
        QVERIFY(!joinAssessments({}));
    }

    void pagesAreParts() {
        const QTemporaryDir folder;
        const std::string name = folder.filePath("half").toStdString();
        const AssessmentState state = part({cell("rtn", "", 30)});
        QVERIFY(writeAssessmentPages(state, name, "command").has_value());
        const auto read = readAssessmentAt(name + ".json");
        QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
        QCOMPARE(QString::fromStdString(toJson(read->cells[0]).dump()), QString::fromStdString(toJson(state.cells[0]).dump()));
        QFile other(folder.filePath("other.json"));
        QVERIFY(other.open(QIODevice::WriteOnly));
        other.write("{\"rows\": []}");
        other.close();
        const auto broken = readAssessmentAt(other.fileName().toStdString());
        QVERIFY(!broken && broken.error().message.find("no cells") != std::string::npos);
        QVERIFY(readAssessmentAt(name + ".nothing").error().kind == ErrorKind::NotFound);
    }
};

QTEST_GUILESS_MAIN(TestAssessmentJoin)
#include "test_assessment_join.moc"
