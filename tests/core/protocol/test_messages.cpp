// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <cmath>
#include <limits>

#include "core/engine/protocol/analysis_messages.h"
#include "core/engine/protocol/assessment_messages.h"
#include "core/engine/protocol/embedding_messages.h"
#include "core/engine/protocol/file_messages.h"
#include "core/engine/protocol/overlay_messages.h"
#include "core/engine/protocol/placed_messages.h"
#include "core/engine/protocol/report_messages.h"
#include "core/engine/protocol/results_messages.h"
#include "core/engine/protocol/whatif_messages.h"

using namespace safequant;
using namespace safequant::protocol;
using nlohmann::json;

namespace {

/// Every message with every field away from its default, so that a forgotten field shows.
ProbeSummary someProbe(double shift) {
    ProbeSummary probe;
    probe.accuracy = rateOf(45, 50);
    probe.accuracyBootstrap = {0.8 + shift, 0.95};
    probe.auc = 0.97;
    probe.aucInterval = {0.9, 0.99};
    probe.hardBenign = rateOf(30, 50);
    probe.nonZeros = 23;
    probe.c = 0.125;
    probe.meanLogitMalicious = 3.5;
    probe.meanLogitBenign = -2.25;
    probe.meanLogitHardBenign = 0.5;
    return probe;
}

LinearInfo someLinear() {
    LinearInfo linear;
    linear.name = "model.layers.3.mlp.up_proj";
    linear.block = 3;
    linear.requested = "W4A16 g128 asymmetric";
    linear.actual = "W4A16 g64 asymmetric";
    linear.reason = "576 columns";
    linear.requestedBits = 4;
    linear.actualBits = 5;
    linear.actualGroup = 64;
    linear.bitsPerWeight = 4.3125;
    linear.relativeError = 0.11;
    linear.outputError = 0.12;
    return linear;
}

BlockSeparability someBlock(const std::string& model, int block) {
    BlockSeparability value;
    value.model = model;
    value.block = block;
    value.refitted = someProbe(0.0);
    value.refittedWithHard = someProbe(0.01);
    value.transferred = someProbe(0.02);
    value.transferredWithHard = someProbe(0.03);
    value.streamRelativeError = 0.04;
    value.linears = {someLinear()};
    return value;
}

PatchProgress somePatch(int step) {
    PatchProgress value;
    value.method = "q-resafe";
    value.kind = "pairs";
    value.plannedSteps = 40;
    value.pairs = {{"malicious", "", 6}, {"benign", "both answers are the same", 1}};
    value.steps = {{step, 1.25, 0.125, 0.0625, true, 0.5, 0.75, 0.25, 1e-4, 3.0, true, 2.5}};
    value.linears = {{"model.layers.0.mlp.up_proj", 0, 100, 20, 3, 7, 4.5}};
    value.probes = {{step, {rateOf(9, 10), rateOf(10, 10)}}};
    value.baseProbes = {rateOf(10, 10), rateOf(8, 10)};
    value.finished = true;
    return value;
}

LearnedBlock someLearning(int block, int epochs) {
    LearnedBlock value;
    value.block = block;
    value.plannedEpochs = 4;
    for (int epoch = 0; epoch < epochs; ++epoch) value.epochs.push_back({epoch, 0.5, 0.25, 0.125});
    value.finished = true;
    value.seconds = 3.5;
    value.benignError = 0.01;
    value.maliciousError = 0.02;
    value.maliciousBefore = 0.3;
    value.aligned = StreamProbe{0.95, 2.5, -3.0};
    value.fineTuned = StreamProbe{0.6, 0.5, -1.0};
    value.quantized = StreamProbe{0.9, 2.0, -2.5};
    return value;
}

WordControl someControl() {
    WordControl control;
    control.accuracy = rateOf(97, 100);
    control.accuracyBootstrap = {0.94, 0.99};
    control.auc = 0.99;
    control.hardBenign = rateOf(10, 50);
    control.method = "multinomial naive Bayes on words";
    return control;
}

AnswerItem someAnswer(const std::string& model, int prompt) {
    AnswerItem answer;
    answer.prompt = prompt;
    answer.id = "benign-007";
    answer.label = "benign";
    answer.model = model;
    answer.text = "Bread \u2013 \"warm\"\n";
    answer.outcome = "complied";
    answer.secondOutcome = "refused";
    answer.tokens = 12;
    answer.ended = true;
    return answer;
}

ModelMetrics someMetrics(const std::string& model) {
    ModelMetrics metrics;
    metrics.model = model;
    metrics.judge = "refusal-22";
    metrics.secondJudge = "xstest-openings";
    metrics.harmfulScore = rateOf(1, 100);
    metrics.refusedMalicious = rateOf(2, 100);
    metrics.incoherentMalicious = rateOf(3, 100);
    metrics.refusedBenign = rateOf(4, 50);
    metrics.incoherentBenign = rateOf(5, 50);
    metrics.refusedHardBenign = rateOf(6, 50);
    metrics.harmfulScoreSecond = rateOf(7, 100);
    metrics.refusedBenignSecond = rateOf(8, 50);
    metrics.refusedHardBenignSecond = rateOf(9, 50);
    metrics.perplexity = 41.09;
    metrics.perplexityTokens = 4088;
    metrics.maxNewTokens = 64;
    metrics.generationSeconds = 12.5;
    metrics.tokensPerSecond = 512.0;
    return metrics;
}

StageProgress someStage(const std::string& name, std::uint64_t done) {
    StageProgress stage;
    stage.stage = name;
    stage.done = done;
    stage.total = 30;
    stage.unit = "blocks";
    stage.elapsedSeconds = 1.5;
    stage.secondsLeft = 2.5;
    stage.runSecondsLeft = 99.0;
    return stage;
}

RunEvent makeEvent(std::uint64_t sequence, const std::string& type) {
    RunEvent value;
    value.sequence = sequence;
    value.time = 1.5e9;
    value.type = type;
    return value;
}

/// Round trip, and every key of the JSON must matter: dropping one must change what is read back.
template <typename T>
void checkRoundTrip(const T& message) {
    const json written = toJson(message);
    const auto text = written.dump();
    const auto read = parseMessage<T>(json::parse(text));
    QVERIFY2(read.has_value(), read ? "" : read.error().message.c_str());
    QCOMPARE(QString::fromStdString(toJson(*read).dump()), QString::fromStdString(text));
    const json defaults = toJson(T{});
    for (const auto& [key, value] : written.items()) {
        QVERIFY2(!defaults.contains(key) || defaults[key] != value, ("the test leaves at its default: " + key).c_str());
        json less = written;
        less.erase(key);
        const auto partial = parseMessage<T>(less);
        QVERIFY2(!partial || toJson(*partial) != written, ("not read back: " + key).c_str());
    }
    json more = written;
    more["a_field_of_the_future"] = {1, 2, 3};
    QVERIFY(parseMessage<T>(more).has_value());
    QVERIFY(parseMessage<T>(json::object()).has_value());
    QVERIFY(!parseMessage<T>(json::array({1})).has_value());
    QVERIFY(!parseMessage<T>(json("text")).has_value());
    QVERIFY(!parseMessage<T>(json()).has_value());
}

}  // namespace

class TestMessages : public QObject {
    Q_OBJECT
private slots:
    void roundTrips() {
        checkRoundTrip(FloatArray{{2, 3}, {1.0F, -2.5F, 3.0F, 1e-30F, 5.0F, 6.0F}});
        EngineInfo engine{2, "0.1.0", 4711, 8, "avx2 fma", "Some CPU", std::uint64_t{1} << 40, std::uint64_t{1} << 33,
                          {{"rtn", "Round to nearest", "It rounds.", false, false}, {"q-realign", "Q-realign", "It learns.", true, true}},
                          {{"q-resafe", "Q-resafe", "It patches.", "pairs"}}, {{"refusal-22", "It looks for phrases."}}, {"banking-intents"}};
        checkRoundTrip(engine);
        checkRoundTrip(EngineIntroduction{engine, "gpu-box", "/home/someone", "/home/someone/.cache/safequant", "/data/runs", {"NVIDIA H100 80GB HBM3"}});
        checkRoundTrip(FolderListing{"/data", "/", {{"models", true, 0, 1.5}, {"a.gguf", false, 7, 2.5}}, true});
        checkRoundTrip(UploadState{262144, "/data/uploads/0123456789ab/mine.txt"});
        checkRoundTrip(ReportBundle{{{"report.html", "A report", "aGVsbG8="}}});
        CheckpointInfo checkpoint{
            "/a/b.gguf", "gguf", "Small", "llama", "Q4_1, F32", 30,         576,  1536,
            9,           3,      49152,   2048,    134'515'008, 98'000'000, true, "every position before",
            "theta 10000", "tied to the embeddings", {"tuned"}, {"model.layers.0.mlp.up_proj"}, {1536}, {576},
            {{"/a/copy", {{"template", "ends differently"}}}}};
        checkRoundTrip(checkpoint);
        PromptItem prompt{"id-1", "How do I bake bread?", "benign", "evaluation", "food", "self", 3};
        checkRoundTrip(prompt);
        checkRoundTrip(PromptSetInfo{"default", "abc", {prompt}, {"file:3: duplicate"}, 700});
        checkRoundTrip(CalibrationPreview{100, 90, 50, {"a", "b"}});
        checkRoundTrip(someLinear());
        RunEstimate estimate{60.0, 50.0, 80.0, 1u << 30,          4ULL << 30,
                             1000, 2000, 3000, "one block timed", {"Little memory."}};
        checkRoundTrip(estimate);
        checkRoundTrip(RunPlan{{someLinear()}, estimate});
        checkRoundTrip(RunRef{"/runs/1"});
        RunSummary summary{"/runs/1", "name",    "model", "W4A16 g64 asymmetric", "2026-01-01T00:00:00Z",
                           "stopped", "block 3", true};
        checkRoundTrip(summary);
        checkRoundTrip(someStage("capture", 3));
        checkRoundTrip(someProbe(0.0));
        checkRoundTrip(someControl());
        checkRoundTrip(someBlock("quantized", 4));
        checkRoundTrip(someLearning(4, 2));
        checkRoundTrip(somePatch(3));
        checkRoundTrip(someAnswer("base", 5));
        checkRoundTrip(someMetrics("base"));
        const Error error{ErrorKind::OutOfMemory, "Not enough memory.", "block 3", "`free` tells."};
        checkRoundTrip(error);
        RunEvent everything = makeEvent(7, "block");
        everything.stage = someStage("quantize", 2);
        everything.control = someControl();
        everything.block = someBlock("base", 1);
        everything.learning = someLearning(1, 1);
        everything.patch = somePatch(1);
        everything.answer = someAnswer("quantized", 9);
        everything.metrics = someMetrics("quantized");
        everything.level = "warning";
        everything.message = "text";
        everything.status = "failed";
        everything.error = error;
        checkRoundTrip(everything);
        RunState state;
        state.summary = summary;
        state.spec = {{"name", "x"}};
        state.prompts = {prompt};
        state.stages = {someStage("capture", 30)};
        state.control = someControl();
        state.blocks = {someBlock("base", 0)};
        state.learning = {someLearning(0, 3)};
        state.patch = somePatch(2);
        state.metrics = {someMetrics("base")};
        state.answers = {someAnswer("base", 1)};
        state.notes = {"note"};
        state.log = {makeEvent(2, "log")};
        state.sequence = 12;
        checkRoundTrip(state);
        ProjectionResult projection;
        projection.block = 3;
        projection.kind = "lda";
        projection.probe = "refitted";
        projection.prompts = {4, 9};
        projection.base = {{2, 2}, {1, 2, 3, 4}};
        projection.quantized = {{2, 2}, {5, 6, 7, 8}};
        projection.logitsBase = {0.5F, -1.0F};
        projection.logitsQuantized = {0.25F, -2.0F};
        projection.boundary = 1.25;
        projection.explained1 = 0.5;
        projection.explained2 = 0.25;
        projection.aligned = {{2, 2}, {0.5F, 1.5F, -0.5F, 2.5F}};
        checkRoundTrip(projection);
        checkRoundTrip(EmbeddingSettings{"umap", 12.5, 7, 0.25, 99});
        checkRoundTrip(ProjectionFrame{5, 30, 750, {{1, 2}, {1, 2}}, {{1, 2}, {3, 4}}});
        checkRoundTrip(WhatIfProgress{5, 3, 20});
        const AccuracyDifference change{-0.02, {-0.05, 0.01}, 0.25, 7, 3};
        WhatIfResult whatIf;
        whatIf.block = 4;
        whatIf.method = "gptq";
        whatIf.scheme = "W3A16 g32 symmetric";
        whatIf.prompts = 50;
        whatIf.linears = {someLinear()};
        whatIf.bitsPerWeight = 3.5;
        whatIf.relativeError = 0.07;
        whatIf.transferred = someProbe(0.0);
        whatIf.fromBase = change;
        whatIf.own = WhatIfOwn{"W4A16 g64 asymmetric", 0.03, 4.3, rateOf(49, 50), change};
        whatIf.probe = {{1, 2}, {1, 2}};
        whatIf.lda = {{1, 2}, {3, 4}};
        whatIf.pca = {{1, 2}, {5, 6}};
        whatIf.logits = {0.5F};
        whatIf.seconds = 0.1;
        whatIf.refined = someBlock("quantized", 4);
        checkRoundTrip(whatIf);
        checkRoundTrip(RunResults{summary, "GPTQ", {someMetrics("base")}, {{"base", "banking", rateOf(3, 4)}}, 12.5, 1e8, 9e7});
        checkRoundTrip(ComparisonTable{
            "refusal-22", {{"harmful score", "a", "b", rateOf(8, 10), rateOf(2, 10), -0.6, {-0.8, -0.4}, 0.01, 0.03, {"m-1"}, {"m-2", "m-3"}, 5}}});
        const AccuracyDifference difference{-0.03, {-0.05, -0.01}, 0.02, 9, 3};
        checkRoundTrip(difference);
        const OverlayBlock laid{4, "base", someProbe(0.0), someProbe(0.02), difference, {0.01, {-0.02, 0.04}, 0.6, 4, 6}};
        checkRoundTrip(laid);
        checkRoundTrip(RunOverlay{"/runs/other", "other", "quantized", 520, {laid}});
        const PlacedBlock placed{"quantized", 7, {{1, 2}, {1, 2}}, {{1, 2}, {3, 4}}, {{1, 2}, {5, 6}}, {{1, 2}, {7, 8}}, {0.5F}, {-0.25F}};
        checkRoundTrip(placed);
        checkRoundTrip(PlacedPrompts{{31}, {placed}});
        checkRoundTrip(ExportPreflight{"pack-quantized", 10, 20, true, {{"warning", "Fused layers differ."}}});
        checkRoundTrip(ExportOutcome{"/out", 99, {"config.json"}, 0.001});
        checkRoundTrip(ProbeWeights{"quantized", 3, 576, -1.5, 0.25, 40, 30, {{17, 0.5, -2.5}}});
        checkRoundTrip(ProbeSimilarity{"base", {0, 1}, {{2, 2}, {1, 0.5F, 0.5F, 1}}});
        checkRoundTrip(ProbeTransfer{"quantized", {0, 1}, {0}, 9, {7, 8}, {{2, 1}, {0.75F, 1}}});
        const ReliabilityCurve curve{"count", 0.0625, {{0.25, 0.5, 0.375, rateOf(3, 4)}}};
        checkRoundTrip(BlockCalibrationResult{
            4, {{"transferred", 0.125, 0.75, {0.5, 1.0}, {curve}, rateOf(1, 2), rateOf(3, 4), rateOf(5, 6), {{1, 3}, {0, 0.5F, 1.5F}}}}});
        const HistogramCounts counts{-2.0, 2.0, {1, 2, 3}, 4, 5};
        checkRoundTrip(LinearWeightsResult{"model.layers.0.mlp.up_proj", "W4A16 g64 asymmetric", 8, 16, true, counts, counts, 0.125, -3.0, -8, {1, 2}, counts, 6, 0.5,
                                           true, true});
        checkRoundTrip(BlockInputs{7, "base", 2, 30, 12, 999, {{{"a", "b"}, {1, 2.5F}, 1.75, {{1, 2.5, 1.5}}}}});
    }

    void notFiniteNumbersAreNull() {
        ProjectionResult projection;
        projection.boundary = std::numeric_limits<double>::quiet_NaN();
        projection.explained1 = std::numeric_limits<double>::infinity();
        projection.base = {{1, 2}, {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}};
        const auto written = json::parse(toJson(projection).dump());
        QVERIFY(written["boundary"].is_null());
        QVERIFY(written["explained1"].is_null());
        const auto read = parseMessage<ProjectionResult>(written);
        QVERIFY(read.has_value());
        QVERIFY(std::isnan(read->boundary));
        QVERIFY(std::isnan(read->explained1));
        QVERIFY(std::isnan(read->base.values[0]));
        QVERIFY(std::isinf(read->base.values[1]));
    }

    void brokenFieldsAreNamed_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("path");
        QTest::newRow("string for number") << R"({"stage":{"done":"3"}})"
                                           << "stage.done";
        QTest::newRow("fraction for count") << R"({"stage":{"done":1.5}})"
                                            << "stage.done";
        QTest::newRow("negative count") << R"({"sequence":-1})"
                                        << "sequence";
        QTest::newRow("too large") << R"({"answer":{"tokens":3000000000}})"
                                   << "answer.tokens";
        QTest::newRow("too small") << R"({"answer":{"prompt":-3000000000}})"
                                   << "answer.prompt";
        QTest::newRow("number for text") << R"({"message":3})"
                                         << "message";
        QTest::newRow("null for text") << R"({"message":null})"
                                       << "message";
        QTest::newRow("null for count") << R"({"sequence":null})"
                                        << "sequence";
        QTest::newRow("number for truth") << R"({"answer":{"ended":1}})"
                                          << "answer.ended";
        QTest::newRow("object for list") << R"({"block":{"linears":{}}})"
                                         << "block.linears";
        QTest::newRow("in a list") << R"({"block":{"linears":[{},{"name":[]}]}})"
                                   << "block.linears[1].name";
        QTest::newRow("list for object") << R"({"control":[]})"
                                         << "control";
        QTest::newRow("deep") << R"({"block":{"refitted":{"accuracy":{"wilson":{"low":"x"}}}}})"
                              << "block.refitted.accuracy.wilson.low";
    }
    void brokenFieldsAreNamed() {
        QFETCH(QString, text);
        QFETCH(QString, path);
        const auto read = parseMessage<RunEvent>(json::parse(text.toStdString()));
        QVERIFY(!read.has_value());
        QCOMPARE(read.error().kind, ErrorKind::BadInput);
        QVERIFY2(read.error().message.find(path.toStdString() + ": ") != std::string::npos,
                 read.error().message.c_str());
    }

    void floatArraysAreChecked_data() {
        QTest::addColumn<QString>("text");
        QTest::newRow("shape too large") << R"({"shape":[2],"float32":"AAAAAA=="})";
        QTest::newRow("shape too small") << R"({"shape":[1],"float32":"AAAAAAAAAAA="})";
        QTest::newRow("negative") << R"({"shape":[-1],"float32":"AAAAAA=="})";
        QTest::newRow("overflow") << R"({"shape":[4294967296,4294967297],"float32":"AAAAAA=="})";
        QTest::newRow("wraps to one") << R"({"shape":[9223372036854775807,3],"float32":"AAAAAA=="})";
        QTest::newRow("no shape") << R"({"float32":"AAAAAA=="})";
        QTest::newRow("bad base64") << R"({"shape":[1],"float32":"AAA*AA=="})";
        QTest::newRow("half a float") << R"({"shape":[1],"float32":"AAAA"})";
    }
    void floatArraysAreChecked() {
        QFETCH(QString, text);
        const auto read = parseMessage<FloatArray>(json::parse(text.toStdString()));
        QVERIFY(!read.has_value());
        QCOMPARE(read.error().kind, ErrorKind::BadInput);
    }

    void base64MatchesQt() {
        for (std::size_t size = 0; size < 12; ++size) {
            std::vector<float> values;
            for (std::size_t i = 0; i < size; ++i) values.push_back(static_cast<float>(i) * 1.7F - 3.3F);
            const auto bytes =
                QByteArray(reinterpret_cast<const char*>(values.data()), static_cast<int>(size * sizeof(float)));
            const auto text = encodeFloats(values);
            QCOMPARE(QByteArray::fromStdString(text), bytes.toBase64());
            const auto back = decodeFloats(text);
            QVERIFY(back.has_value());
            QVERIFY(*back == values);
        }
    }

    void brokenBase64IsRefused_data() {
        QTest::addColumn<QString>("text");
        QTest::newRow("length") << "AAAAA";
        QTest::newRow("alphabet") << "AAAA-A==";
        QTest::newRow("padding inside") << "AA==AAAA";
        QTest::newRow("three paddings") << "AAAAA===";
        QTest::newRow("only padding") << "====";
        QTest::newRow("loose bits") << "AAAAAB==";
        QTest::newRow("newline") << "AAAA\nA==";
    }
    void brokenBase64IsRefused() {
        QFETCH(QString, text);
        const auto read = decodeFloats(text.toStdString());
        QVERIFY(!read.has_value());
        QCOMPARE(read.error().kind, ErrorKind::BadInput);
    }

    void errorKindsSurvive() {
        for (const auto kind : {ErrorKind::BadInput, ErrorKind::NotFound, ErrorKind::Unsupported, ErrorKind::Mismatch,
                                ErrorKind::Io, ErrorKind::OutOfMemory, ErrorKind::Cancelled, ErrorKind::Failed}) {
            const auto read = parseMessage<Error>(toJson(Error{kind, "m", "c"}));
            QVERIFY(read.has_value());
            QCOMPARE(read->kind, kind);
        }
        QCOMPARE(parseMessage<Error>(json{{"kind", "of the future"}})->kind, ErrorKind::Failed);
    }

    void eventsBuildTheState() {
        RunState state;
        applyEvent(state, makeEvent(1, "started"));
        QCOMPARE(state.summary.status, std::string("running"));
        auto stage = makeEvent(2, "stage");
        stage.stage = someStage("capture", 1);
        applyEvent(state, stage);
        QCOMPARE(state.summary.detail, std::string("capture: 1 of 30 blocks"));
        stage.sequence = 3;
        stage.stage = someStage("capture", 2);
        applyEvent(state, stage);
        QCOMPARE(state.stages.size(), std::size_t{1});
        QCOMPARE(state.stages[0].done, std::uint64_t{2});
        stage.sequence = 4;
        stage.stage = someStage("quantize", 0);
        applyEvent(state, stage);
        QCOMPARE(state.stages.size(), std::size_t{2});

        std::uint64_t sequence = 5;
        for (const auto& [model, block] :
             {std::pair<std::string, int>{"quantized", 0}, {"base", 1}, {"base", 0}, {"base", 1}}) {
            auto value = makeEvent(sequence++, "block");
            value.block = someBlock(model, block);
            applyEvent(state, value);
            auto answer = makeEvent(sequence++, "answer");
            answer.answer = someAnswer(model, block);
            applyEvent(state, answer);
            auto metrics = makeEvent(sequence++, "metrics");
            metrics.metrics = someMetrics(model);
            applyEvent(state, metrics);
        }
        QCOMPARE(state.blocks.size(), std::size_t{3});
        QCOMPARE(state.blocks[0].model, std::string("base"));
        QCOMPARE(state.blocks[0].block, 0);
        QCOMPARE(state.blocks[1].block, 1);
        QCOMPARE(state.blocks[2].model, std::string("quantized"));
        QCOMPARE(state.answers.size(), std::size_t{3});
        QVERIFY(state.answers[0].text.empty());
        QCOMPARE(state.answers[2].model, std::string("quantized"));
        QCOMPARE(state.metrics.size(), std::size_t{2});
        QCOMPARE(state.metrics[0].model, std::string("base"));

        for (const auto& [block, epochs] : {std::pair{2, 1}, {1, 1}, {2, 2}}) {
            auto learning = makeEvent(sequence++, "learning");
            learning.learning = someLearning(block, epochs);
            applyEvent(state, learning);
        }
        QCOMPARE(state.learning.size(), std::size_t{2});
        QCOMPARE(state.learning[0].block, 1);
        QCOMPARE(state.learning[1].epochs.size(), std::size_t{2});

        // What an event of a patch does not tell stays; a step that comes again takes its own place.
        const auto tellPatch = [&](PatchProgress news) {
            auto event = makeEvent(sequence++, "patch");
            event.patch = std::move(news);
            applyEvent(state, event);
        };
        PatchProgress beginning = somePatch(1);
        beginning.finished = false;
        tellPatch(beginning);
        for (const auto& [step, loss] : {std::pair{2, 1.0}, {3, 0.5}, {2, 0.75}}) {
            PatchProgress news;
            PatchStepFigures figures;
            figures.step = step;
            figures.loss = loss;
            news.steps = {figures};
            tellPatch(news);
        }
        PatchProgress look;
        look.probes = {{0, {rateOf(1, 2)}}};
        tellPatch(look);
        QVERIFY(state.patch.has_value());
        QCOMPARE(state.patch->method, std::string("q-resafe"));
        QCOMPARE(state.patch->pairs.size(), std::size_t{2});
        QCOMPARE(state.patch->linears.size(), std::size_t{1});
        QCOMPARE(state.patch->steps.size(), std::size_t{3});
        QCOMPARE(state.patch->steps[1].loss, 0.75);
        QCOMPARE(state.patch->steps[2].step, 3);
        QCOMPARE(state.patch->probes.size(), std::size_t{2});
        QCOMPARE(state.patch->probes.front().step, 0);
        QVERIFY(!state.patch->finished);

        auto note = makeEvent(sequence++, "note");
        note.message = "once";
        applyEvent(state, note);
        note.sequence = sequence++;
        applyEvent(state, note);
        QCOMPARE(state.notes.size(), std::size_t{1});
        auto log = makeEvent(sequence++, "log");
        log.message = "line";
        applyEvent(state, log);
        applyEvent(state, log);
        QCOMPARE(state.log.size(), std::size_t{1});

        auto control = makeEvent(sequence++, "control");
        control.control = someControl();
        applyEvent(state, control);
        QVERIFY(state.control.has_value());

        auto finished = makeEvent(sequence++, "finished");
        finished.status = "failed";
        finished.error = Error{ErrorKind::Io, "Disk full.", "results.h5", "`df` tells."};
        applyEvent(state, finished);
        QCOMPARE(state.summary.status, std::string("failed"));
        QCOMPARE(state.summary.detail, std::string("results.h5: Disk full."));
        QVERIFY(state.summary.resumable);
        applyEvent(state, makeEvent(sequence++, "started"));
        QCOMPARE(state.summary.status, std::string("running"));
        finished = makeEvent(sequence++, "finished");
        finished.status = "finished";
        applyEvent(state, finished);
        QVERIFY(!state.summary.resumable);
        QCOMPARE(state.sequence, sequence - 1);
        applyEvent(state, makeEvent(1, "started"));
        QCOMPARE(state.summary.status, std::string("finished"));
    }

    void anAssessmentRoundTrips() {
        CellMeasure measure{"harmful score", rateOf(22, 100), rateOf(34, 100), 0.12, {0.05, 0.19}, 0.003, {"a"}, {"b", "c"}};
        AssessmentCell cell;
        cell.method = "awq", cell.title = "AWQ", cell.bits = 4, cell.scheme = "W4A16 g64 asymmetric", cell.risk = "III", cell.seed = 7;
        cell.repeat = cell.attacked = true;
        cell.status = "finished", cell.detail = "detail", cell.folder = "/runs/1";
        cell.quantizeSeconds = 12.5, cell.seconds = 80.25, cell.peakMemoryBytes = 1'000'000'007, cell.bitsPerWeight = 4.25;
        cell.perplexityBefore = 18.5, cell.perplexity = 19.25;
        cell.measures = {measure};
        cell.attacks = {{"t0.7-k0-p1", 0.25, 0.5, {0.375, 0.625}, rateOf(60, 100)}};
        AssessmentState state;
        state.summary = {"/assessments/1", "name", "model", "2026-01-31T10:20:30Z", "running", 42, 12, 1};
        state.risks = {"I", "III"};
        state.riskTexts = {"benign", "malicious"};
        state.cells = {cell};
        state.findings = {{"hidden danger", "text", "evidence", 0, 10.12}};
        state.secondsLeft = 1234.5;
        const json written = toJson(state);
        for (const json* object : {&written, &written["summary"], &written["cells"][0], &written["cells"][0]["measures"][0], &written["cells"][0]["attacks"][0], &written["findings"][0]})
            for (const auto& [name, value] : object->items()) QVERIFY2(!value.is_null(), name.c_str());
        const auto read = parseMessage<AssessmentState>(json::parse(written.dump()));
        QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
        QCOMPARE(toJson(*read), written);
        QCOMPARE(read->cells[0].measure("harmful score")->gained, measure.gained);
        QVERIFY(read->cells[0].measure("other") == nullptr);
        QCOMPARE(cellTitle(read->cells[0]), std::string("AWQ 4 bit, calibrated on III, seed 7"));

        FlippedPrompt flipped{5, {}, "refused", "complied"};
        flipped.prompt.id = "advbench-5";
        flipped.prompt.text = "text";
        flipped.prompt.label = "malicious";
        QCOMPARE(toJson(*parseMessage<FlippedPrompt>(toJson(flipped))), toJson(flipped));
        QVERIFY(!parseMessage<AssessmentState>(json{{"cells", 5}}).has_value());
    }
};

QTEST_GUILESS_MAIN(TestMessages)
#include "test_messages.moc"
