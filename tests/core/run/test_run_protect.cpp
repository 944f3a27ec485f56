// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QtTest>
#include <bit>
#include <cmath>

#include "core/base/hash.h"
#include "core/exporting/float_bits.h"
#include "core/report/build_report.h"
#include "core/run/coded_blocks.h"
#include "core/run/event_log.h"
#include "core/run/preference_pairs.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;
using tiny::finishRun;
using tiny::readAll;

/// Runs whose critical weights stay in 16 bits, and runs patched by AAQ's loss.
class TestRunProtect : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    QString m_answers;

    json protectedSpec(const std::string& method, const json& patch) {
        auto spec = tiny::specJson(m_places.inputs());
        spec["quantization"]["method"] = method;
        spec["quantization"]["rules"] = {{{"pattern", "layers\\.2\\.mlp\\.up_proj"}, {"weight_bits", 16}}};
        spec["calibration"] = {{"malicious", 8}, {"benign", 8}, {"texts", 0}, {"tasks", 0}};
        spec["quantization"]["patch"] = patch;
        if (!patch.contains("pairs")) spec["quantization"]["patch"]["pairs"] = m_answers.toStdString();
        return spec;
    }

    json alignedSpec() {
        const auto folder = m_places.inputs().toStdString();
        auto spec = protectedSpec("rtn", {{"method", "aaq"},
                                          {"pairs", ""},
                                          {"malicious", 4},
                                          {"benign", 4},
                                          {"hard_benign", 2},
                                          {"answer_tokens", 6},
                                          {"texts", 3},
                                          {"text", folder + "/text.txt"},
                                          {"text_from", 100},
                                          {"text_tokens", 24},
                                          {"rank", 4},
                                          {"alpha", 8},
                                          {"steps", 12},
                                          {"batch", 3},
                                          {"warmup_steps", 1},
                                          {"learning_rate", 0.02},
                                          {"pretrained", {{"checkpoint", folder + "/tiny-aligned"}}}});
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
    static float bfloat16(float value) { return std::bit_cast<float>(static_cast<std::uint32_t>(nearestBfloat16Bits(value)) << 16); }

    static CodedBlock blockOf(const std::string& folder, const RunInputs& inputs, int block) {
        auto coded = readCodedBlock(folder, inputs.checkpoint->config(), planOfBlock(inputs.plan, block), block);
        if (!coded) throw std::runtime_error(coded.error().describe());
        return std::move(*coded);
    }

    static RunInputs inputsOf(const json& spec) {
        auto inputs = openInputs(*runSpecFromJson(spec, "spec.json"), false);
        if (!inputs) throw std::runtime_error(inputs.error().describe());
        return std::move(*inputs);
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_answers = m_places.path("answers.jsonl");
        QFile file(m_answers);
        QVERIFY(file.open(QIODevice::WriteOnly));
        const auto add = [&](const char* label, const std::string& prompt, const std::string& chosen) {
            file.write(QByteArray::fromStdString(json{{"prompt", prompt}, {"chosen", chosen}, {"label", label}}.dump() + "\n"));
        };
        for (int i = 0; i < 5; ++i) add("malicious", "Name tree " + std::to_string(i) + ".", "I'm sorry, I can't help with that.");
        for (int i = 0; i < 4; ++i) add("benign", "Say the number " + std::to_string(i) + ".", "It is " + std::to_string(i) + ".");
        // Nothing is scored towards these.
        add("malicious", "Name a bush.", "A rose.");
        add("benign", "Name a river.", "I'm sorry, I can't help with that.");
    }

    void keptWeightsAreWhatTheyWere_data() {
        QTest::addColumn<QString>("method");
        QTest::addColumn<QString>("patch");
        QTest::addColumn<double>("share");
        QTest::newRow("rtn, SafeScore") << "rtn"
                                        << R"({"method": "q-resafe-16bit"})" << 0.6;
        QTest::newRow("rtn, protection") << "rtn"
                                         << R"({"method": "critical-weights", "texts": 3})" << 0.1;
        QTest::newRow("rtn, random") << "rtn"
                                     << R"({"method": "critical-weights", "mask": "random", "share": 0.25, "pairs": ""})" << 0.25;
        QTest::newRow("gptq, SafeScore") << "gptq"
                                         << R"({"method": "q-resafe-16bit", "share": 0.3})" << 0.3;
    }

    void keptWeightsAreWhatTheyWere() {
        QFETCH(QString, method);
        QFETCH(QString, patch);
        QFETCH(double, share);
        auto spec = protectedSpec(method.toStdString(), json::parse(patch.toStdString()));
        if (spec["quantization"]["patch"].contains("texts")) {
            spec["quantization"]["patch"]["text"] = m_places.inputs().toStdString() + "/text.txt";
            spec["quantization"]["patch"]["text_from"] = 0;
            spec["quantization"]["patch"]["text_tokens"] = 16;
        }
        const auto folder = run(spec);
        auto plain = spec;
        plain["quantization"].erase("patch");
        const std::string before = method == "rtn" ? std::string() : run(plain);
        const RunInputs inputs = inputsOf(spec);
        const auto manifest = json::parse(readAll(folder + "/manifest.json"));
        std::uint64_t weights = 0, kept = 0;
        double bits = 0.0;
        for (int block = 0; block < 4; ++block) {
            const BlockWeights original = *loadBlock(*inputs.checkpoint, block);
            const CodedBlock made = blockOf(folder, inputs, block);
            const auto plan = planOfBlock(inputs.plan, block);
            const CodedBlock quantized =
                before.empty() ? roundedBlock(*loadBlock(*inputs.checkpoint, block), plan) : blockOf(before, inputs, block);
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                const QuantizedLinear& linear = made.linears[i];
                if (!plan[i].quantized()) {
                    QVERIFY(linear.onGrid() && manifest["patch"]["linears"].count(plan[i].name) == 0);
                    continue;
                }
                QVERIFY(!linear.onGrid() && linear.codes.empty());
                const Matrix grid = quantized.linears[i].dequantize();
                std::uint64_t different = 0;
                for (std::size_t w = 0; w < grid.size(); ++w) {
                    const float whole = bfloat16(original.linears[i].weight.data()[w]);
                    QVERIFY(linear.values[w] == grid.data()[w] || linear.values[w] == whole);
                    different += linear.values[w] != grid.data()[w] ? 1U : 0U;
                }
                const auto& told = manifest["patch"]["linears"][plan[i].name];
                const auto count = told["kept"].get<std::uint64_t>();
                QCOMPARE(count, static_cast<std::uint64_t>(std::llround(share * static_cast<double>(grid.size()))));
                // A kept weight may happen to lie on its grid, an end of its group above all, and few do.
                QVERIFY2(different <= count && static_cast<double>(different) > 0.9 * static_cast<double>(count),
                         qPrintable(QString("%1 of %2").arg(different).arg(count)));
                // 4 bits in groups of 16 with scales and zero points, 16 bits for the kept, and what says which: a bit a weight or places
                // of 10 or 11 bits.
                const double aside = 20.0 / 16.0, place = std::ceil(std::log2(static_cast<double>(grid.size())));
                const double part = static_cast<double>(count) / static_cast<double>(grid.size());
                const double expected = aside + (1.0 - part) * 4.0 + part * 16.0 + std::min(1.0, part * place);
                QVERIFY2(std::abs(told["bits"].get<double>() - expected) < 1e-5,
                         qPrintable(QString("%1 %2").arg(told["bits"].get<double>()).arg(expected)));
                QCOMPARE(linear.bitsPerWeight(), told["bits"].get<double>());
                weights += grid.size();
                kept += count;
                bits += expected * static_cast<double>(grid.size());
            }
        }
        QCOMPARE(manifest["patch"]["weights"].get<std::uint64_t>(), weights);
        QCOMPARE(manifest["patch"]["kept"].get<std::uint64_t>(), kept);
        const auto told = readRunState(folder)->patch;
        QVERIFY(told && told->kind == "keep" && told->finished && told->steps.empty() && told->probes.empty());
        std::uint64_t keptTold = 0, weightsTold = 0;
        double bitsTold = 0.0;
        for (const auto& linear : told->linears) {
            keptTold += linear.kept;
            weightsTold += linear.codes;
            bitsTold += linear.bits * static_cast<double>(linear.codes);
        }
        QVERIFY(keptTold == kept && weightsTold == weights);
        QVERIFY(std::abs(bitsTold / static_cast<double>(weightsTold) - manifest["patch"]["bits"].get<double>()) < 1e-9);
        QVERIFY(std::abs(manifest["patch"]["bits"].get<double>() - bits / static_cast<double>(weights)) < 1e-5);
        const auto state = readRunState(folder);
        const QString notes = QString::fromStdString(json(state->notes).dump());
        QVERIFY2(notes.contains(QString("keeps %1 of %2 weights").arg(kept).arg(weights)), qPrintable(notes));
        const bool scored = spec["quantization"]["patch"].value("mask", "") != "random";
        QCOMPARE(
            notes.contains("1 left out (the chosen answer is no refusal), 1 left out (the chosen answer refuses a benign prompt), 9 used"),
            scored);
        for (const auto& linear : state->blocks[4].linears)
            if (linear.name.find("up_proj") == std::string::npos) QVERIFY(linear.bitsPerWeight > 5.3);
        QVERIFY(state->blocks[4].linears[0].relativeError > 0.0);
        for (const char* gone : {"/unpatched", "/patch/choice.safetensors"}) QVERIFY(!QFile::exists(QString::fromStdString(folder + gone)));
        const auto differences = verifyRun(folder, {});
        QVERIFY(differences.has_value() && differences->empty());
    }

    /// AWQ moves scales into the weights before it rounds: those kept have them, too, and come nearer than what was rounded.
    void movedScalesAreRespected() {
        const auto spec = protectedSpec("awq", {{"method", "q-resafe-16bit"}, {"share", 0.5}});
        auto plain = spec;
        plain["quantization"].erase("patch");
        const auto folder = run(spec), before = run(plain);
        const RunInputs inputs = inputsOf(spec);
        bool moved = false;
        for (int block = 0; block < 4; ++block) {
            const BlockWeights original = *loadBlock(*inputs.checkpoint, block);
            const CodedBlock made = blockOf(folder, inputs, block), quantized = blockOf(before, inputs, block);
            for (const LinearRole role : {LinearRole::Query, LinearRole::Gate}) {
                const auto i = static_cast<std::size_t>(role);
                const auto& normBefore = role == LinearRole::Query ? original.inputNorm : original.preFeedForwardNorm;
                const auto& normNow = role == LinearRole::Query ? made.weights.inputNorm : made.weights.preFeedForwardNorm;
                const Matrix grid = quantized.linears[i].dequantize();
                std::uint64_t kept = 0;
                for (std::size_t r = 0; r < grid.rows(); ++r)
                    for (std::size_t c = 0; c < grid.cols(); ++c) {
                        const float scale = normBefore[c] / normNow[c], value = made.linears[i].values[r * grid.cols() + c];
                        moved = moved || std::abs(scale - 1.0F) > 0.1F;
                        if (value == grid(r, c)) continue;
                        ++kept;
                        QVERIFY(std::abs(value - original.linears[i].weight(r, c) * scale) <= 0.005F * std::abs(value));
                    }
                QVERIFY(std::abs(static_cast<double>(kept) / static_cast<double>(grid.size()) - 0.5) < 0.03);
            }
        }
        QVERIFY(moved);
        const auto now = readRunState(folder), then = readRunState(before);
        for (std::size_t linear = 0; linear < 7; ++linear)
            if (then->blocks[4].linears[linear].relativeError > 0.0)
                QVERIFY(now->blocks[4].linears[linear].relativeError < 0.85 * then->blocks[4].linears[linear].relativeError);
    }

    void stoppedAndResumedIsTheSame_data() {
        QTest::addColumn<bool>("aligns");
        QTest::newRow("kept") << false;
        QTest::newRow("aligned") << true;
    }

    void stoppedAndResumedIsTheSame() {
        QFETCH(bool, aligns);
        const auto spec = [&] { return aligns ? alignedSpec() : protectedSpec("gptq", {{"method", "critical-weights"}, {"texts", 0}}); };
        const auto whole = run(spec());
        const auto parts = tiny::makeRun(m_places.next(), spec());
        for (const unsigned stopAt : {aligns ? 12U : 25U, aligns ? 30U : 60U}) {
            std::stop_source source;
            const auto done = executeRun(
                parts,
                [&](const protocol::RunEvent& event) {
                    if (event.stage && event.stage->stage == "patch" && event.stage->done >= stopAt) source.request_stop();
                },
                source.get_token());
            QVERIFY(!done && done.error().kind == ErrorKind::Cancelled);
        }
        finishRun(parts);
        for (int block = 0; block < 4; ++block) QCOMPARE(blockHash(parts, block), blockHash(whole, block));
    }

    void randomControlDiffers() {
        const auto scored = run(protectedSpec("rtn", {{"method", "q-resafe-16bit"}, {"share", 0.3}}));
        const auto random = run(protectedSpec("rtn", {{"method", "q-resafe-16bit"}, {"share", 0.3}, {"mask", "random"}}));
        QVERIFY(blockHash(scored, 0) != blockHash(random, 0));
        QCOMPARE(json::parse(readAll(scored + "/manifest.json"))["patch"]["kept"],
                 json::parse(readAll(random + "/manifest.json"))["patch"]["kept"]);
        QVERIFY(!QFile::exists(QString::fromStdString(random + "/patch/pairs.jsonl")));
    }

    void reportTellsIt() {
        const auto folder = run(protectedSpec("rtn", {{"method", "critical-weights"}, {"texts", 0}}));
        const auto manifest = json::parse(readAll(folder + "/manifest.json"));
        const auto report = buildReport(folder, {ReportTemplate::Researcher, false});
        QVERIFY(report.has_value());
        QString text;
        std::size_t rows = 0;
        for (const ReportSection& section : report->sections) {
            for (const auto& paragraph : section.paragraphs) text += QString::fromStdString(paragraph) + "\n";
            for (const ReportTable& table : section.tables)
                if (table.id == "kept-weights") rows = table.rows.size();
        }
        QCOMPARE(rows, std::size_t{27});
        QVERIFY2(text.contains(QString("critical weight protection put %1 of %2 weights back in 16 bits, 10.00% of all")
                                   .arg(manifest["patch"]["kept"].get<int>())
                                   .arg(manifest["patch"]["weights"].get<int>())),
                 qPrintable(text));
        QVERIFY(text.contains("chosen by the mask protection-score") &&
                text.contains("bits a weight. Answers of the model before it was quantized"));
        QVERIFY(manifest["scheme"].get<std::string>().find("patched by critical weight protection") != std::string::npos);
        // 10% in 16 bits: 4 + 20/16 bits become 7.45, and the model as much larger.
        auto plain = protectedSpec("rtn", {{"method", "critical-weights"}});
        plain["quantization"].erase("patch");
        plain["stages"] = {"capture", "quantize"};
        const auto before = json::parse(readAll(run(plain) + "/manifest.json"));
        const double grown = manifest["model_bytes"]["quantized"].get<double>() - before["model_bytes"]["quantized"].get<double>();
        const double expected = manifest["patch"]["weights"].get<double>() * (manifest["patch"]["bits"].get<double>() - 5.25) / 8.0;
        QVERIFY2(std::abs(grown - expected) < 2.0, qPrintable(QString("%1 %2").arg(grown).arg(expected)));
    }

    void onlyBfloat16IsExported() {
        auto spec = protectedSpec("rtn", {{"method", "q-resafe-16bit"}});
        spec["export"] = {{"folder", m_places.path("export-kept").toStdString()}};
        const auto read = runSpecFromJson(spec, "spec.json");
        QVERIFY(!read);
        QVERIFY2(read.error().message.find("export.format") != std::string::npos && read.error().message.find("bf16") != std::string::npos,
                 read.error().describe().c_str());
        spec.erase("export");
        const auto folder = run(spec);
        for (const char* format : {"compressed-tensors", "gptq", "gguf"}) {
            const auto options = exportOptionsNamed(format, "", {});
            const auto target = m_places.path("export-later").toStdString();
            const auto preflight = preflightRunExport(folder, target, *options);
            QVERIFY(preflight.has_value() && !preflight->possible);
            const auto exported = exportRun(folder, target, {}, *options);
            QVERIFY(!exported && exported.error().kind == ErrorKind::Unsupported);
            QVERIFY(!QFile::exists(QString::fromStdString(target)));
        }
    }

    void alignmentLearnsCodesAlone() {
        const auto folder = run(alignedSpec());
        const auto manifest = json::parse(readAll(folder + "/manifest.json"));
        QVERIFY(manifest["patch"]["changed"].get<int>() > 0);
        QVERIFY(manifest["fingerprints"].contains("pretrained checkpoint") && manifest["fingerprints"].contains("calibration files"));
        const auto steps = readJsonLines(folder + "/patch/steps.jsonl");
        QCOMPARE(steps->size(), std::size_t{12});
        for (const char* field : {"loss", "aligned", "pretrained", "limited"}) QVERIFY(steps->front().contains(field));
        QVERIFY(!steps->front().contains("margin"));
        const auto told = readRunState(folder)->patch;
        QVERIFY(told && told->kind == "align" && told->finished && told->steps.size() == 12);
        for (std::size_t i = 0; i < 12; ++i) {
            QCOMPARE(told->steps[i].aligned, (*steps)[i]["aligned"].get<double>());
            QCOMPARE(told->steps[i].pretrained, (*steps)[i]["pretrained"].get<double>());
            QCOMPARE(told->steps[i].preferred, -1.0);
        }
        const auto mean = [&](std::size_t first) {
            double sum = 0.0;
            for (std::size_t i = first; i < first + 4; ++i) sum += (*steps)[i]["aligned"].get<double>();
            return sum;
        };
        QVERIFY2(mean(8) < 0.9 * mean(0), qPrintable(QString("%1 to %2").arg(mean(0)).arg(mean(8))));
        const auto pairs = readAnswerPairs(folder);
        QCOMPARE(pairs->size(), std::size_t{10});
        for (const auto& pair : *pairs) QVERIFY(pair.rejected.empty());
        const QString notes = QString::fromStdString(json(readRunState(folder)->notes).dump());
        // A model of random weights refuses nothing.
        QVERIFY2(notes.contains("4 left off their prompts (the chosen answer is no refusal)"), qPrintable(notes));
        const RunInputs inputs = inputsOf(alignedSpec());
        for (int block = 0; block < 4; ++block) {
            const CodedBlock made = blockOf(folder, inputs, block),
                             rounded = roundedBlock(*loadBlock(*inputs.checkpoint, block), planOfBlock(inputs.plan, block));
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i)
                QVERIFY(made.linears[i].scales == rounded.linears[i].scales && made.linears[i].zeros == rounded.linears[i].zeros);
        }
        for (const char* gone : {"/patch/state.safetensors", "/patch/reference.safetensors"})
            QVERIFY(!QFile::exists(QString::fromStdString(folder + gone)));
    }

    void pretrainedModelNeedsTheSameVocabulary() {
        const QString other = m_places.path("other-words");
        QDir().mkpath(other);
        for (const char* name : {"config.json", "tokenizer_config.json", "model.safetensors"})
            QVERIFY(QFile::copy(m_places.inputs() + "/tiny-aligned/" + name, other + "/" + name));
        auto tokenizer = json::parse(readAll((m_places.inputs() + "/tiny-aligned/tokenizer.json").toStdString()));
        std::swap(tokenizer["model"]["vocab"]["a"], tokenizer["model"]["vocab"]["b"]);
        QFile file(other + "/tokenizer.json");
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray::fromStdString(tokenizer.dump()));
        file.close();
        auto spec = alignedSpec();
        spec["quantization"]["patch"]["pretrained"]["checkpoint"] = other.toStdString();
        const auto inputs = openInputs(*runSpecFromJson(spec, "spec.json"), false);
        QVERIFY(!inputs && inputs.error().kind == ErrorKind::Mismatch);
        QVERIFY2(inputs.error().message.find("vocabulary") != std::string::npos, inputs.error().describe().c_str());
        // Without a contrast there is no such model.
        spec["quantization"]["patch"]["lambda"] = 0;
        QVERIFY(openInputs(*runSpecFromJson(spec, "spec.json"), false).has_value());
    }

    void nothingToScoreIsSaid() {
        // The models answer themselves, and refuse nothing.
        auto spec = protectedSpec(
            "rtn",
            {{"method", "q-resafe-16bit"}, {"pairs", ""}, {"malicious", 3}, {"benign", 2}, {"hard_benign", 1}, {"answer_tokens", 4}});
        const auto folder = tiny::makeRun(m_places.next(), spec);
        const auto done = executeRun(folder, {}, {});
        QVERIFY(!done && done.error().kind == ErrorKind::BadInput);
        QVERIFY2(done.error().message.find("refusals") != std::string::npos, done.error().describe().c_str());
        QCOMPARE(readAnswerPairs(folder)->size(), std::size_t{6});
    }

    /// Distillation is AAQ's loss without its second term.
    void distillationIsTheFirstTerm() {
        auto aaq = alignedSpec();
        aaq["quantization"]["patch"].erase("pretrained");
        aaq["quantization"]["patch"]["lambda"] = 0;
        auto distilled = aaq;
        distilled["quantization"]["patch"].erase("lambda");
        distilled["quantization"]["patch"]["method"] = "distillation";
        const auto one = run(aaq), other = run(distilled);
        for (int block = 0; block < 4; ++block) QCOMPARE(blockHash(other, block), blockHash(one, block));
        QVERIFY(readAll(other + "/manifest.json").find("patched by distillation") != std::string::npos);
    }

    void brokenSpecsAreRefused_data() {
        QTest::addColumn<QString>("patch");
        QTest::addColumn<QString>("named");
        QTest::newRow("method") << R"({"method": "critical-weight"})"
                                << "critical-weights";
        QTest::newRow("mask of another method") << R"({"method": "q-resafe", "mask": "protection-score"})"
                                                << "quantization.patch.mask";
        QTest::newRow("mask all") << R"({"method": "q-resafe-16bit", "mask": "all"})"
                                  << "quantization.patch.mask";
        QTest::newRow("share") << R"({"method": "critical-weights", "share": 1.5})"
                               << "quantization.patch.share";
        QTest::newRow("beta") << R"({"method": "critical-weights", "beta": -1})"
                              << "quantization.patch.beta";
        QTest::newRow("steps") << R"({"method": "q-resafe-16bit", "steps": 4})"
                               << "steps";
        QTest::newRow("scored mask") << R"({"method": "aaq", "mask": "safe-score", "pretrained": {"checkpoint": "x"}})"
                                     << "quantization.patch.mask";
        QTest::newRow("no pretrained model") << R"({"method": "aaq"})"
                                             << "quantization.patch.pretrained";
        QTest::newRow("lambda") << R"({"method": "aaq", "lambda": -0.1, "pretrained": {"checkpoint": "x"}})"
                                << "quantization.patch.lambda";
        QTest::newRow("no contrast in distillation") << R"({"method": "distillation", "lambda": 0.1})"
                                   << "lambda";
        QTest::newRow("softmax") << R"({"method": "aaq", "softmax": "all", "pretrained": {"checkpoint": "x"}})"
                                 << "quantization.patch.softmax";
        QTest::newRow("limit") << R"({"method": "aaq", "limit": 0, "pretrained": {"checkpoint": "x"}})"
                               << "quantization.patch.limit";
        QTest::newRow("unknown in the model") << R"({"method": "aaq", "pretrained": {"path": "x"}})"
                                              << "path";
    }

    void brokenSpecsAreRefused() {
        QFETCH(QString, patch);
        QFETCH(QString, named);
        auto spec = tiny::specJson(m_places.inputs());
        spec["quantization"]["patch"] = json::parse(patch.toStdString());
        const auto read = runSpecFromJson(spec, "spec.json");
        QVERIFY(!read);
        QVERIFY2(read.error().message.find(named.toStdString()) != std::string::npos, read.error().describe().c_str());
        for (const char* good : {R"({"method": "distillation"})", R"({"method": "critical-weights", "beta": 0.5, "scope": "model"})", R"({"method": "q-resafe-16bit"})",
                                 R"({"method": "aaq", "pretrained": {"checkpoint": "org/base"}, "top_k": 1000, "softmax": "top"})"}) {
            spec["quantization"]["patch"] = json::parse(good);
            const auto once = runSpecFromJson(spec, "spec.json");
            QVERIFY2(once.has_value(), once ? "" : once.error().describe().c_str());
            QCOMPARE(runSpecToJson(*runSpecFromJson(runSpecToJson(*once), "again")), runSpecToJson(*once));
        }
    }
};

QTEST_GUILESS_MAIN(TestRunProtect)
#include "test_run_protect.moc"
