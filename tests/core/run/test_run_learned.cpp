// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "core/base/random.h"
#include "core/evaluate/judge_refusal_22.h"
#include "core/model/decoder.h"
#include "core/model/generation.h"
#include "core/quantize/quantize_block.h"
#include "core/run/block_results.h"
#include "core/run/coded_blocks.h"
#include "core/run/learned_blocks.h"
#include "core/run/learning_samples.h"
#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "core/run/run_inputs.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

/// Runs whose method learns its blocks: files of the run folder hold them, and everything after reads those.
class TestRunLearned : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    QString m_inputs;
    std::string m_whole, m_calibrated, m_ordered;
    int m_workspaces = 0;

    std::string newRun(const json& spec) { return tiny::makeRun(m_folder.filePath("workspace-" + QString::number(++m_workspaces)), spec); }

    json calibratedSpec(const QString& exportFolder = {}) const {
        auto spec = tiny::learnedSpecJson(m_inputs, exportFolder);
        spec.erase("aligned");
        spec["quantization"].erase("learning");
        spec["quantization"]["method"] = "gptq";
        spec["quantization"]["options"] = {{"smoothing", true}, {"clip_search", "mse"}};
        return spec;
    }

private slots:
    void initTestCase() {
        m_inputs = m_folder.filePath("inputs");
        tiny::writeInputs(m_inputs);
        m_whole = newRun(tiny::learnedSpecJson(m_inputs, m_folder.filePath("export")));
        tiny::finishRun(m_whole);
        m_calibrated = newRun(calibratedSpec(m_folder.filePath("calibrated-export")));
        tiny::finishRun(m_calibrated);
        auto ordered = calibratedSpec(m_folder.filePath("ordered-export"));
        ordered["quantization"]["options"]["order"] = "group";
        m_ordered = newRun(ordered);
        tiny::finishRun(m_ordered);
    }

    /// The aligned model, what is calibrated on and the method change nothing of the base model's results.
    void baseIsTakenOverFromARunOfAnotherMethod() {
        const auto place = m_folder.filePath("shared-workspace");
        const auto first = tiny::makeRun(place, calibratedSpec());
        tiny::finishRun(first);
        const auto second = tiny::makeRun(place, tiny::learnedSpecJson(m_inputs));
        tiny::finishRun(second);
        const auto reused = Manifest::read(second)->json()["reused"];
        QVERIFY2(reused.contains("base blocks") && reused.contains("base answers"), reused.dump().c_str());
        for (int block = 0; block < 4; ++block)
            QVERIFY(tiny::readAll(blockPath(first, "base", block)) == tiny::readAll(blockPath(second, "base", block)));
        // What was computed anew is what a run alone computes.
        QVERIFY(tiny::readAll(blockPath(m_whole, "quantized", 3)) == tiny::readAll(blockPath(second, "quantized", 3)));
    }

    void blocksAreKept() {
        const auto state = readRunState(m_whole);
        QVERIFY(state.has_value());
        QCOMPARE(state->summary.status, std::string("finished"));
        QCOMPARE(state->metrics.size(), std::size_t{2});
        QVERIFY(state->metrics[0].perplexity != state->metrics[1].perplexity);
        QCOMPARE(state->learning.size(), std::size_t{4});
        for (int block = 0; block < 4; ++block) {
            const protocol::LearnedBlock& told = state->learning[static_cast<std::size_t>(block)];
            QCOMPARE(told.block, block);
            QVERIFY(told.finished && told.seconds > 0.0);
            QCOMPARE(told.plannedEpochs, block <= 2 ? 1 : 2);
            QCOMPARE(static_cast<int>(told.epochs.size()), told.plannedEpochs);
            QVERIFY(told.epochs[0].benign > 0.0 && told.epochs[0].malicious > 0.0 && told.epochs[0].probe == 0.0);
            QVERIFY(told.benignError > 0.0 && told.maliciousError > 0.0 && told.maliciousBefore > 0.0);
            // Eight and eight chats of as many clusters: every stream is judged, each by itself.
            QVERIFY(told.aligned && told.fineTuned && told.quantized);
            QVERIFY(told.aligned->accuracy >= 0.0 && told.aligned->accuracy <= 1.0);
        }
        const auto hashes = resultHashes(m_whole);
        for (int block = 0; block < 4; ++block)
            QVERIFY(hashes->contains("blocks/weights-00" + std::to_string(block) + ".safetensors"));
        const auto manifest = Manifest::read(m_whole);
        QVERIFY(manifest->json()["fingerprints"].contains("aligned checkpoint"));
        QVERIFY(manifest->json()["fingerprints"].contains("calibration files"));
    }

    /// Probes of the first stream on held-out rows: a copy is judged alike, a stream with both classes moved to the malicious side is not.
    void streamsAreJudgedByTheFirstOnesProbes() {
        constexpr std::size_t kChats = 120, kHidden = 6;
        RandomStream random(3, "rows");
        std::vector<bool> malicious;
        std::vector<int> clusters;
        std::vector<Matrix> streams;
        for (int s = 0; s < 3; ++s) streams.emplace_back(kChats, kHidden);
        for (std::size_t i = 0; i < kChats; ++i) {
            malicious.push_back(i % 2 == 0);
            clusters.push_back(static_cast<int>(i / 2));
            for (std::size_t d = 0; d < kHidden; ++d) {
                const auto value = static_cast<float>(random.normal() + (d == 2 ? (malicious[i] ? 3.0 : -3.0) : 0.0));
                streams[0].row(i)[d] = streams[1].row(i)[d] = value;
                streams[2].row(i)[d] = d == 2 ? value + 12.0F : value;
            }
        }
        const auto judged = judgeStreams(streams, malicious, clusters, 0);
        QVERIFY(judged && judged->size() == 3);
        QVERIFY2((*judged)[0].accuracy > 0.97, qPrintable(QString::number((*judged)[0].accuracy)));
        QVERIFY((*judged)[0].meanLogitMalicious > 1.0 && (*judged)[0].meanLogitBenign < -1.0);
        QCOMPARE((*judged)[1].accuracy, (*judged)[0].accuracy);
        QCOMPARE((*judged)[1].meanLogitBenign, (*judged)[0].meanLogitBenign);
        QCOMPARE((*judged)[2].accuracy, 0.5);
        QVERIFY((*judged)[2].meanLogitBenign > 1.0);
        // All benign chats are near duplicates of each other: none is left to fit on where one is judged.
        for (std::size_t i = 0; i < kChats; ++i)
            if (!malicious[i]) clusters[i] = -1;
        QVERIFY(!judgeStreams(streams, malicious, clusters, 0));
    }

    /// What the export reads back as is what evaluation ran: codes, moved scales in norms, and a linear that is left alone.
    void exportHoldsTheModel_data() {
        QTest::addColumn<QString>("folder");
        QTest::newRow("learned") << QString::fromStdString(m_whole);
        QTest::newRow("calibrated") << QString::fromStdString(m_calibrated);
        QTest::newRow("calibrated, groups in an order of their own") << QString::fromStdString(m_ordered);
    }
    void exportHoldsTheModel() {
        QFETCH(QString, folder);
        const std::string run = folder.toStdString();
        const auto spec = readRunSpec(run + "/spec.json");
        const auto inputs = openInputs(*spec, false);
        QVERIFY2(inputs.has_value(), inputs ? "" : inputs.error().describe().c_str());
        const auto exported = openCheckpoint(spec->exportFolder);
        QVERIFY2(exported.has_value(), exported ? "" : exported.error().describe().c_str());
        const DecoderConfig& config = inputs->checkpoint->config();
        for (int block = 0; block < config.blocks; ++block) {
            const auto coded = readCodedBlock(run, config, planOfBlock(inputs->plan, block), block);
            QVERIFY2(coded.has_value(), coded ? "" : coded.error().describe().c_str());
            const auto loaded = loadBlock(**exported, block);
            const auto original = loadBlock(*inputs->checkpoint, block);
            QVERIFY(loaded && original);
            QVERIFY(loaded->inputNorm == coded->weights.inputNorm && loaded->inputNorm != original->inputNorm);
            QVERIFY(loaded->preFeedForwardNorm == coded->weights.preFeedForwardNorm);
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                const std::span<const float> expected = coded->weights.linears[i].weight.span();
                const std::span<const float> actual = loaded->linears[i].weight.span();
                QVERIFY2(std::equal(expected.begin(), expected.end(), actual.begin(), actual.end()),
                         linearName(block, static_cast<LinearRole>(i)).c_str());
            }
        }
        QVERIFY(readCodedBlock(run, config, planOfBlock(inputs->plan, 2), 2)->linears[static_cast<std::size_t>(LinearRole::Up)].codes.empty());
    }

    /// Streams, targets and probes of a run that looks at activations are those of the rotated models; what is shown is in the base's
    /// space.
    void rotatedRuns_data() {
        QTest::addColumn<QString>("method");
        for (const char* method : {"q-realign", "gptq", "awq", "smoothquant"}) QTest::newRow(method) << method;
    }
    void rotatedRuns() {
        QFETCH(QString, method);
        const QString target = m_folder.filePath("rotated-" + method);
        auto spec = method == "q-realign" ? tiny::learnedSpecJson(m_inputs, target) : calibratedSpec(target);
        spec["quantization"]["rotation"] = json::object();
        if (method == "q-realign") {
            spec["quantization"]["learning"]["objective"] = "published";
        } else {
            spec["quantization"]["method"] = method.toStdString();
            spec["quantization"].erase("options");
        }
        const auto run = newRun(spec);
        tiny::finishRun(run);
        const auto state = readRunState(run);
        QCOMPARE(state->blocks.size(), std::size_t{8});
        for (std::size_t i = 4; i < 8; ++i)
            QVERIFY2(state->blocks[i].streamRelativeError > 1e-3 && state->blocks[i].streamRelativeError < 0.5,
                     qPrintable(QString::number(state->blocks[i].streamRelativeError)));
        const auto exported = openCheckpoint(target.toStdString());
        QVERIFY2(exported.has_value(), exported ? "" : exported.error().describe().c_str());
        QVERIFY(!(*exported)->config().tiedEmbeddings);
    }

    void stoppedRunsGoOn_data() {
        QTest::addColumn<bool>("learned");
        QTest::addColumn<int>("blocks");
        QTest::newRow("before the first block is learned") << true << 4;
        QTest::newRow("within") << true << 6;
        QTest::newRow("calibrated") << false << 6;
    }
    void stoppedRunsGoOn() {
        QFETCH(bool, learned);
        QFETCH(int, blocks);
        const auto spec = learned ? tiny::learnedSpecJson(m_inputs) : calibratedSpec();
        const auto uninterrupted = newRun(spec);
        tiny::finishRun(uninterrupted);
        const auto folder = newRun(spec);
        std::stop_source stop;
        int seen = 0;
        const auto stopped = executeRun(
            folder,
            [&](const protocol::RunEvent& event) {
                if (event.type == "block" && ++seen == blocks) stop.request_stop();
            },
            stop.get_token());
        QVERIFY(!stopped && stopped.error().kind == ErrorKind::Cancelled);
        // A file that a kill left half written lies beside its name and is no block.
        QFile torn(QString::fromStdString(codedBlockPath(folder, 3) + ".part"));
        QVERIFY(torn.open(QIODevice::WriteOnly) && torn.write("half") == 4);
        torn.close();
        tiny::finishRun(folder);
        QCOMPARE(readRunState(folder)->learning.size(), readRunState(uninterrupted)->learning.size());
        QCOMPARE(QString::fromStdString(resultHashes(folder)->dump(1)), QString::fromStdString(resultHashes(uninterrupted)->dump(1)));
    }

    /// What was measured while a block was coded is told again by a session that found it coded.
    void outputErrorsAreKept() {
        const auto state = readRunState(m_calibrated);
        QVERIFY(state.has_value());
        int measured = 0;
        for (const auto& block : state->blocks)
            for (const auto& linear : block.linears) {
                QCOMPARE(linear.outputError > 0.0, linear.actualBits < 16);
                if (linear.actualBits == 16) continue;
                QVERIFY(linear.relativeError > linear.outputError && linear.relativeError < 0.3);
                ++measured;
            }
        QCOMPARE(measured, 27);
    }

    void changedInputsAreRefused() {
        const auto folder = newRun(tiny::learnedSpecJson(m_inputs));
        std::stop_source stop;
        QVERIFY(!executeRun(
            folder, [&](const protocol::RunEvent& event) { if (event.type == "block") stop.request_stop(); }, stop.get_token()));
        QFile weights(m_inputs + "/tiny-aligned/model.safetensors");
        QVERIFY(weights.open(QIODevice::ReadWrite) && weights.seek(weights.size() - 4));
        const float changed = 0.5F;
        QCOMPARE(weights.write(reinterpret_cast<const char*>(&changed), sizeof(changed)), qint64{4});
        weights.close();
        const auto refused = executeRun(folder, {}, {});
        QVERIFY(!refused && refused.error().kind == ErrorKind::Mismatch);
        QVERIFY(refused.error().message.find("aligned checkpoint") != std::string::npos);
    }

    void brokenSpecsAreRefused_data() {
        QTest::addColumn<QString>("section");
        QTest::addColumn<QString>("patch");
        QTest::addColumn<QString>("named");
        QTest::newRow("objective") << "quantization" << R"({"method": "q-realign", "learning": {"objective": "dual-steam"}})" << "dual-stream";
        QTest::newRow("field") << "quantization" << R"({"method": "q-realign", "learning": {"epoch": 3}})" << "epoch";
        QTest::newRow("scales") << "quantization" << R"({"method": "omniquant", "learning": {"scales": ["up-to-dawn"]}})" << "up-to-down";
        QTest::newRow("rate") << "quantization" << R"({"method": "omniquant", "learning": {"scale_rate": 0}})" << "scale_rate";
        QTest::newRow("option") << "quantization" << R"({"method": "gptq", "options": {"dampening": 0.1}})" << "damping";
        QTest::newRow("order") << "quantization" << R"({"method": "gptq", "options": {"order": "falling"}})" << "static";
        QTest::newRow("damping") << "quantization" << R"({"method": "gptq", "options": {"damping": 0}})" << "options.damping";
        QTest::newRow("alpha") << "quantization" << R"({"method": "smoothquant", "options": {"alpha": 1.5}})" << "options.alpha";
        QTest::newRow("another method's option") << "quantization" << R"({"method": "smoothquant", "options": {"damping": 0.1}})" << "damping";
        QTest::newRow("no options") << "quantization" << R"({"method": "rtn", "options": {"alpha": 0.5}})" << "takes none";
        QTest::newRow("calibration") << "calibration" << R"({"malicous": 3})" << "malicious";
        QTest::newRow("aligned") << "aligned" << R"({})" << "aligned";
    }
    void brokenSpecsAreRefused() {
        QFETCH(QString, section);
        QFETCH(QString, patch);
        QFETCH(QString, named);
        auto spec = tiny::learnedSpecJson(m_inputs);
        spec["quantization"]["learning"]["objective"] = "dual-stream";
        spec[section.toStdString()] = json::parse(patch.toStdString());
        const auto read = runSpecFromJson(spec, "test");
        QVERIFY(!read.has_value());
        QVERIFY2(read.error().describe().find(named.toStdString()) != std::string::npos, read.error().describe().c_str());
    }

    /// A spec survives being written and read.
    void specsAreKeptWhole() {
        auto spec = tiny::learnedSpecJson(m_inputs);
        spec["quantization"]["learning"] = {{"objective", "signature"}, {"gain", 1.5}, {"tail", 3}, {"scales", {"up-to-down"}},
                                            {"swap_labels", true}, {"guardrail", 2.0}, {"random_probe", true}, {"initial_alpha", 0.5}, {"first_block", 1}, {"last_block", 2}};
        const auto read = runSpecFromJson(spec, "test");
        QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
        const auto again = runSpecFromJson(runSpecToJson(*read), "test");
        QVERIFY(again.has_value());
        QCOMPARE(runSpecToJson(*again).dump(), runSpecToJson(*read).dump());
        QVERIFY(again->learning.learning.objective.target == MaliciousTarget::Signature);
        QCOMPARE(again->learning.learning.objective.gain, 1.5);
    }

    void optionsAreKept() {
        auto spec = calibratedSpec();
        spec["quantization"]["options"] = {{"order", "none"}, {"damping", 0.05}, {"block_columns", 64}, {"clip_search", "mse"},
                                           {"smoothing", true}, {"alpha", 0.75}};
        const auto read = runSpecFromJson(spec, "test");
        QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
        QVERIFY(read->options.gptq.order == ColumnOrder::None && read->options.gptq.searchRange && read->options.smoothing.on);
        QCOMPARE(QString::fromStdString(runSpecToJson(*read)["quantization"]["options"].dump()),
                 QString::fromStdString(spec["quantization"]["options"].dump()));
    }

    /// Prompts stay what they are when answers follow: the fine-tuned model's, and of malicious ones refusals alone.
    void answersAreCalibratedOn() {
        auto text = tiny::learnedSpecJson(m_inputs);
        const auto draw = [&] {
            const auto spec = runSpecFromJson(text, "test");
            if (!spec) throw std::runtime_error(spec.error().describe());
            const auto inputs = openInputs(*spec, false);
            if (!inputs) throw std::runtime_error(inputs.error().describe());
            auto drawn = drawLearningSamples(*inputs);
            if (!drawn) throw std::runtime_error(drawn.error().describe());
            return std::pair{*inputs, std::move(*drawn)};
        };
        const auto [inputs, bare] = draw();
        text["calibration"]["answer_tokens"] = 6;
        const auto answered = draw().second;
        QCOMPARE(answered.size(), bare.size());
        const auto model = LanguageModel::load(inputs.checkpoint, checkpointBlocks(inputs.checkpoint));
        QVERIFY(model.has_value());
        DecodingOptions decoding;
        decoding.maxNewTokens = 6;
        std::size_t answers = 0;
        for (std::size_t i = 0; i < bare.size(); ++i) {
            QCOMPARE(answered[i].id, bare[i].id);
            const auto& tokens = answered[i].tokens;
            const std::vector<std::int32_t> prompt(tokens.begin(), tokens.end() - answered[i].answerTokens);
            const std::vector<std::int32_t> answer(tokens.end() - answered[i].answerTokens, tokens.end());
            QVERIFY(prompt == bare[i].tokens && bare[i].answerTokens == 0);
            if (bare[i].kind == SampleKind::Malicious) {
                QVERIFY(answer.empty() || Refusal22().refused(inputs.format.tokenizer->decode(answer, true)));
            } else if (bare[i].kind == SampleKind::Text) {
                QVERIFY(answer.empty());
            } else {
                QVERIFY(answer == (*model)->generate({prompt}, decoding)->front().tokens);
                answers += answer.size();
            }
        }
        QVERIFY(answers > 0);
    }

    /// A task file that is none, a text without passages.
    void brokenCalibrationFilesAreNamed() {
        auto spec = tiny::learnedSpecJson(m_inputs);
        spec["calibration"]["task_prompts"] = m_inputs.toStdString() + "/text.txt";
        const auto tasks = executeRun(newRun(spec), {}, {});
        QVERIFY(!tasks && tasks.error().message.find("Line 1 is no task") != std::string::npos);
        spec = tiny::learnedSpecJson(m_inputs);
        spec["calibration"]["text_from"] = 1000000;
        const auto text = executeRun(newRun(spec), {}, {});
        QVERIFY(!text && text.error().message.find("no passage of 24 tokens") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestRunLearned)
#include "test_run_learned.moc"
