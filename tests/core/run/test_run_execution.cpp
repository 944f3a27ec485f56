// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QtTest>
#include <cmath>

#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

/// What runs compute their answers with, and runs that capture nothing.
class TestRunExecution : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;

    std::string finished(const json& spec) {
        const std::string folder = tiny::makeRun(m_places.next(), spec);
        tiny::finishRun(folder);
        return folder;
    }
    static json manifestOf(const std::string& folder) { return Manifest::read(folder)->json(); }
    static std::vector<std::string> answersOf(const std::string& folder) {
        std::vector<std::string> answers;
        QFile file(QString::fromStdString(folder + "/generations.jsonl"));
        if (!file.open(QIODevice::ReadOnly)) throw std::runtime_error("no answers");
        while (!file.atEnd())
            if (const json line = json::parse(file.readLine().toStdString()); line["model"] == "quantized") answers.push_back(line["text"].get<std::string>());
        return answers;
    }
    static double perplexityOf(const std::string& folder) { return json::parse(tiny::readAll(folder + "/perplexity.json"))["quantized"]["perplexity"].get<double>(); }

    json spec(const json& scheme) {
        json spec = tiny::specJson(m_places.inputs());
        spec["stages"] = {"quantize", "evaluate"};
        spec["quantization"] = {{"method", "rtn"}, {"default", scheme}, {"rules", {{{"pattern", "layers\\.2\\.mlp\\.up_proj"}, {"weight_bits", 16}}}}};
        return spec;
    }

private slots:
    void initTestCase() { m_places.prepare(); }

    /// The manifest says what was computed how; both ways tell the same but for rounding.
    void integersAndFloats_data() {
        QTest::addColumn<QString>("scheme");
        QTest::addColumn<QString>("counted");
        QTest::addColumn<double>("tolerance");  // Nats a token. Activations on the edge of two codes make the first one coarser.
        QTest::newRow("W8A8") << R"({"weight_bits": 8, "group_size": -1, "symmetric": true, "activation_bits": 8})" << "linears_by_codes" << 5e-3;
        QTest::newRow("W4A16") << R"({"weight_bits": 4, "group_size": 16, "symmetric": false, "activation_bits": 16})" << "linears_by_codes_of_weights" << 1e-5;
    }
    void integersAndFloats() {
        QFETCH(QString, scheme);
        QFETCH(QString, counted);
        QFETCH(double, tolerance);
        json asked = spec(json::parse(scheme.toStdString()));
        const std::string integers = finished(asked);
        asked["execution"] = "float";
        const std::string floats = finished(asked);
        const json execution = manifestOf(integers)["execution"];
        QCOMPARE(execution["products"].get<std::string>(), std::string("integer"));
        // Up is left alone in one of four blocks, and gate is computed with it.
        QCOMPARE(execution[counted.toStdString()].get<int>(), 4 * 7 - 2);
        QCOMPARE(execution["linears_in_floats"].get<int>(), 2);
        QCOMPARE(execution["head"].get<std::string>(), std::string("floats"));
        QCOMPARE(manifestOf(floats)["execution"]["products"].get<std::string>(), std::string("float"));
        const double difference = std::abs(std::log(perplexityOf(integers) / perplexityOf(floats)));
        QVERIFY2(difference < tolerance, qPrintable(QString::number(difference)));
        const auto a = answersOf(integers), b = answersOf(floats);
        QCOMPARE(a.size(), b.size());
        QVERIFY(!a.empty());
    }

    /// Answers do not depend on activations being captured.
    void runsWithoutCapture_data() {
        QTest::addColumn<QString>("quantization");
        QTest::newRow("rounded") << R"({"method": "rtn", "default": {"weight_bits": 4, "group_size": 16}})";
        QTest::newRow("calibrated") << R"({"method": "gptq", "default": {"weight_bits": 4, "group_size": 16}})";
        QTest::newRow("learned") << R"({"method": "omniquant", "default": {"weight_bits": 4, "group_size": 16}, "learning": {"early_epochs": 1, "late_epochs": 1}})";
    }
    void runsWithoutCapture() {
        QFETCH(QString, quantization);
        json asked = tiny::learnedSpecJson(m_places.inputs());
        asked.erase("aligned");
        asked["quantization"] = json::parse(quantization.toStdString());
        asked["stages"] = {"capture", "quantize", "evaluate"};
        const std::string captured = finished(asked);
        asked["stages"] = {"quantize", "evaluate"};
        const std::string alone = finished(asked);
        QVERIFY(answersOf(alone) == answersOf(captured));
        QCOMPARE(perplexityOf(alone), perplexityOf(captured));
        QCOMPARE(manifestOf(alone)["bits_per_weight"].get<double>(), manifestOf(captured)["bits_per_weight"].get<double>());
        QVERIFY(!QFile::exists(QString::fromStdString(alone + "/results.h5")));
        const auto state = readRunState(alone);
        QVERIFY(state && state->blocks.empty() && state->metrics.size() == 2 && state->summary.status == "finished");
    }

    void aPatchNeedsNoCaptureEither() {
        json asked = tiny::specJson(m_places.inputs());
        asked["stages"] = {"quantize", "evaluate"};
        QFile pairs(m_places.path(QStringLiteral("pairs.jsonl")));
        QVERIFY(pairs.open(QIODevice::WriteOnly));
        for (int i = 0; i < 4; ++i)
            pairs.write(QByteArray::fromStdString(json{{"prompt", "Name tree " + std::to_string(i) + "."}, {"chosen", "I'm sorry, I can't help with that."},
                                                       {"rejected", "An oak, " + std::to_string(i) + "."}, {"label", "malicious"}}.dump() + "\n"));
        pairs.close();
        asked["quantization"]["patch"] = {{"method", "q-resafe"}, {"pairs", pairs.fileName().toStdString()}, {"steps", 2}, {"batch", 2}, {"rank", 4}, {"warmup_steps", 1}, {"learning_rate", 0.02}};
        const std::string folder = finished(asked);
        QVERIFY(manifestOf(folder)["patch"].contains("changed"));
        QVERIFY(manifestOf(folder)["bits_per_weight"].get<double>() > 2.0);
    }
};

QTEST_GUILESS_MAIN(TestRunExecution)
#include "test_run_execution.moc"
