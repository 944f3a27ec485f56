// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>

#include "core/activations/store.h"
#include "core/base/files.h"
#include "core/run/run_folder.h"
#include "core/run/run_spec.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

/// Runs whose blocks are computed elsewhere than by the processor's own kernels: by libtorch on the processor, the way of the cards.
class TestRunDevice : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    QString m_inputs;

    std::string newRun(const std::string& device) {
        json spec = tiny::specJson(m_inputs);
        spec["device"] = device;
        return tiny::makeRun(m_folder.filePath("workspace"), spec);
    }
    static void finish(const std::string& folder, int stopAfter = 0) {
        std::stop_source stop;
        int blocks = 0;
        const auto count = [&](const protocol::RunEvent& event) {
            if (event.type == "block" && ++blocks == stopAfter) stop.request_stop();
        };
        const auto done = executeRun(folder, count, stop.get_token());
        if (stopAfter > 0)
            QVERIFY(!done && done.error().kind == ErrorKind::Cancelled);
        else
            QVERIFY2(done.has_value(), done ? "" : done.error().describe().c_str());
    }
    static json read(const std::string& path) { return json::parse(*readTextFile(path)); }

private slots:
    void initTestCase() {
        m_inputs = m_folder.filePath("inputs");
        tiny::writeInputs(m_inputs);
    }

    /// The same numbers but for rounding, all of them its own although the processor's run lies beside it.
    void agreesWithTheProcessor() {
        const auto plain = newRun("cpu"), device = newRun("torch:cpu");
        finish(plain);
        finish(device);
        QVERIFY(!read(plain + "/spec.json").contains("device") && !read(plain + "/manifest.json")["device"].contains("name"));
        const auto manifest = read(device + "/manifest.json");
        QVERIFY(!manifest.contains("reused"));
        QCOMPARE(manifest["device"]["name"], json("torch:cpu"));

        const auto expected = readArrayFile(plain + "/results.h5"), actual = readArrayFile(device + "/results.h5");
        for (const std::string model : {"base", "quantized"})
            for (int block = 0; block < 4; ++block) {
                const auto name = model + "/00" + std::to_string(block) + "/activations";
                const auto& a = actual->arrays.at(name).values;
                const auto& b = expected->arrays.at(name).values;
                QCOMPARE(a.size(), b.size());
                QVERIFY(a != b);
                double difference = 0.0, square = 0.0;
                for (std::size_t i = 0; i < a.size(); ++i) {
                    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
                    square += std::pow(static_cast<double>(b[i]), 2);
                }
                QVERIFY2(std::sqrt(difference / square) < 1e-5, qPrintable(QString::number(std::sqrt(difference / square))));
            }
        const auto measured = read(device + "/perplexity.json"), known = read(plain + "/perplexity.json");
        for (const char* model : {"base", "quantized"}) {
            const double ratio = measured[model]["perplexity"].get<double>() / known[model]["perplexity"].get<double>();
            QVERIFY2(std::abs(ratio - 1.0) < 1e-4, qPrintable(QString::number(ratio - 1.0)));
            QCOMPARE(measured[model]["tokens"], known[model]["tokens"]);
        }
        const auto answers = readAnswers(device, {}), knownAnswers = readAnswers(plain, {});
        QCOMPARE(answers->size(), knownAnswers->size());
        for (std::size_t i = 0; i < answers->size(); ++i) QCOMPARE((*answers)[i].text, (*knownAnswers)[i].text);
    }

    void resumesToTheSameBytes() {
        json spec = tiny::specJson(m_inputs);
        spec["device"] = "torch:cpu";
        const auto whole = tiny::makeRun(m_folder.filePath("whole"), spec), broken = tiny::makeRun(m_folder.filePath("broken"), spec);
        finish(whole);
        for (const int blocks : {2, 4}) finish(broken, blocks);
        finish(broken);
        QCOMPARE(*resultHashes(broken), *resultHashes(whole));
    }

    void aMissingDeviceIsRefused() {
        const auto refused = executeRun(newRun("cuda:99"), {}, {});
        QCOMPARE(refused.error().kind, ErrorKind::Unsupported);
        QCOMPARE(refused.error().context, std::string("device"));
        QCOMPARE(executeRun(newRun("gpu"), {}, {}).error().kind, ErrorKind::BadInput);
    }

    /// Learning takes the run's device unless it names one.
    void learningFollowsTheRun() {
        json spec = tiny::learnedSpecJson(m_inputs);
        spec["device"] = "cuda:1";
        QCOMPARE(runSpecFromJson(spec, "test")->learning.device, std::string("cuda:1"));
        spec["quantization"]["learning"]["device"] = "cpu";
        const auto read = runSpecFromJson(spec, "test");
        QCOMPARE(read->learning.device, std::string("cpu"));
        QCOMPARE(read->device, std::string("cuda:1"));
        QCOMPARE(runSpecToJson(*read)["device"], json("cuda:1"));
        QCOMPARE(runSpecToJson(*read)["quantization"]["learning"]["device"], json("cpu"));
    }
};

QTEST_GUILESS_MAIN(TestRunDevice)
#include "test_run_device.moc"
