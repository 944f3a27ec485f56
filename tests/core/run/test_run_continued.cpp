// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <filesystem>

#include "core/run/coded_blocks.h"
#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

/// Runs that take over the first blocks of another.
class TestRunContinued : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    QString m_workspace;
    std::string m_first;

    json spec() const {
        json spec = tiny::learnedSpecJson(m_places.inputs());
        spec["stages"] = {"quantize", "evaluate"};
        return spec;
    }
    json continued(int blocks) const {
        json changed = spec();
        changed["quantization"]["continues"] = {{"run", m_first}, {"blocks", blocks}};
        return changed;
    }
    std::string begun(const json& spec) const { return tiny::makeRun(m_workspace, spec); }
    std::string finished(const json& spec) const {
        const std::string folder = begun(spec);
        tiny::finishRun(folder);
        return folder;
    }
    static std::string blockOf(const std::string& folder, int block) { return tiny::readAll(codedBlockPath(folder, block)); }
    static std::string problemOf(const json& spec) {
        const auto read = runSpecFromJson(spec, "test");
        return read ? std::string() : read.error().describe();
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_workspace = m_places.next();
        m_first = finished(spec());
    }

    /// With the same settings all blocks are the same, bit for bit: what follows begins where the first run was.
    void theSameSettingsGiveTheSame() {
        const std::string again = finished(continued(2));
        for (int block = 0; block < 4; ++block) QVERIFY(blockOf(again, block) == blockOf(m_first, block));
        const auto state = readRunState(again), first = readRunState(m_first);
        QVERIFY(state.has_value() && first.has_value());
        QCOMPARE(state->learning.size(), std::size_t{4});
        // Blocks 0 and 1 are told as they were learned, to the second.
        for (std::size_t block = 0; block < 2; ++block)
            QCOMPARE(QString::fromStdString(protocol::toJson(state->learning[block]).dump()), QString::fromStdString(protocol::toJson(first->learning[block]).dump()));
        QCOMPARE(Manifest::read(again)->json()["reused"]["quantized blocks"].get<std::string>(), std::filesystem::path(m_first).filename().string());
        QVERIFY(tiny::readAll(again + "/manifest.json").find("Blocks 0 to 1 are taken over") != std::string::npos);
    }

    void otherSettingsChangeTheRest() {
        json other = continued(2);
        other["quantization"]["learning"]["late_epochs"] = 4;
        other["quantization"]["learning"]["early_epochs"] = 2;
        const std::string again = finished(other);
        for (int block = 0; block < 4; ++block) QCOMPARE(blockOf(again, block) == blockOf(m_first, block), block < 2);
        // What goes on from it goes on from all of it.
        json further = other;
        further["quantization"]["continues"] = {{"run", again}, {"blocks", 3}};
        const std::string third = finished(further);
        for (int block = 0; block < 4; ++block) QVERIFY(blockOf(third, block) == blockOf(again, block));
        QVERIFY(blockOf(third, 2) != blockOf(m_first, 2));
        // Without the other run it is whole.
        std::filesystem::rename(again, again + "-away");
        const auto read = readRunState(third);
        QVERIFY(read.has_value());
        QCOMPARE(read->summary.status, std::string("finished"));
        std::filesystem::rename(again + "-away", again);
    }

    void calibratedBlocksAreTakenOverToo() {
        json gptq = spec();
        gptq.erase("aligned");
        gptq["quantization"].erase("learning");
        gptq["quantization"]["method"] = "gptq";
        const std::string whole = finished(gptq);
        gptq["quantization"]["continues"] = {{"run", whole}, {"blocks", 3}};
        const std::string again = finished(gptq);
        for (int block = 0; block < 4; ++block) QVERIFY(blockOf(again, block) == blockOf(whole, block));
    }

    void whatDoesNotFitIsRefused_data() {
        QTest::addColumn<QString>("change");
        QTest::addColumn<QString>("said");
        QTest::newRow("another model") << R"({"checkpoint": "MODEL"})" << "another model";
        QTest::newRow("other bits") << R"({"quantization": {"rules": [{"pattern": "layers\\.1\\.mlp\\.up_proj", "weight_bits": 8}]}})" << "layers.1.mlp.up_proj is";
        QTest::newRow("a rotation") << R"({"quantization": {"rotation": {}}})" << "rotated otherwise";
        QTest::newRow("more blocks than there are") << R"({"quantization": {"continues": {"blocks": 5}}})" << "the model has 4";
        QTest::newRow("a run that is not there") << R"({"quantization": {"continues": {"run": "/nowhere/run"}}})" << "/nowhere/run";
    }
    void whatDoesNotFitIsRefused() {
        QFETCH(QString, change);
        QFETCH(QString, said);
        json changed = continued(2);
        changed.merge_patch(json::parse(change.replace("MODEL", m_places.inputs() + "/tiny-aligned").toStdString()));
        const std::string folder = begun(changed);
        const auto done = executeRun(folder, {}, {});
        QVERIFY(!done.has_value());
        QVERIFY2(done.error().describe().find(said.toStdString()) != std::string::npos, done.error().describe().c_str());
        QVERIFY(!hasCodedBlock(folder, 0));
    }

    void aBlockThatIsNotMadeIsNamed() {
        const std::string begunOnly = begun(spec());
        json changed = continued(1);
        // What a run is of is known once it has begun.
        std::stop_source stop;
        QVERIFY(!executeRun(begunOnly, [&](const protocol::RunEvent& event) { if (event.type == "stage") stop.request_stop(); }, stop.get_token()).has_value());
        changed["quantization"]["continues"]["run"] = begunOnly;
        const auto done = executeRun(begun(changed), {}, {});
        QVERIFY(!done.has_value());
        QVERIFY2(done.error().message.find("Block 0 is not made there yet") != std::string::npos, done.error().describe().c_str());
    }

    void specsThatSayNothingSensible() {
        json changed = continued(0);
        QVERIFY(problemOf(changed).find("blocks") != std::string::npos);
        changed = continued(1);
        changed["quantization"]["continues"].erase("run");
        QVERIFY(problemOf(changed).find("is missing") != std::string::npos);
        changed = continued(1);
        changed["quantization"]["patch"] = {{"method", "distillation"}};
        QVERIFY(problemOf(changed).find("changes that") != std::string::npos);
        changed = continued(1);
        changed["quantization"]["method"] = "rtn";
        changed["quantization"].erase("learning");
        QVERIFY(problemOf(changed).find("makes none so") != std::string::npos);
        const auto read = runSpecFromJson(continued(2), "test");
        QVERIFY(read.has_value());
        QCOMPARE(runSpecToJson(*read)["quantization"]["continues"].dump(), continued(2)["quantization"]["continues"].dump());
    }
};

QTEST_GUILESS_MAIN(TestRunContinued)
#include "test_run_continued.moc"
