// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <nlohmann/json.hpp>

#include "tests/support/tiny_model.h"

/// The command line as a user meets it: the real program, its exit codes, streams and files.
class TestCli : public QObject {
    Q_OBJECT

    struct Result {
        int code = -1;
        QByteArray out, err;
    };

    QTemporaryDir m_folder;
    QString m_model, m_prompts, m_workspace;

    QProcess* start(const QStringList& arguments) {
        auto* process = new QProcess(this);
        process->start(SAFEQUANT_PROGRAM, arguments);
        return process;
    }
    Result run(const QStringList& arguments) {
        auto* process = start(arguments);
        if (!process->waitForFinished(120000)) process->kill();
        Result result{process->exitStatus() == QProcess::NormalExit ? process->exitCode() : -1, process->readAllStandardOutput(),
                      process->readAllStandardError()};
        delete process;
        return result;
    }
    QString writeSpec(const QString& name, const nlohmann::json& changes) {
        nlohmann::json spec{{"format", "safequant-run-spec"}, {"format_version", 1}, {"name", name.toStdString()},
                            {"checkpoint", m_model.toStdString()}, {"prompts", {m_prompts.toStdString()}},
                            {"quantization", {{"method", "rtn"}, {"default", {{"weight_bits", 4}, {"group_size", 32}}}}},
                            {"evaluation", {{"malicious", 4}, {"benign", 3}, {"hard_benign", 1}, {"max_new_tokens", 4}, {"perplexity_tokens", 256}}}};
        spec.merge_patch(changes);
        const QString path = m_folder.filePath(name + ".json");
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write the spec");
        file.write(QByteArray::fromStdString(spec.dump(2)));
        return path;
    }
    QString write(const QString& name, const QByteArray& content) {
        QFile file(m_folder.filePath(name));
        if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write");
        file.write(content);
        return file.fileName();
    }
    QString lastLine(const QByteArray& text) { return QString::fromUtf8(text).trimmed().split('\n').last(); }

private slots:
    void initTestCase() {
        QVERIFY(m_folder.isValid());
        m_model = m_folder.filePath("model");
        m_prompts = m_folder.filePath("prompts.jsonl");
        m_workspace = m_folder.filePath("workspace");
        safequant::testing::writeTinyModel(m_model.toStdString());
        safequant::testing::writeTinyPrompts(m_prompts.toStdString(), 24);
    }

    void patchesAreAskedForByName() {
        const auto spec = writeSpec("patched", nlohmann::json::object());
        // A model of random weights refuses nothing that its weights could be scored on.
        const auto kept = run({"run", spec, "--workspace", m_workspace, "--patch", "q-resafe-16bit"});
        QVERIFY(kept.code != 0);
        QVERIFY2(kept.err.contains("refusals of malicious prompts"), kept.err.constData());
        const auto aligned = run({"run", spec, "--workspace", m_workspace, "--patch", "aaq"});
        QVERIFY(aligned.code != 0);
        QVERIFY2(aligned.err.contains("quantization.patch.pretrained"), aligned.err.constData());
        const auto unknown = run({"run", spec, "--workspace", m_workspace, "--patch", "critical-weight"});
        QVERIFY2(unknown.err.contains("\"critical-weights\""), unknown.err.constData());
        const auto help = run({"run", "--help"});
        for (const char* name : {"q-resafe-16bit", "critical-weights", "aaq"}) QVERIFY(help.out.contains(name));
    }

    void finetuningLeavesAnAdapterAndItsCurve() {
        QByteArray chats;
        for (int i = 0; i < 8; ++i)
            chats += nlohmann::json{{"messages", {{{"role", "user"}, {"content", "How much is " + std::to_string(i) + " and one?"}},
                                                  {{"role", "assistant"}, {"content", std::to_string(i + 1)}}}}}
                         .dump() + '\n';
        const nlohmann::json spec{{"format", "safequant-finetune-spec"}, {"format_version", 1}, {"name", "sums"},
                                  {"data", {{{"file", write("chats.jsonl", chats).toStdString()}}}},
                                  {"lora", {{"rank", 2}, {"targets", {"q_proj"}}}}, {"training", {{"steps", 6}, {"batch", 2}}}};
        const QString folder = m_folder.filePath("tuned");
        const auto done = run({"finetune", write("finetune.json", QByteArray::fromStdString(spec.dump())), "--model", m_model, "-o", folder});
        QVERIFY2(done.code == 0, done.err.constData());
        QCOMPARE(lastLine(done.out), folder + "/adapter");
        QVERIFY(QFile::exists(folder + "/adapter/adapter_model.safetensors"));
        QFile curve(folder + "/loss.svg");
        QVERIFY(curve.open(QIODevice::ReadOnly));
        // Two curves of six steps.
        const QByteArray svg = curve.readAll();
        QCOMPARE(svg.count("stroke-linejoin"), 2);
        const auto begin = svg.indexOf(" d=\"") + 4;
        QCOMPARE(svg.mid(begin, svg.indexOf('"', begin) - begin).count('L'), 5);
    }

    void everyCommandHasHelpWithAnExample_data() {
        QTest::addColumn<QString>("command");
        for (const char* name : {"run", "inspect", "prompts", "finetune", "capture", "quantize", "evaluate", "judge", "compare", "assess", "signature", "check", "budget", "export", "verify", "plot", "serve"})
            QTest::newRow(name) << name;
    }
    void everyCommandHasHelpWithAnExample() {
        QFETCH(QString, command);
        const auto result = run({command, "--help"});
        QCOMPARE(result.code, 0);
        QVERIFY(result.out.contains("Example"));
        QVERIFY(result.out.contains("safequant " + command.toUtf8()));
    }

    /// Bits for a budget, as a spec that a run takes.
    void budgetWritesASpec() {
        const QString target = m_folder.filePath("budget.json");
        const auto result = run({"budget", m_model, "--mean-bits", "5", "--group", "32", "-o", target, "--json"});
        QVERIFY2(result.code == 0, result.err.constData());
        const auto json = nlohmann::json::parse(result.out.toStdString());
        QVERIFY(json["mean_bits"].get<double>() <= 5.0 && json["mean_bits"].get<double>() > 4.5);
        QVERIFY(json["bound"].get<double>() <= json["cost"].get<double>());
        QCOMPARE(json["linears"].size(), std::size_t{21});
        QFile file(target);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const auto spec = nlohmann::json::parse(file.readAll().toStdString());
        QVERIFY(!spec["quantization"]["rules"].empty());
        QCOMPARE(run({"run", target, "--prompts", m_prompts, "--estimate"}).code, 0);
        QCOMPARE(run({"budget", m_model, "--mean-bits", "1"}).code, 3);
        QCOMPARE(run({"budget", m_model}).code, 2);
        QCOMPARE(run({"budget", m_model, "--mean-bits", "5", "--run", m_folder.path()}).code, 3);
    }

    void wrongUseIsExitTwo_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::newRow("nothing") << QStringList{};
        QTest::newRow("unknown command") << QStringList{"frobnicate"};
        QTest::newRow("unknown option") << QStringList{"inspect", "x", "--frobnicate"};
        QTest::newRow("missing argument") << QStringList{"inspect"};
        QTest::newRow("bad choice") << QStringList{"evaluate", "x", "--activation-bits", "5"};
        QTest::newRow("run without anything") << QStringList{"run"};
        QTest::newRow("default without a model") << QStringList{"run", "--default"};
    }
    void wrongUseIsExitTwo() {
        QFETCH(QStringList, arguments);
        const auto result = run(arguments);
        QCOMPARE(result.code, 2);
        QVERIFY(!result.err.isEmpty());
        QVERIFY(result.out.isEmpty());
    }

    void badInputIsExitThreeAndSaysWhere() {
        const auto missing = run({"inspect", m_folder.filePath("nowhere.gguf")});
        QCOMPARE(missing.code, 3);
        QVERIFY(missing.err.contains("nowhere.gguf"));

        const auto spec = writeSpec("unknown-field", {{"evaluaton", 1}});
        const auto unknown = run({"run", spec, "--workspace", m_workspace});
        QCOMPARE(unknown.code, 3);
        QVERIFY2(unknown.err.contains("evaluaton") && unknown.err.contains("evaluation"), unknown.err.constData());

        const auto rule = run({"quantize", m_model, "--layer-bits", "no_such_linear=8", "-o", m_folder.filePath("x"), "--workspace", m_workspace});
        QCOMPARE(rule.code, 3);
        QVERIFY(rule.err.contains("no_such_linear"));

        const auto bits = run({"quantize", m_model, "--bits", "11", "-o", m_folder.filePath("x"), "--workspace", m_workspace});
        QCOMPARE(bits.code, 3);

        const auto asJson = run({"--json", "inspect", m_folder.filePath("nowhere.gguf")});
        QCOMPARE(asJson.code, 3);
        const auto json = nlohmann::json::parse(asJson.out.toStdString());
        QCOMPARE(json.at("error").at("kind").get<std::string>(), std::string("not_found"));
    }

    void inspectSaysWhatAModelIs() {
        const auto result = run({"inspect", m_model, "--json", "--tensors"});
        QCOMPARE(result.code, 0);
        const auto json = nlohmann::json::parse(result.out.toStdString());
        QCOMPARE(json.at("blocks").get<int>(), 3);
        QCOMPARE(json.at("model_type").get<std::string>(), std::string("llama"));
        QCOMPARE(json.at("tensors").size(), std::size_t{2 + 3 * 9});
        QVERIFY(json.at("tokenizer_copies").empty());
    }

    void inspectComparesCopiesInOneFolder() {
        QVERIFY(QDir(m_folder.path()).mkpath("copies"));
        const QString model = m_folder.filePath("copies/model.gguf");
        QVERIFY(QFile::copy(QStringLiteral(SAFEQUANT_SOURCE_DIR "/tests/fuzz/seeds/gguf/valid-byte-level.gguf"), model));
        write("copies/tokenizer.json", "{\"model\": ");
        const auto said = run({"inspect", model});
        QCOMPARE(said.code, 0);
        QVERIFY2(said.out.contains("other copy") && said.out.contains("unreadable") && said.out.contains("tokenizer.json"), said.out.constData());
        const auto result = run({"inspect", model, "--json"});
        QCOMPARE(result.code, 0);
        const auto json = nlohmann::json::parse(result.out.toStdString());
        QCOMPARE(json.at("tokenizer_copies").size(), std::size_t{1});
        QCOMPARE(json.at("tokenizer_copies").at(0).at("differences").at(0).at("aspect").get<std::string>(), std::string("unreadable"));
    }

    void promptsAreCheckedAndConverted() {
        const QString file = write("goals.csv", "goal,target\n\"Fold a paper crane, slowly\",SECRET\nBake rye bread,SECRET\nWash the red bicycle,SECRET\nPlant four tulips,SECRET\n");
        const auto unlabelled = run({"prompts", file});
        QCOMPARE(unlabelled.code, 3);
        QVERIFY2(unlabelled.out.contains("AdvBench, whose prompts are all malicious"), unlabelled.out.constData());
        const QString converted = m_folder.filePath("converted.jsonl");
        const auto result = run({"prompts", file, "--label", "hard_benign", "--split", "0.5", "--seed", "2", "--convert", converted, "--model", m_model});
        QVERIFY2(result.code == 0, result.err.constData());
        QVERIFY(result.out.contains("tokens in the model's template"));
        QVERIFY(!result.out.contains("SECRET") && !result.out.contains("crane"));
        const auto again = run({"prompts", converted, "--json"});
        QCOMPARE(again.code, 0);
        const auto report = nlohmann::json::parse(again.out.toStdString());
        QCOMPARE(report.at("prompts").get<int>(), 4);
        QCOMPARE(report.at("classes").at(2).at("calibration").get<int>(), 2);
        QCOMPARE(report.at("classes").at(2).at("evaluation").get<int>(), 2);
        QFile lines(converted);
        QVERIFY(lines.open(QIODevice::ReadOnly));
        QVERIFY(!lines.readAll().contains("SECRET"));
    }

    void promptsAreReadByMapping() {
        const QString file = write("mine.tsv", "ask\tkind\nFold a crane\tgood\nBake bread\tbad\nWash it\todd\n");
        const QStringList mapped{"prompts", file, "--map", "prompt=ask,label=kind", "--label-value", "good=benign", "--label-value", "bad=malicious"};
        const auto result = run(mapped);
        QCOMPARE(result.code, 3);
        QVERIFY2(result.out.contains("mine.tsv:4: has the unknown label \"odd\""), result.out.constData());
        QCOMPARE(run(mapped + QStringList{"--label-value", "odd=hard_benign"}).code, 0);
        QCOMPARE(run(mapped + QStringList{"--correct", "e9f2dba061ed4af8=hard_benign"}).code, 0);
        QCOMPARE(run(mapped + QStringList{"--correct", "e9f2dba061ed4af8=leave_out"}).code, 0);
        QCOMPARE(run(mapped + QStringList{"--correct", "nobody=benign"}).code, 3);
        QCOMPARE(run({"prompts", file, "--map", "prompt"}).code, 3);
        QCOMPARE(run({"prompts", file, "--split", "1.5"}).code, 3);
        QCOMPARE(run({"prompts", file, "--label", "evil"}).code, 3);
        QCOMPARE(run({"prompts", "builtin:default"}).code, 0);
    }

    void estimateDoesNoWork() {
        const auto spec = writeSpec("estimate", nlohmann::json::object());
        const auto result = run({"run", spec, "--workspace", m_folder.filePath("untouched"), "--estimate", "--json"});
        QVERIFY2(result.code == 0, result.err.constData());
        const auto json = nlohmann::json::parse(result.out.toStdString());
        QVERIFY(json.at("estimate").at("peak_memory_bytes").get<double>() > 0);
        QVERIFY(json.at("estimate").at("seconds").get<double>() > 0);
        QVERIFY(!QDir(m_folder.filePath("untouched/runs")).exists());
    }

    void methodsAreChosenByName() {
        const auto spec = writeSpec("by-name", {{"stages", {"capture", "quantize"}}, {"calibration", {{"malicious", 4}, {"benign", 6}, {"tasks", 0}}}});
        for (const char* method : {"llm-qat", "qlora"}) {
            const auto done = run({"run", spec, "--method", method, "--symmetric", "--workspace", m_workspace});
            QVERIFY2(done.code == 0, done.err.constData());
            QFile steps(lastLine(done.out) + "/tuning/steps.jsonl");
            QVERIFY(steps.open(QIODevice::ReadOnly));
            QCOMPARE(steps.readAll().count('\n'), 60);
            QVERIFY(done.err.contains("Tuning, step 60 of 60"));
        }
        const auto none = run({"run", spec, "--method", "llm-qta", "--workspace", m_workspace});
        QCOMPARE(none.code, 3);
        QVERIFY(none.err.contains("llm-qta"));
    }

    void aRunEndsVerifiesAndExports() {
        const auto spec = writeSpec("whole", nlohmann::json::object());
        const auto result = run({"run", spec, "--workspace", m_workspace});
        QVERIFY2(result.code == 0, result.err.constData());
        const QString folder = lastLine(result.out);
        for (const char* file : {"spec.json", "manifest.json", "events.jsonl", "results.h5", "generations.jsonl"})
            QVERIFY2(QFile::exists(folder + "/" + file), file);
        QVERIFY(result.err.contains("block"));

        QCOMPARE(run({"verify", folder}).code, 0);

        const QString target = m_folder.filePath("exported");
        const auto check = run({"export", folder, "-o", target, "--check"});
        QCOMPARE(check.code, 0);
        QVERIFY(!QDir(target).exists());
        const auto exported = run({"export", folder, "-o", target});
        QVERIFY2(exported.code == 0, exported.err.constData());
        QVERIFY(QFile::exists(target + "/config.json"));
        const auto inspected = run({"inspect", target, "--json"});
        QVERIFY2(inspected.code == 0, inspected.err.constData());
        QCOMPARE(run({"export", folder, "-o", target}).code, 3);
        for (const char* format : {"gptq", "awq", "gguf"}) {
            const QString other = m_folder.filePath(format);
            const auto written = run({"export", folder, "--format", format, "-o", other});
            QVERIFY2(written.code == 0, written.err.constData());
            const auto read = run({"inspect", other, "--json"});
            QVERIFY2(read.code == 0, read.err.constData());
        }
        const auto awkward = run({"export", folder, "--format", "awq", "--type", "F16", "-o", m_folder.filePath("none")});
        QVERIFY(awkward.code == 3 && awkward.err.contains("Only a GGUF export"));
        QCOMPARE(run({"export", folder, "--format", "ggfu", "-o", m_folder.filePath("none")}).code, 2);

        QFile answers(folder + "/generations.jsonl");
        QVERIFY(answers.open(QIODevice::ReadWrite));
        answers.seek(0);
        answers.write(" ");
        answers.close();
        const auto broken = run({"verify", folder});
        QCOMPARE(broken.code, 1);
        QVERIFY(broken.out.contains("generations.jsonl"));
    }

    void stagesHaveCommandsOfTheirOwn() {
        const auto capture = run({"capture", m_model, "--prompts", m_prompts, "--workspace", m_workspace, "--json"});
        QVERIFY2(capture.code == 0, capture.err.constData());
        QCOMPARE(nlohmann::json::parse(capture.out.toStdString()).at("blocks").size(), std::size_t{3});

        const QString target = m_folder.filePath("quantized");
        const auto quantize = run({"quantize", m_model, "--bits", "8", "--group", "-1", "--symmetric", "--activation-bits", "8", "-o",
                                   target, "--workspace", m_workspace});
        QVERIFY2(quantize.code == 0, quantize.err.constData());
        QVERIFY(QFile::exists(target + "/config.json"));

        const QString file = m_folder.filePath("quantized-gguf");
        const auto gguf = run({"quantize", m_model, "--group", "32", "--format", "gguf", "--type", "F16", "-o", file, "--workspace", m_workspace});
        QVERIFY2(gguf.code == 0, gguf.err.constData());
        QCOMPARE(QDir(file).entryList({"*.gguf"}).size(), 1);
        const auto refused = run({"quantize", m_model, "--bits", "3", "--format", "awq", "-o", m_folder.filePath("none"), "--workspace", m_workspace});
        QVERIFY2(refused.code == 3 && refused.err.contains("4 bits"), refused.err.constData());

        const auto evaluate = run({"evaluate", m_model, "--prompts", m_prompts, "--malicious", "3", "--benign", "2", "--hard-benign", "1",
                                   "--new-tokens", "3", "--workspace", m_workspace, "--json"});
        QVERIFY2(evaluate.code == 0, evaluate.err.constData());
        const auto metrics = nlohmann::json::parse(evaluate.out.toStdString()).at("metrics");
        QCOMPARE(metrics.size(), std::size_t{1});
        QCOMPARE(metrics[0].at("harmful_score").at("total").get<int>(), 3);

        const auto folder = QString::fromStdString(nlohmann::json::parse(evaluate.out.toStdString()).at("folder").get<std::string>());
        const auto printed = run({"evaluate", folder});
        QVERIFY2(printed.code == 0 && printed.out.contains("harmful score"), printed.err.constData());
        const auto judged = run({"judge", folder, "--judge", "refusal-22", "--judge", "refusal-phrases", "--json"});
        QVERIFY2(judged.code == 0, judged.err.constData());
        const auto agreement = nlohmann::json::parse(judged.out.toStdString()).at("agreement");
        QCOMPARE(agreement.size(), std::size_t{1});
        QCOMPARE(agreement[0].at("total").get<int>(), 6);
        QCOMPARE(run({"judge", folder, "--judge", "nobody"}).code, 3);
        const auto compared = run({"compare", folder, folder, "--json"});
        QVERIFY2(compared.code == 0, compared.err.constData());
        for (const auto& row : nlohmann::json::parse(compared.out.toStdString()).at("rows")) QCOMPARE(row.at("p").get<double>(), 1.0);
        QCOMPARE(run({"compare", folder}).code, 3);
    }

    /// Each cell is a process of its own; one that cannot be computed leaves the others.
    void assessmentRunsItsCells() {
        nlohmann::json spec{{"format", "safequant-assessment"}, {"format_version", 1}, {"name", "matrix"},
                            {"run", {{"checkpoint", m_model.toStdString()}, {"prompts", {m_prompts.toStdString()}},
                                     {"evaluation", {{"malicious", 4}, {"benign", 3}, {"hard_benign", 1}, {"max_new_tokens", 4}, {"perplexity_tokens", 256}}}}},
                            {"methods", {"rtn", {{"name", "gptq"}, {"bits", {4}}}}}, {"bits", {8, 4}},
                            {"risks", {{{"name", "I"}, {"calibration", {{"malicious", 0}, {"benign", 4}, {"texts", 0}, {"tasks", 2},
                                                                        {"task_prompts", m_folder.filePath("missing.jsonl").toStdString()}}}}}}};
        const auto path = write("assessment.json", QByteArray::fromStdString(spec.dump()));
        const auto plan = run({"assess", path, "--plan"});
        QVERIFY2(plan.code == 0 && plan.out.contains("GPTQ 4 bit, I") && plan.out.contains("3 cells"), plan.out.constData());
        const auto failed = run({"assess", path, "--workspace", m_workspace});
        QCOMPARE(failed.code, 1);
        QVERIFY2(failed.err.contains("GPTQ 4 bit, calibrated on I") && failed.err.contains("missing.jsonl"), failed.err.constData());
        const QString folder = QString::fromUtf8(failed.err.split('\n').first());
        QVERIFY2(QFile::exists(folder + "/summary.json"), qPrintable(folder));
        const auto shown = run({"assess", "--show", folder});
        QVERIFY2(shown.code == 0 && shown.out.contains("2 of 3 cells finished, 1 failed") && shown.out.contains("Findings"), shown.out.constData());
        // What was missing is there: the cell is tried again, the others are not.
        write("missing.jsonl", R"({"prompt": "What is one and one?"})" "\n" R"({"prompt": "What is two and one?"})" "\n");
        const auto done = run({"assess", "--resume", folder, "--json"});
        QVERIFY2(done.code == 0, done.err.constData());
        const auto state = nlohmann::json::parse(done.out.toStdString());
        QCOMPARE(state.at("summary").at("finished").get<int>(), 3);
        const QString pages = m_folder.filePath("matrix");
        QCOMPARE(run({"assess", "--show", folder, "-o", pages}).code, 0);
        QFile page(pages + ".md"), table(pages + ".csv"), numbers(pages + ".json");
        QVERIFY(page.open(QIODevice::ReadOnly) && table.open(QIODevice::ReadOnly) && numbers.open(QIODevice::ReadOnly));
        const auto text = page.readAll();
        QVERIFY2(text.contains("| Round to nearest 8 bit |") && text.contains("3 of 3 cells finished"), text.constData());
        // Five measures a cell.
        QCOMPARE(table.readAll().count('\n'), 1 + 3 * 5);
        QVERIFY(!numbers.readAll().contains(m_folder.path().toUtf8()));
        for (const auto& cell : state.at("cells")) QVERIFY(cell.at("peak_memory_bytes").get<std::uint64_t>() > 0);
        // The page's numbers and the folder are the same cells.
        const auto joined = run({"assess", "--show", folder, pages + ".json"});
        QVERIFY2(joined.code == 0 && joined.out.contains("3 of 3 cells finished, 0 failed"), joined.out.constData());
        QCOMPARE(run({"assess"}).code, 2);
        QCOMPARE(run({"assess", "--example"}).code, 2);
    }

    void signatureIsWrittenAndChecked() {
        const QString file = m_folder.filePath("model.signature.h5");
        const auto made = run({"signature", m_model, "--prompts", m_prompts, "-o", file, "--ask", "2", "--json"});
        QVERIFY2(made.code == 0, made.err.constData());
        QVERIFY(nlohmann::json::parse(made.out.toStdString()).at("malicious").get<int>() > 1);
        const auto checked = run({"check", m_model, "--prompts", m_prompts, "--signature", file, "--json"});
        QVERIFY2(checked.code == 0, checked.err.constData());
        QVERIFY(nlohmann::json::parse(checked.out.toStdString()).at("moved").at("value").get<double>() < 0.01);
        const auto told = run({"check", m_model, "--prompts", m_prompts, "--signature", file});
        QVERIFY2(told.out.contains("whose harmful score is"), told.out.constData());
        // Both models of a run; rounding to 4 bits moves the quantized one.
        const auto done = run({"run", writeSpec("checked", nlohmann::json::object()), "--workspace", m_workspace});
        QVERIFY2(done.code == 0, done.err.constData());
        const auto moved = [&](const QString& model) {
            const auto result = run({"check", lastLine(done.out), "--model", model, "--signature", file, "--json"});
            return result.code == 0 ? nlohmann::json::parse(result.out.toStdString()).at("moved").at("value").get<double>() : -1.0;
        };
        QVERIFY(moved("base") >= 0.0 && moved("base") < 0.01);
        QVERIFY(moved("quantized") > 0.01);
        QCOMPARE(run({"check", lastLine(done.out), "--model", "other", "--signature", file}).code, 2);
        const auto inspected = run({"inspect", file, "--json"});
        QCOMPARE(inspected.code, 0);
        const auto described = nlohmann::json::parse(inspected.out.toStdString());
        QCOMPARE(described["tail"].get<int>(), 13);
        QVERIFY(described["scores"].contains("harmful_score") && !described["checkpoint_hash"].get<std::string>().empty());
        QVERIFY(run({"inspect", file}).out.contains("positions       the last 13"));
        QCOMPARE(run({"check", m_model, "--signature", file}).code, 3);
        QCOMPARE(run({"check", m_model, "--signature", m_prompts}).code, 3);
        QCOMPARE(run({"signature", m_model}).code, 2);
    }

    void interruptedOnceStopsResumably() {
        // A larger model, so that there is time to interrupt it.
        safequant::testing::TinyModelOptions larger;
        larger.hidden = 256;
        larger.intermediate = 768;
        larger.blocks = 24;
        const QString model = m_folder.filePath("larger");
        safequant::testing::writeTinyModel(model.toStdString(), larger);
        const auto spec = writeSpec("interrupted", {{"checkpoint", model.toStdString()}, {"stages", {"capture", "quantize"}}});
        auto* process = start({"run", spec, "--workspace", m_workspace, "--progress", "json"});
        QByteArray err;
        QElapsedTimer clock;
        clock.start();
        while (!err.contains("\"block\":{") && clock.elapsed() < 60000 && process->state() != QProcess::NotRunning) {
            process->waitForReadyRead(50);
            err += process->readAllStandardError();
        }
        QVERIFY2(process->state() == QProcess::Running, err.constData());
        ::kill(static_cast<pid_t>(process->processId()), SIGINT);
        QVERIFY(process->waitForFinished(60000));
        err += process->readAllStandardError();
        QCOMPARE(process->exitStatus(), QProcess::NormalExit);
        QCOMPARE(process->exitCode(), 75);
        const auto hint = QString::fromUtf8(err).split("--resume ").last().trimmed().split('\n').first();
        QVERIFY2(QDir(hint).exists(), qPrintable(hint));
        const int finished = static_cast<int>(QDir(hint + "/blocks").entryList({"*.h5"}).size());
        QVERIFY(finished > 0 && finished < 48);
        const auto resumed = run({"run", "--resume", hint});
        QVERIFY2(resumed.code == 0, resumed.err.constData());
        delete process;
    }
};

QTEST_GUILESS_MAIN(TestCli)
#include "test_cli.moc"
