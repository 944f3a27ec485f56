// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include "engine_client.h"

using namespace safequant;

/// Assessments as the engine computes them.
class TestEngineAssessments : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::string m_model, m_prompts;

private slots:
    void initTestCase() {
        m_model = m_folder.filePath("model").toStdString();
        m_prompts = m_folder.filePath("prompts.jsonl").toStdString();
        writeEngineInputs(m_model, m_prompts);
    }

    void anAssessmentIsComputedStoppedAndResumed() {
        json run = tinyEngineSpec(m_model, m_prompts);
        for (const char* field : {"name", "quantization"}) run.erase(field);
        const json benign{{"malicious", 0}, {"benign", 4}, {"texts", 0}, {"tasks", 0}};
        const json matrix{{"format", "safequant-assessment"}, {"format_version", 1}, {"name", "engine"}, {"run", run}, {"methods", {"rtn", "gptq"}}, {"bits", {8, 2}},
                          {"schemes", {{"8", {{"group_size", 32}}}, {"2", {{"group_size", 16}}}}}, {"risks", {{{"name", "I"}, {"text", "benign"}, {"calibration", benign}}}}};
        const std::string workspace = m_folder.filePath("assessed").toStdString();
        Client client;
        QVERIFY(client.call("assessment/list", {{"workspace", workspace}}).at("result").empty());

        // What is wrong is said before anything is made.
        const auto error = [&](const json& params) { return client.call("assessment/start", params).at("error").at("data").at("message").get<std::string>(); };
        json strange = matrix;
        strange["methods"] = {"rtn", "magic"};
        QVERIFY(QString::fromStdString(error({{"workspace", workspace}, {"spec", strange}})).contains("magic"));
        QVERIFY(QString::fromStdString(error({{"workspace", workspace}})).contains("one of them alone"));
        QVERIFY(QString::fromStdString(error({{"workspace", workspace}, {"example", true}})).contains("needs a model"));
        QVERIFY(client.call("assessment/list", {{"workspace", workspace}}).at("result").empty());

        const auto plan = protocol::parseMessage<protocol::AssessmentState>(client.call("assessment/plan", {{"spec", matrix}, {"name", "mine"}}).at("result"));
        QCOMPARE(plan->summary.name, std::string("mine"));
        QCOMPARE(plan->cells.size(), std::size_t{4});
        QCOMPARE(plan->cells[0].status, std::string("waiting"));

        const std::string folder = client.call("assessment/start", {{"workspace", workspace}, {"spec", matrix}}).at("result").at("folder").get<std::string>();
        const auto opened = protocol::parseMessage<protocol::AssessmentState>(client.call("assessment/open", {{"folder", folder}}).at("result"));
        QCOMPARE(opened->summary.status, std::string("running"));
        QVERIFY(!client.assessmentUntil([](const auto& state) { return state.summary.finished >= 1; }).empty());
        QVERIFY(client.call("assessment/cancel", {{"folder", folder}}).contains("result"));
        const auto stopped = client.assessmentUntil([](const auto& state) { return state.summary.status != "running"; });
        QVERIFY(!stopped.empty());
        QCOMPARE(stopped.back().summary.status, std::string("stopped"));
        QVERIFY(stopped.back().summary.finished < 4);
        // Its process may be about to end.
        const auto gone = [&] {
            const json answer = client.call("assessment/cancel", {{"folder", folder}});
            return answer.contains("error") && answer["error"]["data"]["kind"] == "not_found";
        };
        QTRY_VERIFY_WITH_TIMEOUT(gone(), 10'000);

        QVERIFY(client.call("assessment/resume", {{"folder", folder}}).contains("result"));
        const auto ended = client.assessmentUntil([](const auto& state) { return state.summary.status != "running"; });
        QVERIFY(!ended.empty());
        const auto& last = ended.back();
        QCOMPARE(last.summary.status, std::string("finished"));
        QCOMPARE(last.summary.finished, 4);
        QCOMPARE(last.findings.size(), std::size_t{4});
        const auto listed = client.call("assessment/list", {{"workspace", workspace}}).at("result");
        QCOMPARE(listed.size(), std::size_t{1});
        QCOMPARE(listed[0].at("finished").get<int>(), 4);
        QVERIFY(QFile::exists(QString::fromStdString(folder) + "/assess.log"));

        // Prompts by their ids, with what became of their answers, in the order asked for.
        const auto state = protocol::parseMessage<protocol::RunState>(client.call("run/open", {{"folder", last.cells[3].folder}}).at("result"));
        const auto& answer = state->answers.back();
        const std::string other = state->prompts.front().id == answer.id ? state->prompts.back().id : state->prompts.front().id;
        const auto prompts = client.call("assessment/prompts", {{"folder", last.cells[3].folder}, {"ids", {answer.id, other}}}).at("result");
        QCOMPARE(prompts.size(), std::size_t{2});
        const auto flipped = protocol::parseMessage<protocol::FlippedPrompt>(prompts[0]);
        QCOMPARE(flipped->index, answer.prompt);
        QCOMPARE(flipped->prompt.id, answer.id);
        QCOMPARE(answer.model == "base" ? flipped->before : flipped->after, answer.outcome);
        QCOMPARE(prompts[1].at("prompt").at("id").get<std::string>(), other);
        QCOMPARE(client.call("assessment/prompts", {{"folder", last.cells[3].folder}, {"ids", {"nobody"}}}).at("error").at("data").at("kind").get<std::string>(), std::string("mismatch"));
    }

    void anAssessmentOutlivesTheEngine() {
        json run = tinyEngineSpec(m_model + "-large", m_prompts);
        for (const char* field : {"name", "quantization"}) run.erase(field);
        // Long enough to be seen at work.
        run["evaluation"] = {{"malicious", 24}, {"benign", 24}, {"hard_benign", 6}, {"max_new_tokens", 128}, {"perplexity_tokens", 4096}};
        const json matrix{{"format", "safequant-assessment"}, {"format_version", 1}, {"name", "outlives"}, {"run", run}, {"methods", {"rtn"}}, {"bits", {8}}, {"schemes", {{"8", {{"group_size", 32}}}}}};
        std::string folder;
        {
            Client client;
            folder = client.call("assessment/start", {{"workspace", m_folder.filePath("outlives").toStdString()}, {"spec", matrix}}).at("result").at("folder").get<std::string>();
            QVERIFY(!client.assessmentUntil([](const auto& state) { return state.cells.front().status == "running"; }).empty());
            ::kill(static_cast<pid_t>(client.process().processId()), SIGKILL);
            QVERIFY(client.process().waitForFinished(10000));
        }
        Client again;
        const auto state = protocol::parseMessage<protocol::AssessmentState>(again.call("assessment/open", {{"folder", folder}}).at("result"));
        QCOMPARE(state->summary.status, std::string("running"));
        const auto states = again.assessmentUntil([](const auto& each) { return each.summary.status != "running"; });
        QVERIFY(!states.empty());
        QCOMPARE(states.back().summary.status, std::string("finished"));
    }
};

QTEST_GUILESS_MAIN(TestEngineAssessments)
#include "test_engine_assessments.moc"
