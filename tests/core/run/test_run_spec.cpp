// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "core/run/run_spec.h"
#include "core/run/schedule.h"
#include "core/run/spec_reader.h"

using namespace safequant;
using nlohmann::json;

class TestRunSpec : public QObject {
    Q_OBJECT
private slots:
    void everyFieldIsReadAndWritten() {
        const json spec{
            {"format", "safequant-run-spec"},
            {"format_version", 1},
            {"name", "A name"},
            {"checkpoint", "/models/a.gguf"},
            {"adapters", {"/models/tuned", "org/adapter"}},
            {"prompts",
             {"builtin:default", "/p.jsonl",
              {{"file", "/q.csv"}, {"format", "csv"}, {"delimiter", ";"}, {"label", "malicious"}, {"map", {{"prompt", "goal"}}}},
              {{"file", "/r.json"}, {"label_values", {{"unsafe", "malicious"}}}}}},
            {"split", {{"calibration", 0.25}, {"stratified", false}, {"again", true}, {"allow_overlap", true}}},
            {"system_prompt", "Be brief."},
            {"seed", 18446744073709551615ULL},
            {"device", "cuda:1"},
            {"mix", {{"malicious_fraction", 0.25}, {"total", 300}}},
            {"probe", {{"folds", 7}, {"path_length", 33}}},
            {"quantization",
             {{"method", "rtn"},
              {"rotation", {{"residual", true}, {"heads", false}, {"seed", 3}}},
              {"default", {{"weight_bits", 8}, {"group_size", -1}, {"symmetric", true}, {"activation_bits", 8}}},
              {"rules",
               {{{"pattern", "down_proj"},
                 {"weight_bits", 6},
                 {"group_size", -1},
                 {"symmetric", true},
                 {"activation_bits", 8}}}}}},
            {"stages", {"capture", "quantize", "evaluate", "export"}},
            {"evaluation",
             {{"malicious", 11},
              {"benign", 12},
              {"hard_benign", 13},
              {"max_new_tokens", 14},
              {"decoding", {{"sample", true}, {"temperature", 0.5}, {"top_p", 0.75}, {"top_k", 15}}},
              {"tasks", {{{"name", "mine"}, {"kind", "exact-match"}, {"file", "/items.jsonl"}, {"limit", 3}, {"max_new_tokens", 5}}}},
              {"attack", {{"temperatures", {0.5, 1.0}}, {"top_k", {0, 5}}, {"top_p", {0.9}}, {"samples", 2}, {"stop_when_decided", true}}},
              {"judge", "xstest-openings"},
              {"second_judge", "refusal-22"},
              {"perplexity_text", "/t.txt"},
              {"perplexity_tokens", 16},
              {"perplexity_window", 17}}},
            {"export", {{"folder", "/out"}, {"format", "gguf"}, {"type", "F16"}}}};
        const auto read = runSpecFromJson(spec, "test");
        QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
        QCOMPARE(QString::fromStdString(runSpecToJson(*read).dump(1)), QString::fromStdString(spec.dump(1)));
        QCOMPARE(read->decoding.seed, read->seed);
        QVERIFY(read->hasStage("capture") && read->hasStage("export") && !read->hasStage("report"));
    }

    void missingFieldsHaveDefaults() {
        const auto read = runSpecFromJson({{"checkpoint", "m"}}, "test");
        QVERIFY(read.has_value());
        QCOMPARE(read->prompts.size(), std::size_t{1});
        QCOMPARE(read->prompts[0].path, std::string("builtin:default"));
        QCOMPARE(read->scheme, (QuantizationScheme{4, 64, false, 16}));
        QVERIFY(!read->hasStage("export") && !read->rotation);
        const auto rotated = runSpecFromJson({{"checkpoint", "m"}, {"seed", 4}, {"quantization", {{"rotation", json::object()}}}}, "test");
        QVERIFY(rotated.has_value());
        QCOMPARE(rotated->rotation, (RotationOptions{true, true, 4}));
        QCOMPARE(read->exporting.format, ExportFormat::CompressedTensors);
    }

    void brokenSpecsAreRefused_data() {
        QTest::addColumn<QByteArray>("change");
        QTest::addColumn<QString>("words");
        const auto row = [](const char* name, const char* change, const char* words) {
            QTest::newRow(name) << QByteArray(change) << QString(words);
        };
        row("not an object", "[]", "must be an object");
        row("typo", R"({"sed": 1})", "sed is not a field of a run spec; did you mean \"seed\"?");
        row("typo inside", R"({"evaluation": {"max_new_token": 1}})", "evaluation.max_new_token is not a field");
        row("typo in decoding", R"({"evaluation": {"decoding": {"topp": 1}}})",
            "evaluation.decoding.topp is not a field of a run spec; did you mean \"top_p\"?");
        row("typo in a rule", R"({"quantization": {"rules": [{"pattern": "a"}, {"patern": "b"}]}})",
            "quantization.rules[1].pat");
        row("no pattern", R"({"quantization": {"rules": [{"pattern": "a"}, {"weight_bits": 4}]}})",
            "quantization.rules[1].pattern");
        row("pattern no string", R"({"quantization": {"rules": [{"pattern": 3}]}})", "quantization.rules[0].pattern");
        row("rules no list", R"({"quantization": {"rules": {}}})", "quantization.rules must be a list");
        row("bits", R"({"quantization": {"default": {"weight_bits": 1}}})", "weight_bits");
        row("bits of a rule", R"({"quantization": {"rules": [{"pattern": "a", "weight_bits": 99}]}})",
            "quantization.rules[0]");
        row("group", R"({"quantization": {"default": {"group_size": 0}}})", "group_size");
        row("activation bits", R"({"quantization": {"default": {"activation_bits": 5}}})", "activation_bits");
        row("rotation no object", R"({"quantization": {"rotation": true}})", "quantization.rotation must be an object");
        row("rotation typo", R"({"quantization": {"rotation": {"head": true}}})", "quantization.rotation.head is not a field of a run spec; did you mean \"heads\"?");
        row("rotation of nothing", R"({"quantization": {"rotation": {"residual": false, "heads": false}}})", "quantization.rotation.residual and \"heads\" are both false");
        row("method", R"({"quantization": {"method": "magic"}})", "quantization.method");
        row("no checkpoint", R"({"checkpoint": ""})", "checkpoint is missing");
        row("checkpoint no string", R"({"checkpoint": 3})", "checkpoint must be a string");
        row("no prompts", R"({"prompts": []})", "prompts is empty");
        row("prompts no list", R"({"prompts": "a.jsonl"})", "prompts must be a list");
        row("prompt no string", R"({"prompts": ["a", 2]})", "prompts[1] is wrong: A prompt file must be a path or an object");
        row("negative seed", R"({"seed": -1})", "seed must be a whole number");
        row("fraction of a seed", R"({"seed": 1.5})", "seed must be a whole number");
        row("fraction above one", R"({"mix": {"malicious_fraction": 1.5}})",
            "mix.malicious_fraction must be a number from 0 to 1");
        row("only malicious", R"({"mix": {"malicious_fraction": 1.0}})", "mix.malicious_fraction must lie between");
        row("negative total", R"({"mix": {"total": -5}})", "mix.total");
        row("huge total", R"({"mix": {"total": 99999999999}})", "mix.total");
        row("beyond 64 bits", R"({"mix": {"total": 18446744073709551615}})", "mix.total");
        row("one fold", R"({"probe": {"folds": 1}})", "probe.folds must be a whole number from 2");
        row("no path", R"({"probe": {"path_length": 0}})", "probe.path_length");
        row("unknown stage", R"({"stages": ["capture", "quantise"]})",
            "stages[1] names no stage: \"quantise\"; did you mean \"quantize\"?");
        row("no stage", R"({"stages": []})", "stages is empty");
        row("an execution", R"({"execution": "bytes"})", "must be \"integer\" or \"float\"");
        row("export nowhere", R"({"stages": ["capture", "export"]})", "export.folder is missing");
        row("export format", R"({"export": {"folder": "/out", "format": "ggfu"}})", "export.format is wrong: ");
        row("type of another format", R"({"export": {"folder": "/out", "format": "awq", "type": "F16"}})",
            "export.type is wrong: Only a GGUF export");
        row("export type", R"({"export": {"folder": "/out", "format": "gguf", "type": "F61"}})", "export.type is wrong: ");
        row("negative count", R"({"evaluation": {"malicious": -1}})", "evaluation.malicious");
        row("nothing asked",
            R"({"evaluation": {"malicious": 0, "benign": 0, "hard_benign": 0, "perplexity_text": ""}})",
            "asks for no answers");
        row("no tokens", R"({"evaluation": {"max_new_tokens": 0}})", "evaluation.max_new_tokens");
        row("cold", R"({"evaluation": {"decoding": {"temperature": 0}}})",
            "evaluation.decoding.temperature must be a number above 0");
        row("no mass", R"({"evaluation": {"decoding": {"top_p": 0}}})", "evaluation.decoding.top_p");
        row("sample no truth", R"({"evaluation": {"decoding": {"sample": 1}}})",
            "evaluation.decoding.sample must be true or false");
        row("judge", R"({"evaluation": {"judge": "nobody"}})", "evaluation.judge names no judge");
        row("second judge", R"({"evaluation": {"second_judge": "nobody"}})", "evaluation.second_judge names no judge");
        row("window", R"({"evaluation": {"perplexity_window": 1}})", "evaluation.perplexity_window");
        row("tasks no list", R"({"evaluation": {"tasks": "gsm8k"}})", "evaluation.tasks must be a list");
        row("unknown task", R"({"evaluation": {"tasks": ["gsm9k"]}})", "evaluation.tasks[0] names no bundled task");
        row("task twice", R"({"evaluation": {"tasks": ["gsm8k", {"name": "gsm8k"}]}})", "evaluation.tasks[1] has the name");
        row("task of no kind", R"({"evaluation": {"tasks": [{"name": "a", "kind": "essay", "file": "b"}]}})", "evaluation.tasks[0].kind must be one of");
        row("task without file", R"({"evaluation": {"tasks": [{"name": "a", "kind": "exact-match"}]}})", "evaluation.tasks[0].file is missing");
        row("task outside its folder", R"({"evaluation": {"tasks": [{"name": "../a", "kind": "exact-match", "file": "b"}]}})", "evaluation.tasks[0].name");
        row("attack cold", R"({"evaluation": {"attack": {"temperatures": [0]}}})", "evaluation.attack.temperatures must be a list of numbers above 0");
        row("attack empty", R"({"evaluation": {"attack": {"top_p": []}}})", "evaluation.attack.top_p");
        row("attack top_k", R"({"evaluation": {"attack": {"top_k": [1.5]}}})", "evaluation.attack.top_k");
        row("attack on nothing", R"({"evaluation": {"malicious": 0, "attack": {"samples": 1}}})", "needs malicious prompts");
        row("format", R"({"format": "recipe"})", "format is \"recipe\"");
        row("future version", R"({"format_version": 2})", "Update the program");
        row("null", R"({"seed": null})", "seed must be");
    }
    void brokenSpecsAreRefused() {
        QFETCH(QByteArray, change);
        QFETCH(QString, words);
        json spec{{"checkpoint", "m.gguf"}};
        const auto changed = json::parse(change.toStdString());
        if (changed.is_object())
            spec.update(changed);
        else
            spec = changed;
        const auto read = runSpecFromJson(spec, "spec.json");
        QVERIFY(!read.has_value());
        QCOMPARE(read.error().context, std::string("spec.json"));
        QVERIFY2(QString::fromStdString(read.error().message).contains(words), read.error().message.c_str());
    }

    void filesAreReadFromWhereTheyStand() {
        QTemporaryDir folder;
        const auto write = [&](const char* name, const char* text) {
            QFile file(folder.filePath(name));
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(text);
        };
        write(
            "spec.json",
            R"({"checkpoint": "models/a.gguf", "adapters": ["tuned", "org/adapter"],
                "prompts": ["builtin:default", "p.jsonl"], "export": {"folder": "/out"}})");
        const auto read = readRunSpec(folder.filePath("spec.json").toStdString());
        QVERIFY(read.has_value());
        QCOMPARE(read->checkpoint, folder.filePath("models/a.gguf").toStdString());
        QCOMPARE(read->adapters, (std::vector<std::string>{folder.filePath("tuned").toStdString(), "org/adapter"}));
        QCOMPARE(read->prompts[0].path, std::string("builtin:default"));
        QCOMPARE(read->prompts[1].path, folder.filePath("p.jsonl").toStdString());
        QCOMPARE(read->exportFolder, std::string("/out"));
        write("broken.json", "{\"checkpoint\": ");
        QCOMPARE(readRunSpec(folder.filePath("broken.json").toStdString()).error().kind, ErrorKind::BadInput);
        QCOMPARE(readRunSpec(folder.filePath("absent.json").toStdString()).error().kind, ErrorKind::NotFound);
    }

    void bundledFilesAreFound() {
        for (const auto* name : {"builtin:default", "builtin:perplexity", "builtin:default-run", "builtin:repair-run", "builtin:smollm2-aligned",
                                 "builtin:smollm2-eroded"}) {
            const auto path = resolveResource(name);
            QVERIFY2(path.has_value(), name);
            QVERIFY(QFile::exists(QString::fromStdString(*path)));
        }
        QCOMPARE(*resolveResource("/a/b"), std::string("/a/b"));
        const auto wrong = resolveResource("builtin:defualt");
        QVERIFY(!wrong.has_value());
        QVERIFY(wrong.error().message.find("builtin:default") != std::string::npos);
        const QByteArray before = qgetenv("SAFEQUANT_RESOURCES");
        QTemporaryDir folder;
        QDir(folder.path()).mkpath("prompts");
        QFile own(folder.filePath("prompts/default.jsonl"));
        QVERIFY(own.open(QIODevice::WriteOnly));
        qputenv("SAFEQUANT_RESOURCES", folder.path().toUtf8());
        QCOMPARE(*resolveResource("builtin:default"), own.fileName().toStdString());
        qputenv("SAFEQUANT_RESOURCES", before);
    }

    void bundledRunsAreSound_data() {
        QTest::addColumn<QString>("name");
        QTest::newRow("default") << "builtin:default-run";
        QTest::newRow("example") << "builtin:repair-run";
    }
    void bundledRunsAreSound() {
        QFETCH(QString, name);
        QFile file(QString::fromStdString(*resolveResource(name.toStdString())));
        QVERIFY(file.open(QIODevice::ReadOnly));
        auto bundled = json::parse(file.readAll().toStdString());
        bundled["checkpoint"] = "/m/model.gguf";
        const auto spec = runSpecFromJson(bundled, name.toStdString());
        QVERIFY2(spec.has_value(), spec ? "" : spec.error().describe().c_str());
        for (const auto& adapter : spec->adapters) {
            const auto folder = resolveResource(adapter);
            QVERIFY(folder && QFile::exists(QString::fromStdString(*folder) + "/adapter_config.json"));
        }
    }

    void promptFilesAndSplit() {
        const auto reads = [](const json& changes) {
            json spec{{"checkpoint", "/m.gguf"}, {"seed", 4}};
            spec.update(changes);
            return runSpecFromJson(spec, "spec.json");
        };
        const auto spec = reads({{"prompts", {{{"file", "x.csv"}, {"label", "hard_benign"}}}}, {"split", {{"calibration", 0.7}}}});
        QVERIFY(spec.has_value());
        QVERIFY(spec->prompts[0].label == PromptLabel::HardBenign);
        QCOMPARE(spec->split.calibration, 0.7);
        QCOMPARE(spec->split.seed, std::uint64_t{4});
        QVERIFY(!spec->allowOverlap && spec->split.stratified && !spec->split.again);
        for (const auto& [changes, says] : {std::pair(json{{"prompts", "x"}}, "must be a list of files"), std::pair(json{{"prompts", {7}}}, "prompts[0]"),
                                            std::pair(json{{"prompts", {{{"file", "x"}, {"lable", "benign"}}}}}, "did you mean \"label\""),
                                            std::pair(json{{"split", {{"calibration", 1.0}}}}, "split.calibration"), std::pair(json{{"split", {{"calibration", 0.0}}}}, "split.calibration"),
                                            std::pair(json{{"split", {{"agian", true}}}}, "again"), std::pair(json{{"split", {{"allow_overlap", 1}}}}, "split.allow_overlap")}) {
            const auto wrong = reads(changes);
            QVERIFY(!wrong.has_value());
            QVERIFY2(wrong.error().describe().find(says) != std::string::npos, wrong.error().describe().c_str());
        }
        QTemporaryDir folder;
        QFile file(folder.filePath("spec.json"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(R"({"checkpoint": "m.gguf", "prompts": ["builtin:default", "p.txt", {"file": "q.csv", "label": "benign"}]})");
        file.close();
        const auto anchored = readRunSpec(file.fileName().toStdString());
        QVERIFY(anchored.has_value());
        QCOMPARE(anchored->prompts[0].path, std::string("builtin:default"));
        QCOMPARE(anchored->prompts[1].path, folder.filePath("p.txt").toStdString());
        QCOMPARE(anchored->prompts[2].path, folder.filePath("q.csv").toStdString());
    }

    void timeLeftFollowsWhatWasMeasured() {
        Schedule schedule({{"capture", "blocks", 4, 1.0, 1.0}, {"quantize", "blocks", 4, 2.0, 1.0}});
        QCOMPARE(schedule.secondsLeft("capture"), -1.0);
        QCOMPARE(schedule.progress("capture").runSecondsLeft, -1.0);
        schedule.setFound("capture", 2);
        QCOMPARE(schedule.secondsLeft("capture"), -1.0);
        schedule.begin("capture");
        QTest::qSleep(60);
        schedule.advance("capture", 3);
        const double unit = schedule.secondsLeft("capture");
        QVERIFY(unit >= 0.06 && unit < 5.0);
        QVERIFY(std::abs(schedule.secondsLeft("quantize") - 8.0 * unit) < 1e-9);
        QVERIFY(std::abs(schedule.progress("capture").runSecondsLeft - 9.0 * unit) < 1e-9);
        schedule.advance("capture", 4);
        schedule.end("capture");
        QCOMPARE(schedule.secondsLeft("capture"), 0.0);
        QVERIFY_EXCEPTION_THROWN((void)schedule.secondsLeft("export"), std::invalid_argument);
    }
};

QTEST_GUILESS_MAIN(TestRunSpec)
#include "test_run_spec.moc"
