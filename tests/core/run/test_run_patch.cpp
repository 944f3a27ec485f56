// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QtTest>

#include "core/base/hash.h"
#include "core/run/event_log.h"
#include "core/run/manifest.h"
#include "core/run/preference_pairs.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;
using tiny::finishRun;
using tiny::readAll;

/// Runs whose quantized model is patched by preference pairs.
class TestRunPatch : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    QString m_pairs;

    json patchedSpec(const std::string& method) {
        auto spec = tiny::specJson(m_places.inputs(), m_places.exportFolder());
        spec["quantization"]["method"] = method;
        spec["calibration"] = {{"malicious", 8}, {"benign", 8}, {"texts", 0}, {"tasks", 0}};
        spec["quantization"]["patch"] = {{"pairs", m_pairs.toStdString()}, {"rank", 4}, {"alpha", 8}, {"steps", 12}, {"batch", 2},
                                         {"warmup_steps", 1}, {"learning_rate", 0.02}, {"share", 0.5}, {"identify_every", 5}};
        return spec;
    }

    std::string run(const json& spec) {
        const auto folder = tiny::makeRun(m_places.next(), spec);
        finishRun(folder);
        return folder;
    }

    static std::string blockHash(const std::string& folder, int block) {
        return *sha256File(folder + "/blocks/weights-00" + std::to_string(block) + ".safetensors");
    }

    /// The run as one whose events tell nothing of the patch, and whose manifest does not tell codes by linear.
    static void forgetPatchEvents(const std::string& folder) {
        const auto lines = readJsonLines(folder + "/events.jsonl");
        QFile events(QString::fromStdString(folder + "/events.jsonl"));
        QVERIFY(lines.has_value() && events.open(QIODevice::WriteOnly | QIODevice::Truncate));
        for (const json& line : *lines)
            if (line["type"] != "patch") events.write(QByteArray::fromStdString(line.dump() + "\n"));
        auto manifest = json::parse(readAll(folder + "/manifest.json"));
        for (auto& [name, linear] : manifest["patch"]["linears"].items()) linear.erase("codes");
        QFile file(QString::fromStdString(folder + "/manifest.json"));
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
        file.write(QByteArray::fromStdString(manifest.dump()));
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_pairs = m_places.path("pairs.jsonl");
        QFile file(m_pairs);
        QVERIFY(file.open(QIODevice::WriteOnly));
        for (int i = 0; i < 6; ++i)
            file.write(QByteArray::fromStdString(json{{"prompt", "Name tree " + std::to_string(i) + "."},
                                                      {"chosen", "I'm sorry, I can't help with that."},
                                                      {"rejected", "An oak, " + std::to_string(i) + "."},
                                                      {"label", "malicious"}}.dump() + "\n"));
        file.write(QByteArray::fromStdString(json{{"prompt", "Say hello."}, {"chosen", "Hello."}, {"rejected", "Hi there."}, {"label", "benign"}}.dump() + "\n"));
        file.write(QByteArray::fromStdString(json{{"prompt", "Say yes."}, {"chosen", "Yes."}, {"rejected", "Yes."}, {"label", "benign"}}.dump() + "\n"));
        // Nothing is learned towards an answer that complies with a malicious prompt.
        file.write(QByteArray::fromStdString(json{{"prompt", "Name a bush."}, {"chosen", "A rose."}, {"rejected", "A lilac."}}.dump() + "\n"));
    }

    void olderRunsAreWhole() {
        const auto folder = run(patchedSpec("rtn"));
        auto told = *readRunState(folder)->patch;
        QVERIFY(!told.probes.empty());
        forgetPatchEvents(folder);
        const auto state = readRunState(folder);
        QVERIFY(state.has_value() && state->patch.has_value());
        // Looks were told by events alone.
        told.probes.clear();
        told.baseProbes.clear();
        QCOMPARE(QString::fromStdString(toJson(*state->patch).dump()), QString::fromStdString(toJson(told).dump()));
        // A damaged record is named.
        QFile steps(QString::fromStdString(folder + "/patch/steps.jsonl"));
        QVERIFY(steps.open(QIODevice::WriteOnly | QIODevice::Truncate));
        steps.write("{\"step\": \"first\"}\n");
        steps.close();
        const auto damaged = readRunState(folder);
        QVERIFY(!damaged && damaged.error().kind == ErrorKind::BadInput);
        QVERIFY2(damaged.error().message.find("record of the patch") != std::string::npos, damaged.error().describe().c_str());
    }

    /// Where a quantized model refuses as it did before, its refusals are learned alone, or a patch is told to have little to repair.
    void refusalsOfBothAreKept() {
        QFile file(m_places.path("refusing.jsonl"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        for (int i = 0; i < 12; ++i)
            file.write(QByteArray::fromStdString(json{{"prompt", "Name tree " + std::to_string(i) + "."}, {"chosen", "I'm sorry, I can't help with that."},
                                                      {"rejected", i < 2 ? "An oak." : "I'm sorry, I cannot help with that."}, {"label", "malicious"}}.dump() + "\n"));
        for (int i = 0; i < 5; ++i)
            file.write(QByteArray::fromStdString(json{{"prompt", "Say " + std::to_string(i) + "."}, {"chosen", "Gladly."}, {"rejected", "Hi there."}, {"label", "benign"}}.dump() + "\n"));
        file.close();
        auto spec = patchedSpec("rtn");
        spec.erase("export");
        spec["stages"] = {"quantize", "evaluate"};
        spec["quantization"]["patch"]["pairs"] = file.fileName().toStdString();
        const auto notes = [&] { return QString::fromStdString(json(readRunState(run(spec))->notes).dump()); };
        const QString kept = notes();
        QVERIFY2(kept.contains("Pairs of answers: 7 used, 10 with the chosen answer alone (both models refuse)."), qPrintable(kept));
        QVERIFY(!kept.contains("little for this patch to repair"));
        spec["quantization"]["patch"]["both_refuse"] = "skip";
        const QString leftOut = "Pairs of answers: 10 left out (the quantized model refuses as well), 7 used.", skipped = notes();
        QVERIFY2(skipped.contains(leftOut), qPrintable(skipped));
        QVERIFY(skipped.contains("Only 2 of 12 malicious prompts give a pair, beside 5 harmless ones"));
        // Without weight of chosen answers there is nothing to learn of one alone.
        spec["quantization"]["patch"]["both_refuse"] = "keep";
        spec["quantization"]["patch"]["chosen_weight"] = 0;
        QVERIFY(notes().contains(leftOut));
        spec["quantization"]["patch"] = patchedSpec("rtn")["quantization"]["patch"];
        QVERIFY(!notes().contains("little for this patch to repair"));
    }

    void patchesEveryQuantizer_data() {
        QTest::addColumn<QString>("method");
        for (const char* method : {"rtn", "gptq", "awq", "omniquant"}) QTest::newRow(method) << method;
    }

    void patchesEveryQuantizer() {
        QFETCH(QString, method);
        auto plain = patchedSpec(method.toStdString());
        plain["quantization"].erase("patch");
        const auto before = run(plain);
        const auto patched = patchedSpec(method.toStdString());
        const auto after = run(patched);
        const auto manifest = json::parse(readAll(after + "/manifest.json"));
        const auto& patch = manifest["patch"];
        QVERIFY(patch["changed"].get<int>() > 0 && patch["changed"].get<int>() <= patch["may_change"].get<int>());
        const double share = patch["may_change"].get<double>() / patch["codes"].get<double>();
        QVERIFY2(std::abs(share - 0.5) < 0.02, qPrintable(QString::number(share)));
        QVERIFY(manifest["scheme"].get<std::string>().find("patched by Q-resafe") != std::string::npos);
        const auto state = readRunState(after);
        QVERIFY(state.has_value());
        QVERIFY(QString::fromStdString(json(state->notes).dump()).contains("Pairs of answers: 1 left out (both answers are the same), 1 left out (the chosen answer is no refusal), 7 used"));
        const auto steps = readJsonLines(after + "/patch/steps.jsonl");
        QCOMPARE(steps->size(), std::size_t{12});
        QVERIFY(steps->back()["loss"].get<double>() < steps->front()["loss"].get<double>());
        QVERIFY(steps->back()["margin"].get<double>() > 0.0);
        QVERIFY((*steps)[5]["identified"].get<bool>() && !(*steps)[6]["identified"].get<bool>());
        QVERIFY(!QFile::exists(QString::fromStdString(after + "/unpatched")) && !QFile::exists(QString::fromStdString(after + "/patch/state.safetensors")));
        // Events tell the same, and looks with the base model's probes, which at the end are what stage "quantize" measures of all prompts.
        const auto& told = *state->patch;
        QVERIFY(told.finished && told.plannedSteps == 12 && told.steps.size() == 12 && told.linears.size() == 28);
        QCOMPARE(told.pairs.size(), std::size_t{4});
        for (std::size_t i = 0; i < 12; ++i) QCOMPARE(told.steps[i].loss, (*steps)[i]["loss"].get<double>());
        std::uint64_t changed = 0, open = 0;
        for (const auto& linear : told.linears) {
            changed += linear.changed;
            open += linear.mayChange;
        }
        QCOMPARE(changed, patch["changed"].get<std::uint64_t>());
        QCOMPARE(open, patch["may_change"].get<std::uint64_t>());
        QCOMPARE(told.probes.size(), std::size_t{3});
        QVERIFY(told.probes[0].step == 0 && told.probes[1].step == 10 && told.probes[2].step == 12);
        const auto plainState = readRunState(before);
        for (std::size_t block = 0; block < 4; ++block) {
            QCOMPARE(told.baseProbes[block].count, state->blocks[block].refitted.accuracy.count);
            // The first look is at the quantizer's own blocks, the last at those the run ends with.
            QCOMPARE(told.probes[0].accuracy[block].count, plainState->blocks[4 + block].transferred->accuracy.count);
            QCOMPARE(told.probes[2].accuracy[block].count, state->blocks[4 + block].transferred->accuracy.count);
            QCOMPARE(told.probes[2].accuracy[block].total, state->blocks[4 + block].transferred->accuracy.total);
        }
        // Blocks are measured as they are now, and near what they were.
        QCOMPARE(state->blocks.size(), std::size_t{8});
        const auto unpatched = readRunState(before);
        for (std::size_t i = 4; i < 8; ++i) {
            QVERIFY(state->blocks[i].linears.size() == std::size_t{7});
            for (std::size_t linear = 0; linear < 7; ++linear) {
                const double now = state->blocks[i].linears[linear].relativeError, then = unpatched->blocks[i].linears[linear].relativeError;
                QVERIFY2(now > 0.9 * then && now < 4.0 * then, qPrintable(QString("%1 was %2").arg(now).arg(then)));
            }
        }
        const auto exported = openCheckpoint(patched["export"]["folder"].get<std::string>());
        QVERIFY2(exported.has_value(), exported ? "" : exported.error().describe().c_str());
        QVERIFY(manifest["results"].contains("patch/pairs.jsonl"));
        const auto differences = verifyRun(after, {});
        QVERIFY(differences.has_value() && differences->empty());
    }

    void stoppedAndResumedIsTheSame() {
        const auto whole = run(patchedSpec("gptq"));
        const auto parts = tiny::makeRun(m_places.next(), patchedSpec("gptq"));
        for (const int stopAfter : {3, 7}) {
            std::stop_source source;
            const auto done = executeRun(
                parts,
                [&](const protocol::RunEvent& event) {
                    if (event.stage && event.stage->stage == "patch" && event.stage->done >= 2U * unsigned(stopAfter))
                        source.request_stop();
                },
                source.get_token());
            QVERIFY(!done && done.error().kind == ErrorKind::Cancelled);
            QVERIFY(!QFile::exists(QString::fromStdString(parts + "/blocks/weights-000.safetensors")));
        }
        finishRun(parts);
        for (int block = 0; block < 4; ++block) QCOMPARE(blockHash(parts, block), blockHash(whole, block));
        // Whoever only read the events knows the same of both.
        auto one = *readRunState(whole)->patch, other = *readRunState(parts)->patch;
        for (auto* patch : {&one, &other})
            for (auto& step : patch->steps) step.seconds = 0.0;
        QCOMPARE(QString::fromStdString(protocol::toJson(one).dump()), QString::fromStdString(protocol::toJson(other).dump()));
    }

    void theModelsAnswerThemselves() {
        auto spec = patchedSpec("rtn");
        spec["quantization"]["patch"].erase("pairs");
        spec["quantization"]["patch"]["malicious"] = 4;
        spec["quantization"]["patch"]["benign"] = 4;
        spec["quantization"]["patch"]["hard_benign"] = 2;
        spec["quantization"]["patch"]["answer_tokens"] = 6;
        spec["quantization"]["patch"]["mask"] = "random";
        const auto folder = tiny::makeRun(m_places.next(), spec);
        const auto done = executeRun(folder, {}, {});
        const auto pairs = readAnswerPairs(folder);
        QVERIFY2(pairs.has_value(), pairs ? "" : pairs.error().describe().c_str());
        QCOMPARE(pairs->size(), std::size_t{10});
        int different = 0;
        for (const auto& pair : *pairs) {
            different += pair.chosen != pair.rejected;
            // A model of random weights refuses nothing.
            if (pair.label == "malicious") QVERIFY(!pair.leftOut.empty());
        }
        QVERIFY(different > 0);
        const auto counts = pairCounts(*pairs);
        QVERIFY(done.has_value() == (counts.count("used") > 0));
        if (!done) QVERIFY(done.error().message.find("the chosen answer is no refusal") != std::string::npos);
    }

    /// What the model in full precision answers is not asked again by other patches of the same workspace.
    void rightAnswersAreTakenOver() {
        auto spec = patchedSpec("rtn");
        spec.erase("export");
        spec["stages"] = {"quantize", "evaluate"};
        spec["quantization"]["patch"] = {{"method", "distillation"}, {"malicious", 4}, {"benign", 4}, {"hard_benign", 2}, {"answer_tokens", 6}, {"texts", 2},
                                         {"rank", 4}, {"alpha", 8}, {"steps", 2}, {"batch", 2}};
        const QString place = m_places.next();
        const auto another = [&] {
            const auto folder = tiny::makeRun(place, spec);
            finishRun(folder);
            return folder;
        };
        const auto takenOver = [](const std::string& folder) { return Manifest::read(folder)->json().value("reused", json::object()).value("right answers", 0); };
        const auto chosen = [](const std::string& folder) {
            std::vector<std::pair<std::string, std::string>> answers;
            const auto pairs = readAnswerPairs(folder);
            for (const AnswerPair& pair : *pairs) answers.emplace_back(pair.id, pair.chosen);
            return answers;
        };
        const std::string first = another();
        QCOMPARE(takenOver(first), 0);
        spec["quantization"]["default"] = {{"weight_bits", 3}, {"group_size", 16}};
        const std::string second = another();
        QCOMPARE(takenOver(second), 10);
        QVERIFY(chosen(second) == chosen(first));
        // More prompts: those that are known.
        spec["quantization"]["patch"]["malicious"] = 6;
        const std::string more = another();
        QCOMPARE(takenOver(more), 10);
        QCOMPARE(chosen(more).size(), std::size_t{12});
        // They are what a run alone is answered.
        const std::string alone = run(spec);
        QCOMPARE(takenOver(alone), 0);
        QVERIFY(chosen(more) == chosen(alone));
        // Longer ones are others, and a file that changed is none.
        spec["quantization"]["patch"]["answer_tokens"] = 7;
        QCOMPARE(takenOver(another()), 0);
        spec["quantization"]["patch"]["answer_tokens"] = 6;
        for (const std::string& folder : {first, second, more}) {
            QFile file(QString::fromStdString(folder + "/patch/pairs.jsonl"));
            QVERIFY(file.open(QIODevice::Append));
            file.write("\n");
        }
        QCOMPARE(takenOver(another()), 0);
    }

    void brokenSpecsAreRefused_data() {
        QTest::addColumn<QString>("patch");
        QTest::addColumn<QString>("named");
        QTest::newRow("method") << R"({"method": "q-resave"})" << "quantization.patch.method";
        QTest::newRow("share") << R"({"share": 0})" << "quantization.patch.share";
        QTest::newRow("mask") << R"({"mask": "best"})" << "quantization.patch.mask";
        QTest::newRow("both refuse") << R"({"both_refuse": "drop"})" << "quantization.patch.both_refuse";
        QTest::newRow("nothing learned") << R"({"preference_weight": 0, "chosen_weight": 0})" << "quantization.patch.chosen_weight";
        QTest::newRow("no prompts") << R"({"malicious": 0, "benign": 0, "hard_benign": 0})" << "quantization.patch.malicious";
        QTest::newRow("unknown") << R"({"tau": 0.2})" << "tau";
    }

    void brokenSpecsAreRefused() {
        QFETCH(QString, patch);
        QFETCH(QString, named);
        auto spec = patchedSpec("rtn");
        spec["quantization"]["patch"] = json::parse(patch.toStdString());
        const auto read = runSpecFromJson(spec, "spec.json");
        QVERIFY(!read);
        QVERIFY2(read.error().message.find(named.toStdString()) != std::string::npos, read.error().describe().c_str());
        spec["quantization"]["patch"] = {{"method", "sft"}, {"share", 0.25}};
        const auto good = runSpecFromJson(spec, "spec.json");
        QVERIFY(good.has_value());
        QVERIFY(good->patch->options.mask == PatchMask::All && good->patch->options.preferenceWeight == 0.0);
        QCOMPARE(runSpecToJson(*runSpecFromJson(runSpecToJson(*good), "again")), runSpecToJson(*good));
        spec["stages"] = {"capture"};
        QVERIFY(!runSpecFromJson(spec, "spec.json"));
    }
};

QTEST_GUILESS_MAIN(TestRunPatch)
#include "test_run_patch.moc"
