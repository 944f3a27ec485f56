// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QtTest>
#include <chrono>
#include <filesystem>
#include <set>

#include "core/assess/assessment.h"
#include "core/base/files.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

/// Assessments of a tiny model: planned, computed, stopped, resumed, repeated.
class TestAssessment : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;

    json source() {
        json run = tiny::specJson(m_places.inputs());
        for (const char* field : {"name", "seed", "quantization"}) run.erase(field);
        QFile items(m_places.path("items.jsonl"));
        if (!items.exists() && items.open(QIODevice::WriteOnly))
            for (int i = 0; i < 5; ++i)
                items.write(QByteArray::fromStdString(json{{"id", "item-" + std::to_string(i)}, {"question", "Which?"}, {"choices", {"this", "that"}}, {"answer", 0}}.dump() + "\n"));
        run["evaluation"]["tasks"] = {{{"name", "mine"}, {"kind", "multiple-choice"}, {"file", items.fileName().toStdString()}}};
        const json prompts{{"malicious", 0}, {"benign", 6}, {"texts", 0}, {"tasks", 0}};
        json shifted = prompts;
        shifted["benign"] = 0;
        shifted["identity_shift"] = 6;
        return {{"format", "safequant-assessment"},
                {"format_version", 1},
                {"name", "tiny"},
                {"run", run},
                {"methods", {"rtn", "gptq"}},
                {"bits", {8, 2}},
                {"schemes", {{"8", {{"group_size", -1}, {"symmetric", true}, {"activation_bits", 8}}}, {"2", {{"group_size", 16}}}}},
                {"risks", {{{"name", "I"}, {"text", "benign"}, {"calibration", prompts}}, {{"name", "II"}, {"text", "shifted"}, {"calibration", shifted}}}},
                {"attack", {{"methods", {"rtn"}}, {"temperatures", {1.0}}, {"samples", 1}}}};
    }

    std::string make(const json& spec) {
        const auto read = assessmentSpecFromJson(spec, "test");
        if (!read) throw std::runtime_error(read.error().describe());
        const auto folder = createAssessmentFolder(m_places.next().toStdString(), *read);
        if (!folder) throw std::runtime_error(folder.error().describe());
        return *folder;
    }

    /// Runs cells in this process and counts them.
    CellRunner counting(int& runs) {
        return [&runs](const std::string& folder, const std::stop_token& stop) {
            ++runs;
            return executeRun(folder, {}, stop);
        };
    }

    static protocol::AssessmentState stateOf(const std::string& folder) {
        auto state = readAssessment(folder);
        if (!state) throw std::runtime_error(state.error().describe());
        return *state;
    }

private slots:
    void initTestCase() { m_places.prepare(); }

    void cellsAreMethodsByBitsByRisks() {
        auto spec = source();
        spec["seeds"] = {3, 4};
        const auto read = assessmentSpecFromJson(spec, "test");
        QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
        const auto cells = planCells(*read);
        QVERIFY(cells.has_value());
        // Rounding sees no calibration data: one cell a bit width.
        QCOMPARE(cells->size(), std::size_t{2 * (2 + 2 * 2)});
        std::set<std::string> names;
        for (const auto& cell : *cells) {
            names.insert(cell.spec.name);
            QCOMPARE(cell.risk.empty(), cell.method == "rtn");
            QCOMPARE(cell.attacked, cell.method == "rtn");
            QCOMPARE(cell.spec.attack.samples, cell.method == "rtn" ? 1 : 0);
            QCOMPARE(cell.spec.scheme.weightBits, cell.bits);
            QCOMPARE(cell.spec.scheme.activationBits, cell.bits == 8 ? 8 : 16);
            if (cell.risk == "II") QCOMPARE(cell.spec.calibration.identityShift, 6);
        }
        QCOMPARE(names.size(), cells->size());
        const auto again = assessmentSpecFromJson(assessmentSpecToJson(*read), "test");
        QVERIFY2(again.has_value(), again ? "" : again.error().describe().c_str());
        QCOMPARE(assessmentSpecToJson(*again), assessmentSpecToJson(*read));
    }

    void brokenSpecsAreRefused_data() {
        QTest::addColumn<QString>("patch");
        QTest::addColumn<QString>("message");
        QTest::newRow("no methods") << R"([{"op":"remove","path":"/methods"}])" << "methods must be a list";
        QTest::newRow("unknown method") << R"([{"op":"replace","path":"/methods/0","value":"rnt"}])" << "methods[0] names an unknown method";
        QTest::newRow("method twice") << R"([{"op":"replace","path":"/methods/1","value":"rtn"}])" << "methods[1] has the name \"rtn\" of another one";
        QTest::newRow("bits") << R"([{"op":"replace","path":"/bits","value":[4, 9]}])" << "bits must be a list of whole numbers from 2 to 8";
        QTest::newRow("scheme of no width") << R"([{"op":"add","path":"/schemes/x","value":{}}])" << "schemes has \"x\"";
        QTest::newRow("risk twice") << R"([{"op":"replace","path":"/risks/1/name","value":"I"}])" << "risks[1] needs a \"name\" of its own";
        QTest::newRow("run's method") << R"([{"op":"add","path":"/run/quantization","value":{}}])" << "run has \"quantization\"";
        QTest::newRow("attack of another") << R"([{"op":"replace","path":"/attack/methods/0","value":"awq"}])" << "attack.methods has \"awq\"";
        QTest::newRow("attack's risk") << R"([{"op":"add","path":"/attack/risk","value":"IV"}])" << "attack.risk is \"IV\"";
        QTest::newRow("a cell's setting") << R"([{"op":"replace","path":"/methods/1","value":{"name":"g","quantization":{"method":"gptq","options":{"order":"up"}}}}])"
                                          << "order";
        QTest::newRow("unknown field") << R"([{"op":"add","path":"/methodz","value":1}])" << "methodz";
        QTest::newRow("a broken seed") << R"([{"op":"add","path":"/seeds","value":[-1]}])" << "seeds must be a list";
    }
    void brokenSpecsAreRefused() {
        QFETCH(QString, patch);
        QFETCH(QString, message);
        const auto read = assessmentSpecFromJson(source().patch(json::parse(patch.toStdString())), "test");
        QVERIFY(!read.has_value());
        QVERIFY2(QString::fromStdString(read.error().describe()).contains(message), read.error().describe().c_str());
    }

    void cellsAreRunsAndShareTheirBase() {
        const auto folder = make(source());
        int runs = 0;
        std::vector<int> finished;
        const auto done = executeAssessment(folder, counting(runs), [&](const auto& state) { finished.push_back(state.summary.finished); }, {});
        QVERIFY2(done.has_value(), done ? "" : done.error().describe().c_str());
        QCOMPARE(runs, 6);
        QCOMPARE(finished.back(), 6);
        const auto state = stateOf(folder);
        QCOMPARE(state.summary.status, std::string("finished"));
        QCOMPARE(state.summary.model, std::string("tiny-llama"));
        QCOMPARE(state.findings.size(), std::size_t{6});
        int shared = 0;
        for (const auto& cell : state.cells) {
            QCOMPARE(cell.status, std::string("finished"));
            QVERIFY(cell.peakMemoryBytes > 0 && cell.seconds > 0.0 && cell.perplexity > 0.0 && cell.perplexityBefore > 0.0);
            QVERIFY2(cell.bitsPerWeight > cell.bits && cell.bitsPerWeight < cell.bits + 3, qPrintable(QString::number(cell.bitsPerWeight)));
            const auto* harmful = cell.measure("harmful score");
            QVERIFY(harmful != nullptr && harmful->after.total == 8);
            QVERIFY(cell.measure("right, mine") != nullptr);
            QCOMPARE(cell.attacks.size(), std::size_t(cell.method == "rtn" ? 1 : 0));
            const auto manifest = json::parse(tiny::readAll(cell.folder + "/manifest.json"));
            if (!manifest.contains("reused")) continue;
            ++shared;
            QVERIFY(manifest["reused"].contains("base answers") && !manifest["reused"].contains("base blocks") && manifest["reused"].contains("tasks/mine-base.json"));
            QCOMPARE(manifest["reused"].contains("attack/base-t1-k0-p1.json"), cell.method == "rtn");
        }
        QCOMPARE(shared, 5);
        QCOMPARE(json::parse(tiny::readAll(folder + "/summary.json")), protocol::toJson(state));

        // A cell is what a run of its own gives.
        const auto alone = tiny::makeRun(m_places.next(), runSpecToJson(planCells(*readAssessmentSpec(folder + "/assessment.json"))->back().spec));
        tiny::finishRun(alone);
        QCOMPARE(*resultHashes(alone), *resultHashes(state.cells.back().folder));

        // Nothing is computed twice.
        const auto again = executeAssessment(folder, counting(runs), {}, {});
        QVERIFY(again.has_value());
        QCOMPARE(runs, 6);
    }

    void aFailedCellStopsNoOther() {
        const auto folder = make(source());
        int runs = 0;
        const auto failing = [&](const std::string& run, const std::stop_token& stop) -> Expected<void> {
            if (++runs == 2) return fail(ErrorKind::Failed, "Its process ended.", run);
            return executeRun(run, {}, stop);
        };
        protocol::AssessmentState last;
        const auto done = executeAssessment(folder, failing, [&](const auto& state) { last = state; }, {});
        QVERIFY(!done.has_value());
        QVERIFY2(QString::fromStdString(done.error().message).contains("Round to nearest 2 bit: Its process ended."), done.error().describe().c_str());
        QCOMPARE(runs, 6);
        QCOMPARE(last.summary.finished, 5);
        QCOMPARE(last.summary.failed, 1);
        QCOMPARE(last.cells[1].detail, std::string("Its process ended."));
        const auto again = executeAssessment(folder, counting(runs), {}, {});
        QVERIFY2(again.has_value(), again ? "" : again.error().describe().c_str());
        QCOMPARE(runs, 7);
        QCOMPARE(stateOf(folder).summary.finished, 6);
    }

    void stopsAndGoesOn() {
        const auto folder = make(source());
        std::stop_source source;
        int runs = 0;
        const auto stopping = [&](const std::string& run, const std::stop_token& stop) -> Expected<void> {
            if (++runs == 3) source.request_stop();
            return executeRun(run, {}, stop);
        };
        const auto stopped = executeAssessment(folder, stopping, {}, source.get_token());
        QVERIFY(!stopped.has_value());
        QCOMPARE(stopped.error().kind, ErrorKind::Cancelled);
        auto state = stateOf(folder);
        QCOMPARE(state.summary.status, std::string("stopped"));
        QCOMPARE(state.summary.finished, 2);
        QCOMPARE(state.cells[2].status, std::string("stopped"));
        QVERIFY(state.secondsLeft > 0.0);
        const auto done = executeAssessment(folder, counting(runs), {}, {});
        QVERIFY(done.has_value());
        QCOMPARE(runs, 3 + 4);
        QCOMPARE(QDir(QString::fromStdString(folder) + "/runs").entryList(QDir::Dirs | QDir::NoDotAndDotDot).size(), 6);
    }

    void theWorstFindingsAreRepeated() {
        auto spec = source();
        spec["methods"] = {"rtn"};
        spec.erase("attack");
        spec["repeat"] = {{"findings", 1}, {"seeds", {7, 8}}};
        const auto folder = make(spec);
        int runs = 0;
        const auto done = executeAssessment(folder, counting(runs), {}, {});
        QVERIFY2(done.has_value(), done ? "" : done.error().describe().c_str());
        QCOMPARE(runs, 2 + 2);
        const auto state = stateOf(folder);
        QCOMPARE(state.cells.size(), std::size_t{4});
        const auto worst = state.cells[2];
        QVERIFY(!state.cells[0].repeat && worst.repeat && state.cells[3].repeat);
        QCOMPARE(worst.seed, std::uint64_t{7});
        QCOMPARE(state.cells[3].seed, std::uint64_t{8});
        QCOMPARE(worst.bits, state.cells[3].bits);
        QCOMPARE(state.summary.status, std::string("finished"));
        const auto listed = listAssessments(QFileInfo(QString::fromStdString(folder)).dir().absolutePath().section('/', 0, -2).toStdString());
        QCOMPARE(listed.size(), std::size_t{1});
        QCOMPARE(listed.front().finished, 4);
    }

    void theSummaryStandsForTheFolderWhileItIsItsOwn() {
        auto spec = source();
        spec["methods"] = {"rtn"};
        spec.erase("attack");
        const auto folder = make(spec);
        // Before any cell: nothing is kept, everything is read.
        auto state = readAssessmentSummary(folder);
        QVERIFY2(state.has_value(), state ? "" : state.error().describe().c_str());
        QCOMPARE(state->summary.status, std::string("stopped"));
        QCOMPARE(state->cells.size(), std::size_t{2});
        std::string during;
        const auto watching = [&](const std::string& run, const std::stop_token& stop) -> Expected<void> {
            if (during.empty()) during = readAssessmentSummary(folder)->summary.status;
            return executeRun(run, {}, stop);
        };
        QVERIFY(executeAssessment(folder, watching, {}, {}).has_value());
        QCOMPARE(during, std::string("running"));
        QCOMPARE(protocol::toJson(*readAssessmentSummary(folder)), protocol::toJson(*readAssessment(folder)));

        // As a process leaves it that is killed in its second cell, whose run was finished all the same.
        const std::string path = folder + "/summary.json";
        const json whole = json::parse(tiny::readAll(path));
        json killed = whole;
        killed["summary"]["status"] = "running";
        killed["summary"]["finished"] = 1;
        killed["cells"][1]["status"] = "running";
        killed["cells"][1].erase("measures");
        QVERIFY(writeFileAtomically(path, killed.dump()).has_value());
        QCOMPARE(protocol::toJson(*readAssessmentSummary(folder)), whole);
        // Its run was not: what is known of it is how far it is.
        const std::string manifestPath = whole["cells"][1]["folder"].get<std::string>() + "/manifest.json";
        json manifest = json::parse(tiny::readAll(manifestPath));
        manifest["status"] = "stopped";
        manifest["detail"] = "block 2 of 4";
        QVERIFY(writeFileAtomically(manifestPath, manifest.dump()).has_value());
        state = readAssessmentSummary(folder);
        QCOMPARE(state->summary.status, std::string("stopped"));
        QCOMPARE(state->cells[1].status, std::string("stopped"));
        QCOMPARE(state->cells[1].detail, std::string("block 2 of 4"));

        // A summary of another folder, one that is older than the spec, and one that is none: all is read.
        json moved = whole;
        moved["summary"]["folder"] = "/elsewhere";
        for (const std::string& content : {moved.dump(), std::string("{")}) {
            QVERIFY(writeFileAtomically(path, content).has_value());
            QCOMPARE(readAssessmentSummary(folder)->cells[1].status, std::string("stopped"));
        }
        QVERIFY(writeFileAtomically(path, whole.dump()).has_value());
        QCOMPARE(readAssessmentSummary(folder)->cells[1].status, std::string("finished"));
        std::filesystem::last_write_time(path, std::filesystem::last_write_time(folder + "/assessment.json") - std::chrono::seconds(1));
        QCOMPARE(readAssessmentSummary(folder)->cells[1].status, std::string("stopped"));
        QVERIFY(!readAssessmentSummary(m_places.next().toStdString()).has_value());
    }
};

QTEST_APPLESS_MAIN(TestAssessment)
#include "test_assessment.moc"
