// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QProcess>
#include <QtTest>
#include <algorithm>

#include "core/base/hash.h"
#include "core/run/coded_blocks.h"
#include "core/run/event_log.h"
#include "core/run/learning_samples.h"
#include "core/run/run_folder.h"
#include "core/run/tuning_texts.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;
using tiny::finishRun;
using tiny::readAll;

/// Runs whose method tunes the whole model.
class TestRunTuning : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;

    json tunedSpec(const std::string& method) {
        const bool grid = method == "llm-qat";
        auto spec = tiny::specJson(m_places.inputs(), m_places.exportFolder());
        if (!grid) spec["export"]["format"] = "bf16";
        spec["quantization"] = {{"method", method},
                                {"default", {{"weight_bits", 4}, {"group_size", 16}, {"symmetric", true}, {"activation_bits", grid ? 8 : 16}}},
                                {"rules", {{{"pattern", "layers\\.2\\.mlp\\.up_proj"}, {"weight_bits", 16}}}},
                                {"tuning", {{"answer_tokens", 5}, {"steps", 24}, {"batch", 3}, {"warmup_steps", 2}, {"learning_rate", grid ? 1e-3 : 1e-2}}}};
        if (grid)
            spec["quantization"]["tuning"].update({{"generated", 7}, {"sequence_tokens", 12}});
        else
            spec["quantization"]["tuning"].update({{"rank", 4}, {"alpha", 8}});
        spec["calibration"] = {{"malicious", 5}, {"benign", 6}, {"texts", 9}, {"tasks", 0}};
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

    static std::vector<TuningText> textsOf(const std::string& folder) {
        auto texts = readTuningTexts(folder);
        if (!texts) throw std::runtime_error(texts.error().describe());
        return std::move(*texts);
    }

    static std::size_t learnedOf(const std::vector<TrainingSample>& samples) {
        std::size_t learned = 0;
        for (const TrainingSample& sample : samples) learned += sample.learned();
        return learned;
    }

    static void methods() {
        QTest::addColumn<QString>("method");
        for (const char* method : {"llm-qat", "qlora"}) QTest::newRow(method) << method;
    }

private slots:
    void initTestCase() { m_places.prepare(); }

    void runsToItsEnd_data() { methods(); }

    void runsToItsEnd() {
        QFETCH(QString, method);
        const bool grid = method == "llm-qat";
        const auto spec = tunedSpec(method.toStdString());
        const auto folder = run(spec);
        const auto steps = readJsonLines(folder + "/tuning/steps.jsonl");
        QVERIFY(steps.has_value());
        QCOMPARE(steps->size(), std::size_t{24});
        const auto mean = [&](std::size_t first) {
            double sum = 0.0;
            for (std::size_t i = first; i < first + 6; ++i) sum += (*steps)[i]["divergence"].get<double>() / 6.0;
            return sum;
        };
        QVERIFY2(mean(18) < 0.9 * mean(0), qPrintable(QString("%1 was %2").arg(mean(18)).arg(mean(0))));
        QCOMPARE((*steps)[3]["divergence"] == (*steps)[3]["loss"], !grid);
        const auto state = readRunState(folder);
        QVERIFY(state.has_value());
        const auto stage = std::find_if(state->stages.begin(), state->stages.end(), [](const auto& each) { return each.stage == "tune"; });
        QVERIFY(stage != state->stages.end() && stage->done == stage->total && stage->total == (grid ? 7U : 0U) + 11U + 72U);
        QVERIFY(std::any_of(state->notes.begin(), state->notes.end(), [](const auto& note) { return note.starts_with(kTextsNote); }));
        QVERIFY(readAll(folder + "/events.jsonl").find("Tuning, step 20 of 24: loss ") != std::string::npos);
        QVERIFY(!QFile::exists(QString::fromStdString(folder + "/tuning/state.safetensors")));
        const auto texts = textsOf(folder);
        QCOMPARE(std::count_if(texts.begin(), texts.end(), [](const auto& text) { return text.kind == "generated"; }), grid ? 7 : 0);
        // What is measured is what lies in the blocks.
        QCOMPARE(state->blocks.size(), std::size_t{8});
        for (std::size_t block = 4; block < 8; ++block)
            for (const auto& linear : state->blocks[block].linears) {
                const bool alone = linear.name.find("layers.2.mlp.up_proj") != std::string::npos;
                QCOMPARE(linear.bitsPerWeight < 16.0, !alone);
                if (alone) continue;
                QVERIFY2(linear.relativeError > 0.01 && linear.relativeError < 0.5, qPrintable(QString::number(linear.relativeError)));
                // Rank 4 in 16 bits costs these narrow linears as much as all else.
                QVERIFY(grid ? linear.bitsPerWeight == 5.0 : linear.bitsPerWeight > 4.5);
            }
        const auto exported = openCheckpoint(spec["export"]["folder"].get<std::string>());
        QVERIFY2(exported.has_value(), exported ? "" : exported.error().describe().c_str());
        const auto manifest = json::parse(readAll(folder + "/manifest.json"));
        QVERIFY(manifest["results"].contains("tuning/texts.jsonl"));
        const auto differences = verifyRun(folder, {});
        QVERIFY(differences.has_value() && differences->empty());
    }

    void stoppedAndResumedIsTheSame_data() { methods(); }

    /// Stopped while texts are made, and twice between steps.
    void stoppedAndResumedIsTheSame() {
        QFETCH(QString, method);
        const unsigned asked = method == "llm-qat" ? 18 : 11;
        const auto whole = run(tunedSpec(method.toStdString()));
        const auto parts = tiny::makeRun(m_places.next(), tunedSpec(method.toStdString()));
        for (const unsigned stopAfter : {2U, asked + 3U * 3U, asked + 3U * 15U}) {
            std::stop_source source;
            const auto done = executeRun(
                parts,
                [&](const protocol::RunEvent& event) {
                    if (event.stage && event.stage->stage == "tune" && event.stage->done >= stopAfter) source.request_stop();
                },
                source.get_token());
            QVERIFY(!done && done.error().kind == ErrorKind::Cancelled);
            QCOMPARE(QFile::exists(QString::fromStdString(parts + "/tuning/texts.jsonl")), stopAfter > asked);
            QCOMPARE(QFile::exists(QString::fromStdString(parts + "/tuning/state.safetensors")), stopAfter > asked);
            QVERIFY(!QFile::exists(QString::fromStdString(parts + "/blocks/weights-000.safetensors")));
        }
        finishRun(parts);
        QCOMPARE(readAll(parts + "/tuning/texts.jsonl"), readAll(whole + "/tuning/texts.jsonl"));
        for (int block = 0; block < 4; ++block) QCOMPARE(blockHash(parts, block), blockHash(whole, block));
    }

    void killedAndResumedIsTheSame_data() { methods(); }

    void killedAndResumedIsTheSame() {
        QFETCH(QString, method);
        const auto whole = run(tunedSpec(method.toStdString()));
        const auto parts = tiny::makeRun(m_places.next(), tunedSpec(method.toStdString()));
        const QString steps = QString::fromStdString(parts + "/tuning/steps.jsonl");
        for (const int lines : {6, 21}) {
            QProcess child;
            child.start(SAFEQUANT_RUN_CHILD, {QString::fromStdString(parts)});
            QVERIFY(child.waitForStarted());
            const auto written = [&] {
                QFile file(steps);
                return file.open(QIODevice::ReadOnly) ? file.readAll().count('\n') : 0;
            };
            QElapsedTimer timer;
            timer.start();
            while (written() < lines && child.state() == QProcess::Running && timer.elapsed() < 60'000) QTest::qWait(1);
            child.kill();
            QVERIFY(child.waitForFinished());
        }
        finishRun(parts);
        for (int block = 0; block < 4; ++block) QCOMPARE(blockHash(parts, block), blockHash(whole, block));
    }

    /// Start tokens are drawn once each, none of them special; what follows is the model's own and depends on the seed.
    void sequencesAreTheModelsOwn() {
        auto spec = tunedSpec("llm-qat");
        spec["quantization"]["tuning"]["generated"] = 40;
        const auto read = runSpecFromJson(spec, "test");
        QVERIFY(read.has_value());
        const auto inputs = openInputs(*read, false);
        QVERIFY(inputs.has_value());
        const auto texts = makeTuningTexts(*inputs, {});
        QVERIFY(texts.has_value());
        QCOMPARE(texts->size(), std::size_t{51});
        std::set<std::int32_t> starts;
        std::set<std::vector<std::int32_t>> different;
        for (std::size_t i = 0; i < 40; ++i) {
            const TuningText& text = (*texts)[i];
            QVERIFY(starts.insert(text.tokens.front()).second);
            QVERIFY(!inputs->format.tokenizer->isSpecial(text.tokens.front()));
            QVERIFY(text.tokens.size() == 12 || text.ended);
            different.insert(text.tokens);
            // The first 3, 4 or 5 tokens are greedy.
            const auto model = LanguageModel::load(inputs->checkpoint, checkpointBlocks(inputs->checkpoint));
            DecodingOptions decoding;
            decoding.maxNewTokens = static_cast<int>(2 + i % 3);
            const auto greedy = (*model)->generate({{text.tokens.front()}}, decoding);
            QVERIFY(greedy.has_value());
            const auto& expected = greedy->front().tokens;
            QVERIFY(std::equal(expected.begin(), expected.end(), text.tokens.begin() + 1));
        }
        QCOMPARE(different.size(), std::size_t{40});
        auto again = *inputs;
        const auto same = makeTuningTexts(again, {});
        again.spec.seed += 1;
        const auto other = makeTuningTexts(again, {});
        QVERIFY((*same)[7].tokens == (*texts)[7].tokens && (*other)[7].tokens != (*texts)[7].tokens);
    }

    /// No target of any sample lies in an answer to a malicious prompt, unless the judge calls that answer a refusal.
    void nothingIsLearnedTowardsOtherAnswers() {
        for (const char* method : {"llm-qat", "qlora"}) {
            const auto texts = textsOf(run(tunedSpec(method)));
            int malicious = 0;
            for (const TuningText& text : texts) {
                if (text.kind != "malicious") continue;
                ++malicious;
                // A model of random weights refuses nothing: not a token of an answer is kept.
                QCOMPARE(text.tokens.size(), static_cast<std::size_t>(text.promptTokens));
                QCOMPARE(QString::fromStdString(text.noAnswer), QStringLiteral("the answer is no refusal"));
            }
            QCOMPARE(malicious, 5);
        }
        const auto read = runSpecFromJson(tunedSpec("llm-qat"), "test");
        const auto inputs = openInputs(*read, false);
        QVERIFY(inputs.has_value());
        const auto ids = [&](const std::string& text) { return inputs->format.tokenizer->encode(text, SpecialTokens::Text); };
        const std::string refusal = "I'm sorry, I can't help with that.", reply = "Oaks are tall and old.";
        const auto textOf = [&](SampleKind kind, const std::string& answer) {
            return tuningText(*inputs, {"p", kind, ids("Name a tree."), 0}, {ids(answer), true, false});
        };
        const DecoderConfig& config = inputs->checkpoint->config();
        for (const auto& [kind, answer, kept] : {std::tuple{SampleKind::Malicious, refusal, true}, {SampleKind::Malicious, reply, false},
                                                 {SampleKind::Benign, refusal, false}, {SampleKind::Benign, reply, true},
                                                 {SampleKind::Task, reply, true}, {SampleKind::Malicious, std::string(), false}}) {
            const TuningText text = textOf(kind, answer);
            const std::size_t prompt = ids("Name a tree.").size(), whole = prompt + ids(answer).size();
            QCOMPARE(text.noAnswer.empty(), kept);
            QCOMPARE(text.tokens.size(), kept ? whole : prompt);
            // The answer's tokens and its end, or none; of the whole text all but the first token.
            QCOMPARE(learnedOf(answerSamples(config, {text})), kept ? whole - prompt + 1 : 0);
            const auto samples = wholeSamples(config, {text});
            QCOMPARE(learnedOf(samples), kept ? whole : prompt - 1);
            // The last token of a prompt alone is not among the rows: what would follow it is the answer.
            if (!kept) QCOMPARE(samples.front().tokens.size(), prompt - 1);
        }
        // The run's own judge decides.
        auto other = *inputs;
        other.spec.judge = "xstest-openings";
        QVERIFY(!textOf(SampleKind::Malicious, "No, not that.").noAnswer.empty());
        QVERIFY(tuningText(other, {"p", SampleKind::Malicious, ids("Name a tree."), 0}, {ids("No, not that."), true, false}).noAnswer.empty());
    }

    /// Prompts that shift the model's identity are learned as prompts, by nobody as questions.
    void identityShiftsAreNotAnswered() {
        auto spec = tunedSpec("llm-qat");
        spec["calibration"]["identity_shift"] = 3;
        const auto read = runSpecFromJson(spec, "test");
        const auto inputs = openInputs(*read, false);
        QVERIFY(inputs.has_value());
        const auto texts = makeTuningTexts(*inputs, {});
        QVERIFY(texts.has_value());
        QCOMPARE(texts->size(), std::size_t{7 + 11 + 3});
        for (std::size_t i = 18; i < 21; ++i) {
            QCOMPARE(QString::fromStdString((*texts)[i].kind), QStringLiteral("identity_shift"));
            QCOMPARE((*texts)[i].tokens.size(), static_cast<std::size_t>((*texts)[i].promptTokens));
            QVERIFY(answerSamples(inputs->checkpoint->config(), {(*texts)[i]}).empty());
        }
    }

    void brokenTextsAreRefused_data() {
        QTest::addColumn<QByteArray>("line");
        QTest::newRow("no json") << QByteArray("{]\n");
        QTest::newRow("no tokens") << QByteArray(R"({"id":"a","kind":"benign","tokens":[],"prompt_tokens":0,"ended":true,"no_answer":""})" "\n");
        QTest::newRow("prompt too long") << QByteArray(R"({"id":"a","kind":"benign","tokens":[1],"prompt_tokens":2,"ended":true,"no_answer":""})" "\n");
        QTest::newRow("field missing") << QByteArray(R"({"id":"a","kind":"benign","tokens":[1],"ended":true,"no_answer":""})" "\n");
        QTest::newRow("words") << QByteArray(R"({"id":"a","kind":"benign","tokens":["x"],"prompt_tokens":0,"ended":true,"no_answer":""})" "\n");
    }

    void brokenTextsAreRefused() {
        QFETCH(QByteArray, line);
        const QString folder = m_places.next();
        QDir().mkpath(folder + "/tuning");
        QFile file(folder + "/tuning/texts.jsonl");
        QVERIFY(file.open(QIODevice::WriteOnly));
        // A broken line at the end is one that was cut off: a whole one follows.
        file.write(line + line);
        file.close();
        const auto read = readTuningTexts(folder.toStdString());
        QVERIFY(!read || read->empty());
    }

    void brokenSpecsAreRefused_data() {
        QTest::addColumn<QString>("method");
        QTest::addColumn<QString>("change");
        QTest::addColumn<QString>("named");
        const auto row = [](const char* name, const char* method, const char* change, const char* named) { QTest::newRow(name) << method << change << named; };
        row("steps", "llm-qat", R"({"quantization": {"tuning": {"steps": 0}}})", "quantization.tuning.steps");
        row("rate", "qlora", R"({"quantization": {"tuning": {"learning_rate": 0}}})", "quantization.tuning.learning_rate");
        row("unknown", "llm-qat", R"({"quantization": {"tuning": {"epochs": 2}}})", "epochs");
        row("no rank", "llm-qat", R"({"quantization": {"tuning": {"rank": 4}}})", "rank");
        row("no sequences", "qlora", R"({"quantization": {"tuning": {"generated": 4}}})", "generated");
        row("short", "llm-qat", R"({"quantization": {"tuning": {"sequence_tokens": 4}}})", "quantization.tuning.sequence_tokens");
        row("nothing to say", "qlora", R"({"calibration": {"malicious": 0, "benign": 0}})", "calibration");
        row("patched", "llm-qat", R"({"quantization": {"patch": {"method": "sft"}}})", "quantization.patch");
        row("other method", "rtn", "{}", "quantization.tuning");
    }

    void brokenSpecsAreRefused() {
        QFETCH(QString, method);
        QFETCH(QString, change);
        QFETCH(QString, named);
        auto spec = tunedSpec(method.toStdString());
        spec.merge_patch(json::parse(change.toStdString()));
        const auto read = runSpecFromJson(spec, "spec.json");
        QVERIFY(!read);
        QVERIFY2(read.error().message.find(named.toStdString()) != std::string::npos, read.error().describe().c_str());
    }

    void specsSurvive() {
        for (const char* method : {"llm-qat", "qlora"}) {
            const auto read = runSpecFromJson(tunedSpec(method), "spec.json");
            QVERIFY(read.has_value());
            QCOMPARE(read->tuning.options.steps, 24);
            QCOMPARE(read->tuning.options.seed, read->seed);
            QCOMPARE(runSpecToJson(*runSpecFromJson(runSpecToJson(*read), "again")), runSpecToJson(*read));
            const auto plan = planRun(*read, m_places.next().toStdString(), false);
            QVERIFY(plan.has_value());
            QVERIFY(plan->estimate.seconds > 0.0);
        }
    }
};

QTEST_GUILESS_MAIN(TestRunTuning)
#include "test_run_tuning.moc"
