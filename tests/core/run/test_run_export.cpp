// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QtTest>
#include <cmath>

#include "core/run/run_folder.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;
using tiny::finishRun;
using tiny::readAll;

/// What leaves a run: exports in every format, and what stops one before anything is computed.
class TestRunExport : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    std::string m_whole;  ///< An unbroken, finished run with every stage.

private slots:
    void initTestCase() {
        m_places.prepare();
        const auto place = m_places.next();
        m_whole = tiny::makeRun(place, m_places.spec());
        finishRun(m_whole);
    }

    /// A run that was killed after its export appeared, before what it was written beside was gone.
    void whatAnExportWasWrittenBesideGoes() {
        const auto place = m_places.next();
        const auto run = tiny::makeRun(place, m_places.spec());
        finishRun(run);
        const auto beside = m_places.exportFolder() + ".part";
        QVERIFY(!QFile::exists(beside));
        QVERIFY(QDir().mkpath(beside));
        QFile marker(beside + "/.safequant-export");
        QVERIFY(marker.open(QIODevice::WriteOnly));
        marker.close();
        QFile manifestFile(QString::fromStdString(run) + "/manifest.json");
        auto manifest = json::parse(readAll(manifestFile.fileName().toStdString()));
        manifest["status"] = "interrupted";
        QVERIFY(manifestFile.open(QIODevice::WriteOnly | QIODevice::Truncate));
        manifestFile.write(QByteArray::fromStdString(manifest.dump()));
        manifestFile.close();
        finishRun(run);
        QVERIFY(!QFile::exists(beside));
        QVERIFY(QFile::exists(m_places.exportFolder() + "/provenance.json"));
    }

    void exportsOfFinishedRuns() {
        const auto target = m_places.path("exported").toStdString();
        const auto preflight = preflightRunExport(m_whole, target);
        QVERIFY2(preflight.has_value(), preflight ? "" : preflight.error().describe().c_str());
        QVERIFY(preflight->possible);
        const auto outcome = exportRun(m_whole, target, {});
        QVERIFY2(outcome.has_value(), outcome ? "" : outcome.error().describe().c_str());
        QCOMPARE(outcome->maxReloadError, 0.0);
        QCOMPARE(readAll(target + "/config.json"),
                 readAll((m_places.path("export-1") + "/config.json").toStdString()));
        QVERIFY(!exportRun(m_whole, target, {}).has_value());
    }

    void runsExportInAnyFormat_data() {
        QTest::addColumn<QString>("format");
        QTest::addColumn<QString>("type");
        QTest::addColumn<int>("group");
        QTest::addColumn<QString>("pattern");
        QTest::addColumn<bool>("rotated");
        QTest::newRow("GPTQ") << "gptq" << "" << 16 << "quantize_config.json" << false;
        QTest::newRow("AWQ") << "awq" << "" << 16 << "model.safetensors" << false;
        QTest::newRow("AWQ, rotated") << "awq" << "" << 16 << "model.safetensors" << true;
        QTest::newRow("GGUF") << "gguf" << "" << 32 << "*.gguf" << false;
        QTest::newRow("GGUF with a type") << "gguf" << "Q8_0" << 32 << "*.gguf" << false;
        QTest::newRow("GGUF, rotated") << "gguf" << "" << 32 << "*.gguf" << true;
    }

    void runsExportInAnyFormat() {
        QFETCH(QString, format);
        QFETCH(QString, type);
        QFETCH(int, group);
        QFETCH(QString, pattern);
        QFETCH(bool, rotated);
        const auto place = m_places.next();
        auto exportOnly = tiny::specJson(m_places.inputs(), m_places.exportFolder());
        exportOnly["stages"] = json::array();
        exportOnly["quantization"]["default"]["group_size"] = group;
        // Its rows fill no whole blocks of a GGUF file.
        if (group == 32) exportOnly["quantization"]["rules"] = {{{"pattern", "down_proj"}, {"weight_bits", 16}}};
        if (rotated) exportOnly["quantization"]["rotation"] = json::object();
        exportOnly["export"]["format"] = format.toStdString();
        if (!type.isEmpty()) exportOnly["export"]["type"] = type.toStdString();
        const auto run = tiny::makeRun(place, exportOnly);
        finishRun(run);
        const auto files = QDir(m_places.exportFolder()).entryList({pattern});
        QVERIFY2(files.size() == 1, qPrintable(QDir(m_places.exportFolder()).entryList().join(' ')));
        const auto again = openCheckpoint(m_places.exportFolder().toStdString());
        QVERIFY2(again.has_value(), again ? "" : again.error().describe().c_str());
        QCOMPARE((*again)->config().tiedEmbeddings, !rotated);

        // The same files as the finished run exports on request.
        const auto target = m_places.path("again-" + QString(QTest::currentDataTag()).replace(' ', '-'));
        const auto options = exportOptionsNamed(format.toStdString(), type.toStdString(), "test");
        const auto outcome = exportRun(run, target.toStdString(), {}, *options);
        QVERIFY2(outcome.has_value(), outcome ? "" : outcome.error().describe().c_str());
        const auto bytes = [&](const QString& folder) { return readAll((folder + "/" + files.first()).toStdString()); };
        QVERIFY(bytes(target) == bytes(m_places.exportFolder()));
    }

    /// A rotated model that keeps its 16 bits computes what the base does: what is shown of it, its perplexity, its export.
    void rotatedRunsComputeTheSame() {
        const auto place = m_places.next();
        auto rotated = m_places.spec();
        rotated["quantization"] = {{"default", {{"weight_bits", 16}}}, {"rotation", {{"seed", 9}}}};
        const auto run = tiny::makeRun(place, rotated);
        finishRun(run);
        const auto state = readRunState(run);
        QVERIFY(state.has_value());
        QCOMPARE(state->summary.scheme, std::string("W16A16, rotated"));
        QVERIFY(QString::fromStdString(json(state->notes).dump()).contains("Hadamard matrix of size 32, value heads by a random Hadamard matrix of size 8"));
        QCOMPARE(state->blocks.size(), std::size_t{8});
        for (std::size_t i = 0; i < 4; ++i) {
            const auto& base = state->blocks[i];
            const auto& quantized = state->blocks[i + 4];
            QCOMPARE(quantized.model, std::string("quantized"));
            QVERIFY2(quantized.streamRelativeError >= 0.0 && quantized.streamRelativeError < 1e-5, qPrintable(QString::number(quantized.streamRelativeError)));
            QVERIFY(std::abs(quantized.transferred->meanLogitMalicious - base.refitted.meanLogitMalicious) < 1e-3);
        }
        // The base's results do not know of the rotation.
        QCOMPARE(readAll(run + "/blocks/base-003.h5"), readAll(m_whole + "/blocks/base-003.h5"));
        QVERIFY(std::abs(state->metrics[1].perplexity / state->metrics[0].perplexity - 1.0) < 1e-4);
        const auto exported = openCheckpoint(m_places.exportFolder().toStdString());
        QVERIFY2(exported.has_value(), exported ? "" : exported.error().describe().c_str());
        QVERIFY(!(*exported)->config().tiedEmbeddings && (*exported)->has("lm_head.weight"));
        QCOMPARE(json::parse(readAll((m_places.exportFolder() + "/config.json").toStdString()))["tie_word_embeddings"], json(false));
    }

    /// Groups in an order of their own go where the group of each column can be written down; each export is read back exactly.
    void orderedGroups() {
        auto spec = tiny::learnedSpecJson(m_places.inputs());
        spec.erase("aligned");
        spec["quantization"] = {{"method", "gptq"}, {"options", {{"order", "group"}}}, {"default", {{"weight_bits", 4}, {"group_size", 16}}}};
        const auto run = tiny::makeRun(m_places.next(), spec);
        finishRun(run);
        const auto target = [&](const char* format) { return m_places.path(QString("ordered-") + format).toStdString(); };
        for (const char* format : {"compressed-tensors", "gptq"}) {
            const auto outcome = exportRun(run, target(format), {}, *exportOptionsNamed(format, "", "test"));
            QVERIFY2(outcome.has_value(), outcome ? "" : outcome.error().describe().c_str());
        }
        const auto config = [&](const char* format) { return json::parse(readAll(target(format) + "/config.json"))["quantization_config"]; };
        QCOMPARE(config("gptq")["desc_act"], json(true));
        QCOMPARE(config("compressed-tensors")["config_groups"]["group_0"]["weights"]["actorder"], json("group"));
        for (const char* format : {"awq", "gguf"}) {
            const auto outcome = exportRun(run, target(format), {}, *exportOptionsNamed(format, "", "test"));
            QVERIFY(!outcome.has_value());
            QVERIFY2(outcome.error().message.find("another column order") != std::string::npos, outcome.error().message.c_str());
        }
    }

    void whatTheExportCannotHoldIsRefusedBeforeTheRun() {
        m_places.next();
        auto mixed = m_places.spec();
        mixed["export"]["format"] = "gptq";
        mixed["quantization"]["rules"] = {{{"pattern", "down_proj"}, {"weight_bits", 8}, {"group_size", 16}}};
        const auto read = runSpecFromJson(mixed, "test");
        const auto plan = planRun(*read, m_places.path({}).toStdString(), false);
        QVERIFY(!plan.has_value());
        QCOMPARE(plan.error().kind, ErrorKind::Unsupported);
        QCOMPARE(plan.error().context, std::string("export.format"));
        QVERIFY2(plan.error().message.find("one scheme for all linears") != std::string::npos, plan.error().message.c_str());

        const auto place = m_places.next();
        const auto run = tiny::makeRun(place, mixed);
        const auto done = executeRun(run, {}, {});
        QVERIFY(!done.has_value());
        QCOMPARE(done.error().kind, ErrorKind::Unsupported);
        QVERIFY(!QFile::exists(QString::fromStdString(run + "/blocks/base-000.h5")));
    }

    void aFolderInTheWayStopsTheRunBeforeItBegins() {
        const auto place = m_places.next();
        QDir().mkpath(m_places.exportFolder() + "/something");
        const auto run = tiny::makeRun(place, m_places.spec());
        const auto done = executeRun(run, {}, {});
        QVERIFY(!done.has_value());
        QVERIFY2(done.error().message.find("not empty") != std::string::npos, done.error().message.c_str());
        QVERIFY(!QFile::exists(QString::fromStdString(run + "/blocks/base-000.h5")));
        QVERIFY(QDir(m_places.exportFolder()).removeRecursively());
        finishRun(run);
    }
};

QTEST_GUILESS_MAIN(TestRunExport)
#include "test_run_export.moc"
