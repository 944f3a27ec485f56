// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <fstream>

#include "core/exporting/export_model.h"

using namespace safequant;

namespace {

DecoderConfig smallConfig() {
    DecoderConfig config;
    config.hiddenSize = 576;
    config.intermediateSize = 1536;
    config.blocks = 2;
    config.heads = 9;
    config.kvHeads = 3;
    config.headDim = 64;
    config.vocabulary = 1000;
    config.tiedEmbeddings = true;
    return config;
}

QStringList messages(const PreflightReport& report, PreflightItem::Level level) {
    QStringList list;
    for (const PreflightItem& item : report.items) {
        if (item.level == level) list << QString::fromStdString(item.message);
    }
    return list;
}

}  // namespace

class TestPreflight : public QObject {
    Q_OBJECT

private slots:
    void schemes_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("group");
        QTest::addColumn<bool>("symmetric");
        QTest::addColumn<int>("activations");
        QTest::addColumn<QString>("format");
        QTest::addColumn<QString>("warning");
        QTest::newRow("W4A16") << 4 << 64 << true << 16 << "pack-quantized" << "";
        QTest::newRow("W8A16") << 8 << -1 << true << 16 << "pack-quantized" << "";
        QTest::newRow("W8A8") << 8 << -1 << true << 8 << "int-quantized" << "";
        QTest::newRow("W4A8") << 4 << 64 << true << 8 << "int-quantized" << "";
        QTest::newRow("W4A16 asymmetric") << 4 << 64 << false << 16 << "pack-quantized" << "dequantize=True";
        QTest::newRow("W3A16") << 3 << 64 << true << 16 << "pack-quantized" << "4 and 8 bits only";
        QTest::newRow("odd group") << 4 << 96 << true << 16 << "pack-quantized" << "32, 64 or 128";
        QTest::newRow("W8A8 asymmetric") << 8 << -1 << false << 8 << "int-quantized" << "choose symmetric weights";
        QTest::newRow("W8A8 groups") << 8 << 64 << true << 8 << "int-quantized" << "group size -1";
        QTest::newRow("W6A8") << 6 << -1 << true << 8 << "int-quantized" << "4 or 8 bits";
        QTest::newRow("W4A4") << 4 << 64 << true << 4 << "int-quantized" << "no runtime";
        QTest::newRow("W8A6") << 8 << -1 << true << 6 << "int-quantized" << "activations of 6 bits";
        QTest::newRow("nothing") << 16 << 64 << true << 16 << "dense" << "";
    }
    void schemes() {
        QFETCH(int, bits);
        QFETCH(int, group);
        QFETCH(bool, symmetric);
        QFETCH(int, activations);
        QFETCH(QString, format);
        QFETCH(QString, warning);
        const DecoderConfig config = smallConfig();
        const auto plan = planSchemes(config, {bits, group, symmetric, activations}, {});
        const PreflightReport report = preflightExport(config, *plan, m_folder.filePath("new").toStdString());
        QCOMPARE(QString::fromStdString(report.format), format);
        QVERIFY(report.possible());
        const QStringList warnings = messages(report, PreflightItem::Level::Warning);
        QCOMPARE(warnings.size(), warning.isEmpty() ? 0 : 1);
        if (!warning.isEmpty()) QVERIFY2(warnings.first().contains(warning), qPrintable(warnings.first()));
    }

    void plainModels() {
        const DecoderConfig config = smallConfig();
        const ExportOptions bf16{ExportFormat::Bf16, {}};
        const auto reportOf = [&](const QuantizationScheme& scheme, const ExportOptions& options) {
            return preflightExport(config, *planSchemes(config, scheme, {}, scheme.format), m_folder.filePath("new").toStdString(), nullptr, options);
        };
        const PreflightReport weights = reportOf(schemeOfFormat(WeightFormat::Nf4, 4), bf16);
        QVERIFY(weights.possible() && messages(weights, PreflightItem::Level::Warning).isEmpty());
        QCOMPARE(weights.format, std::string("bf16"));
        const PreflightReport activations = reportOf(schemeOfFormat(WeightFormat::Int8Rows, 8), bf16);
        QVERIFY(activations.possible());
        QCOMPARE(messages(activations, PreflightItem::Level::Warning).size(), 1);
        QVERIFY(messages(activations, PreflightItem::Level::Warning).first().contains("no activation scheme"));
        // As large as the model is in 16 bits, whatever the scheme.
        QCOMPARE(reportOf({2, 64, true, 16}, bf16).bytes, weights.bytes);
        QVERIFY(weights.bytes > reportOf({4, 64, true, 16}, {}).bytes / 4);
        for (const ExportFormat format : {ExportFormat::CompressedTensors, ExportFormat::Gptq, ExportFormat::Awq, ExportFormat::Gguf}) {
            const PreflightReport refused = reportOf(schemeOfFormat(WeightFormat::Codebooks, 2), {format, {}});
            QVERIFY(!refused.possible());
            const QStringList errors = messages(refused, PreflightItem::Level::Error);
            QVERIFY2(errors.first().startsWith("AQLM weights are on no integer grid") && errors.first().contains("export as bf16"), qPrintable(errors.first()));
        }
    }

    void fusedParts() {
        const DecoderConfig config = smallConfig();
        const QuantizationScheme base{4, 64, true, 16};
        const auto warningsFor = [&](const std::string& pattern, const QuantizationScheme& scheme) {
            const auto plan = planSchemes(config, base, {{pattern, scheme}});
            return messages(preflightExport(config, *plan, m_folder.filePath("new").toStdString()), PreflightItem::Level::Warning);
        };
        QVERIFY(warningsFor("down_proj|o_proj", {8, -1, true, 16}).isEmpty());
        QVERIFY(warningsFor("[qkv]_proj", {8, -1, true, 16}).isEmpty());
        const QStringList value = warningsFor("layers\\.1.*v_proj", {8, -1, true, 16});
        QCOMPARE(value.size(), 1);
        QVERIFY(value.first().contains("q_proj, k_proj and v_proj") && value.first().contains("1 block") &&
                value.first().contains("block 1"));
        const QStringList gate = warningsFor("gate_proj", {16, 64, true, 16});
        QCOMPARE(gate.size(), 1);
        QVERIFY(gate.first().contains("gate_proj and up_proj") && gate.first().contains("2 blocks"));
        const QStringList mixed = warningsFor("mlp", {8, -1, true, 8});
        QCOMPARE(mixed.size(), 1);
        QVERIFY(mixed.first().contains("two formats"));
    }

    void folders_data() {
        QTest::addColumn<QString>("folder");
        QTest::addColumn<bool>("possible");
        QTest::newRow("new") << "fresh" << true;
        QTest::newRow("new below new") << "a/b/c" << true;
        QTest::newRow("empty") << "empty" << true;
        QTest::newRow("slash at the end") << "empty/" << true;
        QTest::newRow("full") << "full" << false;
        QTest::newRow("a file") << "full/file" << false;
        QTest::newRow("below a file") << "full/file/x" << false;
        QTest::newRow("something beside") << "taken" << false;
        QTest::newRow("an empty folder beside") << "freed" << true;
    }
    void folders() {
        QFETCH(QString, folder);
        QFETCH(bool, possible);
        QDir(m_folder.path()).mkpath("empty");
        QDir(m_folder.path()).mkpath("full");
        QDir(m_folder.path()).mkpath("taken.part");
        QDir(m_folder.path()).mkpath("freed.part");
        for (const char* file : {"full/file", "taken.part/file"}) std::ofstream(m_folder.filePath(file).toStdString()) << "x";
        const DecoderConfig config = smallConfig();
        const auto plan = planSchemes(config, {4, 64, true, 16}, {});
        const PreflightReport report = preflightExport(config, *plan, m_folder.filePath(folder).toStdString());
        QCOMPARE(report.possible(), possible);
    }

    void aDiskTooSmall() {
        DecoderConfig config = smallConfig();
        config.vocabulary = 2000000000;
        config.hiddenSize = 1 << 20;
        const auto plan = planSchemes(smallConfig(), {4, 64, true, 16}, {});
        const PreflightReport report = preflightExport(config, *plan, m_folder.filePath("new").toStdString());
        QVERIFY(!report.possible());
        QVERIFY(messages(report, PreflightItem::Level::Error).first().contains("free"));
    }

    void countsBytes() {
        const DecoderConfig config = smallConfig();
        const auto bytes = [&](int bits) {
            const auto plan = planSchemes(config, {bits, 64, true, 16}, {});
            return preflightExport(config, *plan, m_folder.filePath("new").toStdString()).bytes;
        };
        const std::uint64_t weights = 2 * (2 * 576 * 576 + 2 * 192 * 576 + 3 * 576 * 1536);
        QCOMPARE(bytes(8) - bytes(4), weights / 2);
        QCOMPARE(bytes(16) - bytes(8), 3 * weights - weights / 64 * 4 - 2 * 7 * 16);
    }

    /// A rotated Gemma has a head of its own, which llama.cpp would not read.
    void headsOfGemmaInGguf() {
        DecoderConfig config = smallConfig();
        const auto plan = planSchemes(config, {4, 64, true, 16}, {});
        for (const char* type : {"llama", "gemma"})
            for (const bool tied : {true, false}) {
                config.modelType = type;
                config.tiedEmbeddings = tied;
                const bool refused = QString::fromStdString(formatProblem(ExportFormat::Gguf, config, *plan)).contains("no head of its own");
                QCOMPARE(refused, config.modelType == "gemma" && !tied);
                QVERIFY(formatProblem(ExportFormat::CompressedTensors, config, *plan).empty());
            }
    }

private:
    QTemporaryDir m_folder;
};

QTEST_GUILESS_MAIN(TestPreflight)
#include "test_preflight.moc"
