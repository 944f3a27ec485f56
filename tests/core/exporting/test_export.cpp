// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QtTest>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

#include "core/base/files.h"
#include "core/exporting/export_model.h"
#include "core/exporting/target_folder.h"
#include "tests/support/or_throw.h"

using namespace safequant;
using testing::orThrow;

class TestExport : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() {
        m_checkpoint = orThrow(openCheckpoint(SAFEQUANT_TEST_DATA "/model/tiny_bias"));
        TokenizerSource source;
        source.tokenizerJson = orThrow(readTextFile(SAFEQUANT_TEST_DATA "/text/tokenizer_gpt2.json"));
        m_tokenizer = orThrow(Tokenizer::create(source));
    }

    void cleanup() { QDir(m_folder.filePath("grid")).removeRecursively(); }

    void everyGridReadsBack_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("group");
        QTest::addColumn<bool>("symmetric");
        QTest::addColumn<int>("activations");
        for (int bits = 2; bits <= 8; ++bits) {
            for (const int group : {-1, 16}) {
                for (const bool symmetric : {true, false}) {
                    for (const int activations : {16, 8}) {
                        if (activations == 8 && bits != 4 && bits != 8) continue;
                        QTest::addRow("W%dA%d g%d %s", bits, activations, group, symmetric ? "symmetric" : "asymmetric")
                            << bits << group << symmetric << activations;
                    }
                }
            }
        }
    }
    void everyGridReadsBack() {
        QFETCH(int, bits);
        QFETCH(int, group);
        QFETCH(bool, symmetric);
        QFETCH(int, activations);
        const auto plan = planFor({bits, group, symmetric, activations});
        const ExportResult result = orThrow(exportTo("grid", plan));
        QCOMPARE(result.maxReloadError, 0.0);
        const auto reloaded = orThrow(openCheckpoint(result.folder));
        for (const LinearPlan& entry : plan) {
            const Matrix meant = roundToNearest(orThrow(m_checkpoint->readMatrix(entry.name + ".weight")), entry.actual).dequantize();
            const Matrix read = orThrow(reloaded->readMatrix(entry.name + ".weight"));
            QVERIFY(std::memcmp(meant.data(), read.data(), meant.size() * sizeof(float)) == 0);
        }
        for (const char* name : {"model.embed_tokens.weight", "lm_head.weight"}) {
            const Matrix meant = orThrow(m_checkpoint->readMatrix(name)), read = orThrow(reloaded->readMatrix(name));
            QVERIFY(std::memcmp(meant.data(), read.data(), meant.size() * sizeof(float)) == 0);
        }
        QVERIFY(orThrow(reloaded->readVector("model.layers.1.self_attn.q_proj.bias")) ==
                orThrow(m_checkpoint->readVector("model.layers.1.self_attn.q_proj.bias")));
    }

    void writesWhatLoadersRead() {
        const ExportResult result = orThrow(exportTo("w4a16", planFor({4, 16, false, 16})));
        for (const char* name : {"README.md", "config.json", "generation_config.json", "model.safetensors", "provenance.json",
                                 "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"})
            QVERIFY2(std::find(result.files.begin(), result.files.end(), name) != result.files.end(), name);
        QCOMPARE(result.sha256.size(), result.files.size());
        QCOMPARE(QDir(QString::fromStdString(result.folder)).entryList(QDir::Files | QDir::Hidden).size(),
                 static_cast<qsizetype>(result.files.size()));
        const nlohmann::json config = json(result, "config.json");
        QCOMPARE(config.at("torch_dtype").get<std::string>(), std::string("float32"));
        const nlohmann::json& quantization = config.at("quantization_config");
        QCOMPARE(quantization.at("quant_method").get<std::string>(), std::string("compressed-tensors"));
        QCOMPARE(quantization.at("format").get<std::string>(), std::string("pack-quantized"));
        QCOMPARE(quantization.at("ignore").dump(), std::string(R"(["lm_head"])"));
        QCOMPARE(quantization.at("config_groups").at("group_0").at("targets").dump(), std::string(R"(["Linear"])"));
        const nlohmann::json& weights = quantization.at("config_groups").at("group_0").at("weights");
        QCOMPARE(weights.at("num_bits").get<int>(), 4);
        QCOMPARE(weights.at("group_size").get<int>(), 16);
        QCOMPARE(weights.at("symmetric").get<bool>(), false);
        QCOMPARE(json(result, "provenance.json").at("made_by").get<std::string>(), std::string("a test"));
    }

    void mixedSchemesAreNamed() {
        const auto plan = orThrow(planSchemes(m_checkpoint->config(), {4, 16, true, 16},
                                              {{"down_proj", {8, -1, true, 8}}, {"layers\\.0.*(gate|up)", {8, -1, true, 16}},
                                               {"layers\\.2.*o_proj", {16, 16, true, 16}}}));
        const ExportResult result = orThrow(exportTo("mixed", plan));
        const nlohmann::json quantization = json(result, "config.json").at("quantization_config");
        QCOMPARE(quantization.at("format").get<std::string>(), std::string("mixed-precision"));
        QCOMPARE(quantization.at("ignore").dump(), std::string(R"(["lm_head","model.layers.2.self_attn.o_proj"])"));
        const nlohmann::json& groups = quantization.at("config_groups");
        QCOMPARE(groups.size(), std::size_t{3});
        QCOMPARE(groups.at("group_0").at("format").get<std::string>(), std::string("pack-quantized"));
        QCOMPARE(groups.at("group_0").at("targets").size(), std::size_t{3 + 2 + 2 + 2});
        QCOMPARE(groups.at("group_1").at("targets").dump(),
                 std::string("[\"model.layers.0.mlp.gate_proj\",\"model.layers.0.mlp.up_proj\"]"));
        QCOMPARE(groups.at("group_2").at("targets").dump(), std::string("[\"re:.*\\\\.mlp\\\\.down_proj$\"]"));
        QCOMPARE(groups.at("group_2").at("format").get<std::string>(), std::string("int-quantized"));
        QCOMPARE(groups.at("group_2").at("input_activations").at("num_bits").get<int>(), 8);
    }

    void zeroPointsOfActivationsAreSaid() {
        const ExportResult result = orThrow(exportTo("zero-points", planFor({8, -1, true, 8, false, false})));
        const nlohmann::json input = json(result, "config.json").at("quantization_config").at("config_groups").at("group_0").at("input_activations");
        QCOMPARE(input.at("symmetric").get<bool>(), false);
        QCOMPARE(input.at("strategy").get<std::string>(), std::string("token"));
    }

    void nothingQuantizedIsPlain() {
        const ExportResult result = orThrow(exportTo("dense", planFor({16, 16, true, 16})));
        QVERIFY(!json(result, "config.json").contains("quantization_config"));
        QVERIFY(openCheckpoint(result.folder).has_value());
    }

    void sameInputSameBytes() {
        const auto plan = planFor({4, 16, false, 16});
        QVERIFY(orThrow(exportTo("first", plan)).sha256 == orThrow(exportTo("second", plan)).sha256);
    }

    void shardsReadBack() {
        ExportOptions options;
        options.shardBytes = 40000;
        const ExportResult result = orThrow(exportTo("shards", planFor({8, -1, true, 8}), options));
        const nlohmann::json index = json(result, "model.safetensors.index.json");
        const QDir folder(QString::fromStdString(result.folder));
        const QStringList shards = folder.entryList({"model-*.safetensors"}, QDir::Files);
        QVERIFY(shards.size() > 1);
        QVERIFY(shards.first().endsWith(QString("-of-%1.safetensors").arg(shards.size(), 5, 10, QChar('0'))));
        std::set<std::string> named;
        for (const auto& [tensor, file] : index.at("weight_map").items()) named.insert(file.get<std::string>());
        QCOMPARE(named.size(), static_cast<std::size_t>(shards.size()));
        QVERIFY(openCheckpoint(result.folder).has_value());
    }

    void headAndAlignmentOfTheFile() {
        const ExportResult result = orThrow(exportTo("aligned", planFor({4, 16, true, 16})));
        const std::string bytes = orThrow(readTextFile(result.folder + "/model.safetensors"));
        std::uint64_t length = 0;
        std::memcpy(&length, bytes.data(), sizeof length);
        QCOMPARE(length % 8, std::uint64_t{0});
        const nlohmann::json header = nlohmann::json::parse(bytes.substr(8, length));
        QCOMPARE(header.at("__metadata__").at("format").get<std::string>(), std::string("pt"));
        for (const auto& [name, tensor] : header.items()) {
            if (name == "__metadata__") continue;
            const auto size = tensor.at("dtype") == "I64" ? 8U : 4U;
            QCOMPARE(tensor.at("data_offsets").at(0).get<std::uint64_t>() % size, std::uint64_t{0});
        }
    }

    void foldersThatAreRefused() {
        const auto plan = planFor({4, 16, true, 16});
        QDir(m_folder.path()).mkpath("full");
        std::ofstream(m_folder.filePath("full/keep").toStdString()) << "mine";
        QDir(m_folder.path()).mkpath("beside.part");
        std::ofstream(m_folder.filePath("beside.part/keep").toStdString()) << "mine";
        for (const char* name : {"full", "full/keep", "beside", ""}) {
            const auto refused = exportTo(name, plan);
            QVERIFY2(!refused.has_value(), name);
            QCOMPARE(refused.error().kind, ErrorKind::BadInput);
        }
        QVERIFY(QFile::exists(m_folder.filePath("full/keep")) && QFile::exists(m_folder.filePath("beside.part/keep")));
    }

    void leftoversOfAKilledExportAreReplaced_data() {
        QTest::addColumn<QStringList>("files");
        QTest::newRow("folder made") << QStringList{};
        QTest::newRow("marked") << QStringList{".safequant-export"};
        QTest::newRow("half written") << QStringList{".safequant-export", "export/model.safetensors"};
    }

    void leftoversOfAKilledExportAreReplaced() {
        QFETCH(QStringList, files);
        const QString target = m_folder.filePath(QStringLiteral("killed-%1").arg(files.size()));
        const QString beside = target + ".part";
        QDir().mkpath(beside + "/export");
        if (files.size() < 3) QDir().rmdir(beside + "/export");
        for (const auto& file : files) std::ofstream((beside + '/' + file).toStdString()) << "half";
        QVERIFY(exportTo(QFileInfo(target).fileName().toUtf8().constData(), planFor({4, 16, true, 16})).has_value());
        QVERIFY(!QFile::exists(beside));
        QVERIFY(!QFile::exists(target + "/.safequant-export"));
    }

    void onlyLeftoversAreRemoved() {
        const std::string folder = m_folder.filePath("published").toStdString();
        QDir().mkpath(QString::fromStdString(folder + ".part"));
        std::ofstream(folder + ".part/.safequant-export") << "x";
        removeLeftover(folder);
        QVERIFY(!QFile::exists(QString::fromStdString(folder + ".part")));
        QDir().mkpath(QString::fromStdString(folder + ".part"));
        std::ofstream(folder + ".part/keep") << "mine";
        removeLeftover(folder);
        QVERIFY(QFile::exists(QString::fromStdString(folder + ".part/keep")));
    }

    void publishedFoldersAreWhole() {
        const QString target = m_folder.filePath("whole");
        auto folder = orThrow(TargetFolder::create(target.toStdString(), 0));
        std::ofstream(folder.path() + "/file") << "x";
        QVERIFY(!QFile::exists(target));
        QVERIFY(folder.publish().has_value());
        QCOMPARE(QDir(target).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot), QStringList{"file"});
        QVERIFY(!QFile::exists(target + ".part"));
    }

    /// Killed at whichever system call, a process leaves nothing that refuses the next export, and no folder that is not whole.
    void killedAtEverySystemCall() {
        const std::string target = m_folder.filePath("killed-at-a-call").toStdString();
        bool finished = false, published = false;
        int calls = 0, leftovers = 0;
        for (; !finished; ++calls) {
            std::filesystem::create_directories(target + ".part/export");
            for (const char* name : {"/.safequant-export", "/export/file"}) std::ofstream(target + ".part" + name) << "half";
            const pid_t child = ::fork();
            QVERIFY(child >= 0);
            if (child == 0) {
                if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(2);
                ::raise(SIGSTOP);
                auto folder = TargetFolder::create(target, 0);
                if (!folder) ::_exit(1);
                std::ofstream(folder->path() + "/file") << "x";
                ::_exit(folder->publish() ? 0 : 1);
            }
            int status = 0;
            QCOMPARE(::waitpid(child, &status, 0), child);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 2) QSKIP("Processes cannot be traced here.");
            for (int call = 0; call < calls && !finished; ++call) {
                QCOMPARE(::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr), 0L);
                QCOMPARE(::waitpid(child, &status, 0), child);
                finished = WIFEXITED(status);
            }
            if (finished) {
                QCOMPARE(WEXITSTATUS(status), 0);
            } else {
                ::kill(child, SIGKILL);
                QCOMPARE(::waitpid(child, &status, 0), child);
            }
            leftovers += std::filesystem::exists(target + ".part") ? 1 : 0;
            if (std::filesystem::exists(target)) QVERIFY(std::filesystem::exists(target + "/file"));
            published = published || (!finished && std::filesystem::exists(target));
            std::filesystem::remove_all(target);
            const auto next = checkTargetFolder(target, 0);
            QVERIFY2(next.has_value(), next ? "" : next.error().describe().c_str());
            removeLeftover(target);
            QVERIFY(!std::filesystem::exists(target + ".part"));
        }
        QVERIFY(published && leftovers > 10);
    }

    void failuresLeaveNothing() {
        const auto plan = planFor({4, 16, true, 16});
        const auto leavesNothing = [&] {
            return !QFile::exists(m_folder.filePath("failing")) && !QFile::exists(m_folder.filePath("failing.part"));
        };
        const auto run = [&](const QuantizedSource& source, const Progress& progress) {
            return exportModel(*m_checkpoint, *m_tokenizer, plan, source, m_provenance,
                                           m_folder.filePath("failing").toStdString(), progress);
        };
        const auto broken = run([](const LinearPlan& entry) -> Expected<QuantizedLinear> {
            return fail(ErrorKind::Io, "No such block.", entry.name);
        }, {});
        QVERIFY(!broken.has_value() && broken.error().kind == ErrorKind::Io && leavesNothing());

        const auto other = run([&](const LinearPlan& entry) -> Expected<QuantizedLinear> {
            LinearPlan changed = entry;
            changed.actual.weightBits = 8;
            return quantized(changed);
        }, {});
        QVERIFY(!other.has_value() && other.error().kind == ErrorKind::Mismatch && leavesNothing());

        // What is read back must be what was written: a source that answers otherwise the second time is found out.
        int asked = 0;
        const auto unstable = run([&](const LinearPlan& entry) -> Expected<QuantizedLinear> {
            auto linear = quantized(entry);
            if (++asked > static_cast<int>(plan.size())) linear->codes[3] = static_cast<std::int8_t>(linear->codes[3] == 0 ? 1 : 0);
            return linear;
        }, {});
        QVERIFY(!unstable.has_value() && unstable.error().kind == ErrorKind::Failed && leavesNothing());
        QVERIFY(unstable.error().message.find("q_proj") != std::string::npos);

        std::stop_source stop;
        Progress progress{stop.get_token(), [&](std::uint64_t done, std::uint64_t) {
                              if (done == 10) stop.request_stop();
                          }};
        const auto cancelled = run([&](const LinearPlan& entry) { return quantized(entry); }, progress);
        QVERIFY(!cancelled.has_value() && cancelled.error().kind == ErrorKind::Cancelled && leavesNothing());
    }

    void progressCountsEveryTensorTwice() {
        std::uint64_t last = 0, total = 0;
        bool ordered = true;
        const Progress progress{{}, [&](std::uint64_t done, std::uint64_t all) {
                                    ordered = ordered && done >= last;
                                    last = done;
                                    total = all;
                                }};
        QVERIFY(exportModel(*m_checkpoint, *m_tokenizer, planFor({4, 16, true, 16}),
                                        [&](const LinearPlan& entry) { return quantized(entry); }, m_provenance,
                                        m_folder.filePath("progress").toStdString(), progress).has_value());
        QVERIFY(ordered);
        QCOMPARE(last, total);
        QCOMPARE(total, std::uint64_t{2} * m_checkpoint->tensors().size());
    }

private:
    std::vector<LinearPlan> planFor(const QuantizationScheme& scheme) {
        return orThrow(planSchemes(m_checkpoint->config(), scheme, {}));
    }
    Expected<QuantizedLinear> quantized(const LinearPlan& entry) {
        auto weight = m_checkpoint->readMatrix(entry.name + ".weight");
        if (!weight) return fail(weight.error());
        return roundToNearest(*weight, entry.actual);
    }
    Expected<ExportResult> exportTo(const char* name, const std::vector<LinearPlan>& plan, const ExportOptions& options = {}) {
        const std::string folder = *name == '\0' ? std::string() : m_folder.filePath(name).toStdString();
        return exportModel(*m_checkpoint, *m_tokenizer, plan,
                                       [&](const LinearPlan& entry) { return quantized(entry); }, m_provenance, folder, {}, options);
    }
    static nlohmann::json json(const ExportResult& result, const std::string& name) {
        return nlohmann::json::parse(orThrow(readTextFile(result.folder + "/" + name)));
    }

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_checkpoint;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    nlohmann::json m_provenance = {{"made_by", "a test"}};
};

QTEST_GUILESS_MAIN(TestExport)
#include "test_export.moc"
