// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <bit>
#include <cmath>
#include <regex>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/checkpoint/gguf.h"
#include "core/checkpoint/safetensors.h"
#include "core/exporting/export_layout.h"
#include "core/exporting/export_model.h"
#include "core/exporting/float_bits.h"
#include "core/exporting/gguf_grid.h"
#include "core/exporting/transposed_packing.h"
#include "core/quantize/quantize_block.h"
#include "tests/support/or_throw.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using testing::orThrow;

namespace {

Matrix randomMatrix(std::size_t rows, std::size_t cols) {
    Matrix matrix(rows, cols);
    RandomStream random(3, "export-formats");
    for (float& value : matrix.span()) value = static_cast<float>(0.05 * random.normal() + 0.01);
    return matrix;
}

std::string hex(std::span<const std::uint8_t> bytes) {
    return QByteArray(reinterpret_cast<const char*>(bytes.data()), static_cast<qsizetype>(bytes.size()))
        .toHex()
        .toStdString();
}

/// A linear of one row whose unsigned 4-bit codes are given.
QuantizedLinear codesOf(const std::vector<int>& unsignedCodes, std::size_t rows) {
    QuantizedLinear linear;
    linear.scheme = {4, -1, true, 16};
    linear.rows = static_cast<int>(rows);
    linear.cols = static_cast<int>(unsignedCodes.size() / rows);
    for (const int code : unsignedCodes) linear.codes.push_back(static_cast<std::int8_t>(code - 8));
    linear.scales.assign(rows, 0.5F);
    return linear;
}

}  // namespace

Q_DECLARE_METATYPE(QuantizationScheme)

class TestExportFormats : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() {
        testing::writeTinyModel(m_folder.filePath("model").toStdString());
        init();
        m_tokenizer = orThrow(Tokenizer::create(m_checkpoint->tokenizerSource()));
    }
    void init() { m_checkpoint = orThrow(openCheckpoint(m_folder.filePath("model").toStdString())); }
    void cleanup() { QDir(m_folder.filePath("out")).removeRecursively(); }

    void roundingToHalf() {
        // Exhaustive: every half survives, and the midpoint of neighbours goes to the even one.
        for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
            const float value = halfToFloat(static_cast<std::uint16_t>(bits));
            QCOMPARE(nearestHalfBits(value), static_cast<std::uint16_t>(bits));
            if (bits + 1 == 0x7C00) break;
            const float middle = (value + halfToFloat(static_cast<std::uint16_t>(bits + 1))) / 2.0F;
            QCOMPARE(nearestHalfBits(-middle), static_cast<std::uint16_t>(0x8000U | ((bits + 1) & ~1U)));
        }
        QCOMPARE(nearestHalfBits(65519.0F), std::uint16_t{0x7BFF});
        QCOMPARE(nearestHalfBits(65520.0F), std::uint16_t{0x7C00});
        QVERIFY((nearestHalfBits(std::nanf("")) & 0x3FFU) != 0);
        QCOMPARE(nearestBfloat16Bits(1.00390625F), std::uint16_t{0x3F80});
        QCOMPARE(nearestBfloat16Bits(1.01171875F), std::uint16_t{0x3F82});
    }

    void rowsAsGgmlQuantizesThem() {
        std::vector<float> values;
        for (int i = 0; i < 32; ++i) values.push_back(static_cast<float>(i - 16) / 10.0F);
        QCOMPARE(hex(encodeRows(values, 32, *storageTypeNamed("Q8_0"))),
                 std::string("7322818991"
                             "99a1a9b1b9c0c8d0d8e0e8f0f800081018202830384047"
                             "4f575f676f77"));
    }

    void gridsInBlocks_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("group");
        QTest::addColumn<bool>("symmetric");
        QTest::addColumn<QString>("smallest");
        QTest::newRow("W4 g32 symmetric") << 4 << 32 << true << "Q4_0";
        QTest::newRow("W4 g64 symmetric") << 4 << 64 << true << "Q4_0";
        QTest::newRow("W3 channel symmetric") << 3 << -1 << true << "Q4_0";
        QTest::newRow("W4 channel asymmetric") << 4 << -1 << false << "Q4_K";
        QTest::newRow("W4 g256 asymmetric") << 4 << 256 << false << "Q4_K";
        QTest::newRow("W5 symmetric") << 5 << 32 << true << "Q5_0";
        QTest::newRow("W4 g32 asymmetric") << 4 << 32 << false << "Q5_0";
        QTest::newRow("W8 symmetric") << 8 << -1 << true << "Q8_0";
        QTest::newRow("W7 asymmetric") << 7 << 32 << false << "Q8_0";
        QTest::newRow("W4 g16") << 4 << 16 << true << "";
        QTest::newRow("W8 asymmetric") << 8 << 32 << false << "";
    }
    void gridsInBlocks() {
        QFETCH(int, bits);
        QFETCH(int, group);
        QFETCH(bool, symmetric);
        QFETCH(QString, smallest);
        const QuantizedLinear linear = roundToNearest(randomMatrix(24, 512), {bits, group, symmetric, 16});
        const Matrix meant = linear.dequantize();
        QString found;
        for (const char* name : gridTypeNames()) {
            const StorageType& type = *storageTypeNamed(name);
            const auto bytes = encodeGrid(linear, type);
            if (!bytes) continue;
            if (found.isEmpty()) found = name;
            Matrix read(24, 512);
            type.decode(bytes->data(), read.size() / type.values, read.data());
            QVERIFY2(std::ranges::equal(meant.span(), read.span()), name);
        }
        QCOMPARE(found, smallest);
        QCOMPARE(gridProblem(linear.scheme, linear.cols).empty(), !smallest.isEmpty());
    }

    void knownWords() {
        const std::vector<int> codes = {0, 7, 8, 9, 10, 11, 15, 3};
        const TransposedTensors gptq = packGptq(codesOf(
                                                    [&] {
                                                        std::vector<int> all;
                                                        for (int row = 0; row < 8; ++row)
                                                            all.insert(all.end(), codes.begin(), codes.end());
                                                        return all;
                                                    }(),
                                                    8),
                                                true);
        QCOMPARE(gptq.weights.front(), 0x3FBA9870U);
        QCOMPARE(gptq.zeros.front(), 0x77777777U);
        const TransposedTensors awq = packAwq(codesOf(codes, 8));
        QCOMPARE(awq.weights.front(), 0x3B97FA80U);
        QCOMPARE(awq.zeros.front(), 0x88888888U);
        QCOMPARE(packGptq(codesOf(std::vector<int>(64, 8), 8), false).zeros.front(), 0x88888888U);
        QVERIFY_EXCEPTION_THROWN(packGptq(codesOf(std::vector<int>(7, 8), 1), true), std::invalid_argument);
    }

    void everyFormatReadsBack_data() {
        QTest::addColumn<QString>("format");
        QTest::addColumn<QuantizationScheme>("scheme");
        const auto row = [](const char* format, QuantizationScheme scheme) {
            QTest::addRow("%s %s", format, scheme.describe().c_str()) << QString(format) << scheme;
        };
        for (const int bits : {2, 4, 8})
            for (const bool symmetric : {true, false})
                for (const int group : {-1, 16, 32}) row("gptq", {bits, group, symmetric, 16});
        row("awq", {4, 16, true, 16});
        row("awq", {4, 32, false, 16});
        row("gguf", {16, -1, true, 16});
        row("gguf", {4, 32, true, 16});
        row("gguf", {4, 32, false, 16});
        row("gguf", {8, -1, true, 8});
        row("bf16", {16, -1, true, 16});
        row("bf16", {4, 16, false, 16});
        row("bf16", {8, -1, true, 8});
        row("bf16", schemeOfFormat(WeightFormat::Nf4, 4));
        row("bf16", schemeOfFormat(WeightFormat::Int8Rows, 8));
    }
    void everyFormatReadsBack() {
        QFETCH(QString, format);
        QFETCH(QuantizationScheme, scheme);
        const ExportResult result = orThrow(exportAs(format.toStdString(), scheme));
        QCOMPARE(result.maxReloadError, 0.0);
        const auto reloaded = orThrow(openCheckpoint(result.folder));
        const auto stored = [&](float value) {
            return format == "bf16" ? std::bit_cast<float>(static_cast<std::uint32_t>(nearestBfloat16Bits(value)) << 16) : value;
        };
        for (const LinearPlan& entry : orThrow(planSchemes(m_checkpoint->config(), scheme, {}, scheme.format))) {
            const Matrix weight = orThrow(m_checkpoint->readMatrix(entry.name + ".weight"));
            Matrix meant = scheme.weightBits < 16 ? quantizeLinear(weight, scheme).dequantize() : weight.clone();
            std::ranges::transform(meant.span(), meant.data(), stored);
            QVERIFY2(std::ranges::equal(meant.span(), orThrow(reloaded->readMatrix(entry.name + ".weight")).span()),
                     entry.name.c_str());
        }
        for (const char* name : {"model.norm.weight", "model.layers.1.input_layernorm.weight"}) {
            auto meant = orThrow(m_checkpoint->readVector(name));
            std::ranges::transform(meant, meant.begin(), stored);
            QVERIFY(orThrow(reloaded->readVector(name)) == meant);
        }
        if (format == "bf16") {
            for (const TensorInfo& tensor : reloaded->tensors()) QCOMPARE(tensor.storedType, std::string("BF16"));
            const auto config = nlohmann::json::parse(orThrow(readTextFile(result.folder + "/config.json")));
            QVERIFY(!config.contains("quantization_config") && config["torch_dtype"] == "bfloat16");
            QVERIFY(orThrow(readTextFile(result.folder + "/provenance.json")).size() > 2);
            const std::string card = orThrow(readTextFile(result.folder + "/README.md"));
            QVERIFY2(card.find("rounded to bfloat16") != std::string::npos && card.find("compressed-tensors") == std::string::npos, card.c_str());
        }
        if (format != "gguf") return;
        const auto tokenizer = orThrow(Tokenizer::create(reloaded->tokenizerSource()));
        QVERIFY(tokenizer->encode("Hello 123", SpecialTokens::Parse) ==
                m_tokenizer->encode("Hello 123", SpecialTokens::Parse));
        const ExportResult again = orThrow(exportAs("gguf", scheme, "again"));
        QVERIFY(again.sha256 == result.sha256);
        QDir(m_folder.filePath("again")).removeRecursively();
    }

    void gptqNamesWhatIsLeftAlone() {
        const QuantizationScheme scheme{4, 16, true, 16}, none{16, -1, true, 16};
        // Block 0 keeps its query, key and value whole, both blocks their down projections.
        const auto plan = orThrow(planSchemes(m_checkpoint->config(), scheme, {{"layers\\.0\\.self_attn\\.[qkv]_proj", none}, {"down_proj", none}}));
        const ExportResult result = orThrow(exportPlan("gptq", plan));
        QCOMPARE(result.maxReloadError, 0.0);
        const auto reloaded = orThrow(openCheckpoint(result.folder));
        for (const LinearPlan& entry : plan) {
            const Matrix weight = orThrow(m_checkpoint->readMatrix(entry.name + ".weight"));
            const Matrix meant = entry.quantized() ? roundToNearest(weight, entry.actual).dequantize() : weight.clone();
            QVERIFY2(std::ranges::equal(meant.span(), orThrow(reloaded->readMatrix(entry.name + ".weight")).span()), entry.name.c_str());
        }
        const auto config = nlohmann::json::parse(orThrow(readTextFile(result.folder + "/config.json"))).at("quantization_config");
        // The rule of GPTQModel and vLLM: a module is left alone when a pattern after "-:" matches from the start of its name.
        const auto leftAlone = [&](const std::string& module) {
            for (const auto& [pattern, overrides] : config.at("dynamic").items())
                if (pattern.starts_with("-:") && std::regex_search(module, std::regex(pattern.substr(2)), std::regex_constants::match_continuous)) return true;
            return false;
        };
        for (const LinearPlan& entry : plan) QCOMPARE(leftAlone(entry.name), !entry.quantized());
        QVERIFY(leftAlone("model.layers.0.self_attn.qkv_proj") && !leftAlone("model.layers.1.self_attn.qkv_proj"));
        QVERIFY(!leftAlone("model.layers.0.mlp.gate_up_proj"));
        QVERIFY(!config.contains("modules_in_block_to_quantize"));

        const auto alike = orThrow(planSchemes(m_checkpoint->config(), scheme, {{"down_proj", none}}));
        const auto parts = quantizationConfig(alike, {ExportFormat::Gptq, true}).at("modules_in_block_to_quantize");
        QCOMPARE(parts.size(), std::size_t{6});
        QCOMPARE(parts.back(), (nlohmann::json{"mlp.up_proj"}));
        const auto whole = quantizationConfig(orThrow(planSchemes(m_checkpoint->config(), scheme, {})), {ExportFormat::Gptq, true});
        QVERIFY(!whole.contains("dynamic") && !whole.contains("modules_in_block_to_quantize"));
    }

    void fusedProjectionsStayOneTensor_data() {
        QTest::addColumn<QString>("format");
        QTest::addColumn<QuantizationScheme>("scheme");
        QTest::addColumn<QString>("codes");
        const auto row = [](const char* format, QuantizationScheme scheme, const char* codes) {
            QTest::addRow("%s %s", format, scheme.describe().c_str()) << QString(format) << scheme << QString(codes);
        };
        row("compressed-tensors", {4, 16, false, 16}, ".weight_packed");
        row("compressed-tensors", {3, -1, false, 16}, ".weight_packed");
        row("compressed-tensors", {8, -1, true, 8}, ".weight");
        row("gptq", {4, 32, true, 16}, ".qweight");
        row("gptq", {2, 16, false, 16}, ".qweight");
        row("awq", {4, 16, false, 16}, ".qweight");
    }
    /// Phi-3: each part is what rounding it alone gives, in one tensor under the name its loaders know, with a block's fused linear
    /// left alone as well.
    void fusedProjectionsStayOneTensor() {
        QFETCH(QString, format);
        QFETCH(QuantizationScheme, scheme);
        QFETCH(QString, codes);
        openPhi();
        const auto plan = orThrow(planSchemes(m_checkpoint->config(), scheme, {{"layers\\.1\\.mlp\\.(gate|up)_proj", {16, -1, true, 16}}}));
        QVERIFY(preflightExport(m_checkpoint->config(), plan, m_folder.filePath("out").toStdString(), m_checkpoint.get(),
                                {*exportFormatNamed(format.toStdString()), {}}).possible());
        const ExportResult result = orThrow(exportPlan(format.toStdString(), plan));
        QCOMPARE(result.maxReloadError, 0.0);
        std::map<std::string, std::vector<std::int64_t>> shapes;
        const auto file = orThrow(SafetensorsFile::open(result.folder + "/model.safetensors"));
        for (const auto& tensor : file->tensors()) {
            shapes[tensor.name] = tensor.shape;
            for (const char* part : {".q_proj", ".k_proj", ".v_proj", ".gate_proj", ".up_proj"})
                QVERIFY2(tensor.name.find(part) == std::string::npos, tensor.name.c_str());
        }
        // q, k and v have 64, 32 and 32 rows, gate and up 128 each, over 64 columns.
        const auto values = [&](const std::string& linear) {
            const auto& shape = shapes.at(linear + codes.toStdString());
            const int perWord = codes == ".weight" ? 1 : scheme.weightBits == 3 ? 0 : 32 / scheme.weightBits;
            return perWord == 0 ? shape[0] * 64 : shape[0] * shape[1] * perWord;
        };
        QCOMPARE(values("model.layers.0.self_attn.qkv_proj"), 128 * 64);
        QCOMPARE(values("model.layers.0.mlp.gate_up_proj"), 256 * 64);
        QCOMPARE(shapes.at("model.layers.1.mlp.gate_up_proj.weight"), (std::vector<std::int64_t>{256, 64}));

        const auto config = nlohmann::json::parse(orThrow(readTextFile(result.folder + "/config.json"))).at("quantization_config");
        const std::string text = config.dump();
        QVERIFY(text.find("layers.1.mlp.gate_up_proj") != std::string::npos || text.find("layers\\\\.1\\\\.mlp\\\\.gate_up_proj") != std::string::npos);
        for (const char* part : {"q_proj", ".gate_proj", ".up_proj"}) QVERIFY2(text.find(part) == std::string::npos, text.c_str());
        const auto reloaded = orThrow(openCheckpoint(result.folder));
        for (const LinearPlan& entry : plan) {
            const Matrix weight = orThrow(m_checkpoint->readMatrix(entry.name + ".weight"));
            const Matrix meant = entry.quantized() ? roundToNearest(weight, entry.actual).dequantize() : weight.clone();
            QVERIFY2(std::ranges::equal(meant.span(), orThrow(reloaded->readMatrix(entry.name + ".weight")).span()), entry.name.c_str());
        }
    }

    /// Values need no scheme in common: parts of one tensor may differ.
    void fusedProjectionsAsValues() {
        openPhi();
        const auto plan = orThrow(planSchemes(m_checkpoint->config(), {4, 16, false, 16},
                                              {{"layers\\.1\\.self_attn\\.q_proj", {16, -1, true, 16}}, {"v_proj", {8, -1, true, 16}}}));
        const ExportResult result = orThrow(exportPlan("bf16", plan));
        const auto file = orThrow(SafetensorsFile::open(result.folder + "/model.safetensors"));
        for (const auto& tensor : file->tensors())
            if (tensor.name == "model.layers.1.self_attn.qkv_proj.weight") QCOMPARE(tensor.shape, (std::vector<std::int64_t>{128, 64}));
        const auto reloaded = orThrow(openCheckpoint(result.folder));
        for (const LinearPlan& entry : plan) {
            const Matrix weight = orThrow(m_checkpoint->readMatrix(entry.name + ".weight"));
            Matrix meant = entry.quantized() ? roundToNearest(weight, entry.actual).dequantize() : weight.clone();
            for (float& value : meant.span()) value = std::bit_cast<float>(static_cast<std::uint32_t>(nearestBfloat16Bits(value)) << 16);
            QVERIFY2(std::ranges::equal(meant.span(), orThrow(reloaded->readMatrix(entry.name + ".weight")).span()), entry.name.c_str());
        }
    }

    void partsOfOneTensorNeedOneScheme() {
        openPhi();
        const QuantizationScheme scheme{4, 16, true, 16};
        for (const QuantizationScheme& other : {QuantizationScheme{8, 16, true, 16}, QuantizationScheme{16, -1, true, 16}}) {
            const auto plan = orThrow(planSchemes(m_checkpoint->config(), scheme, {{"layers\\.1\\.self_attn\\.v_proj", other}}));
            for (const char* format : {"compressed-tensors", "gptq", "awq"}) {
                const auto refused = exportPlan(format, plan);
                QVERIFY(!refused && refused.error().kind == ErrorKind::Unsupported);
                const QString message = QString::fromStdString(refused.error().message);
                QVERIFY2(message.contains("model.layers.1.self_attn.qkv_proj") && message.contains("v_proj has " + QString::fromStdString(other.describe())) &&
                             message.contains("the same scheme"),
                         qPrintable(message));
            }
        }
    }

    void plainTypes() {
        ExportOptions options{ExportFormat::Gguf, "Q8_0"};
        const ExportResult result = orThrow(exportAs("gguf", {16, -1, true, 16}, "out", options));
        const auto file = orThrow(openCheckpoint(result.folder));
        QCOMPARE(file->find("model.layers.0.mlp.up_proj.weight")->storedType, std::string("Q8_0"));
        QCOMPARE(file->find("model.norm.weight")->storedType, std::string("F32"));
    }

    /// Matrices that a file stores in 8 bits stay so where every value comes back.
    void storedTypesStay() {
        const ExportResult stored = orThrow(exportAs("gguf", {16, -1, true, 16}, "stored", {ExportFormat::Gguf, "Q8_0"}));
        const std::string name = "model.embed_tokens.weight";
        m_checkpoint = orThrow(openCheckpoint(stored.folder));
        const Matrix values = orThrow(m_checkpoint->readMatrix(name));
        const auto sizeOf = [&] { return preflightExport(m_checkpoint->config(), {}, m_folder.filePath("none").toStdString(), m_checkpoint.get(), {ExportFormat::Gguf, {}}).bytes; };
        const auto size = sizeOf();
        const auto again = orThrow(openCheckpoint(orThrow(exportAs("gguf", {4, 32, true, 16}, "again")).folder));
        QCOMPARE(again->find(name)->storedType, std::string("Q8_0"));
        QVERIFY(std::ranges::equal(values.span(), orThrow(again->readMatrix(name)).span()));
        // A block whose largest code is 126 would be scaled anew.
        const QString path = QString::fromStdString(stored.folder) + "/" + QDir(QString::fromStdString(stored.folder)).entryList({"*.gguf"}).front();
        const auto row = encodeRows({values.row(3), values.cols()}, values.cols(), *storageTypeNamed("Q8_0"));
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadWrite));
        const auto at = file.readAll().indexOf(QByteArray(reinterpret_cast<const char*>(row.data()), static_cast<qsizetype>(row.size())));
        QVERIFY(at > 0);
        m_checkpoint.reset();
        for (qsizetype i = 0; i < 32; ++i) {
            const char code = static_cast<char>(std::clamp(static_cast<int>(static_cast<std::int8_t>(row[2 + static_cast<std::size_t>(i)])), -126, 126));
            QVERIFY(file.seek(at + 2 + i) && file.write(&code, 1) == 1);
        }
        file.close();
        m_checkpoint = orThrow(openCheckpoint(stored.folder));
        const Matrix others = orThrow(m_checkpoint->readMatrix(name));
        QVERIFY(!std::ranges::equal(values.span(), others.span()));
        const auto whole = orThrow(openCheckpoint(orThrow(exportAs("gguf", {4, 32, true, 16}, "whole")).folder));
        QCOMPARE(whole->find(name)->storedType, std::string("F32"));
        QVERIFY(std::ranges::equal(others.span(), orThrow(whole->readMatrix(name)).span()));
        QCOMPARE(sizeOf(), size);
    }

    void refusedWithTheNearest_data() {
        QTest::addColumn<QString>("format");
        QTest::addColumn<QuantizationScheme>("scheme");
        QTest::addColumn<QString>("remedy");
        const auto row = [](const char* format, QuantizationScheme scheme, const char* remedy) {
            QTest::addRow("%s %s", format, scheme.describe().c_str()) << QString(format) << scheme << QString(remedy);
        };
        row("gptq", {3, 32, true, 16}, "choose 4 bits");
        row("gptq", {4, 32, true, 8}, "activations of 16 bits");
        row("awq", {8, 32, true, 16}, "choose 4 bits");
        row("awq", {4, -1, true, 16}, "groups of 128");
        row("gguf", {4, 16, true, 16}, "groups of 32");
        row("gguf", {8, 32, false, 16}, "8 bits symmetric");
        for (const char* format : {"compressed-tensors", "gptq", "awq", "gguf"}) row(format, schemeOfFormat(WeightFormat::Nf4, 4), "export as bf16");
    }
    void refusedWithTheNearest() {
        QFETCH(QString, format);
        QFETCH(QuantizationScheme, scheme);
        QFETCH(QString, remedy);
        const auto plan = orThrow(planSchemes(m_checkpoint->config(), scheme, {}, scheme.format));
        const ExportOptions options{*exportFormatNamed(format.toStdString()), {}};
        const PreflightReport report =
            preflightExport(m_checkpoint->config(), plan, m_folder.filePath("out").toStdString(), nullptr, options);
        QVERIFY(!report.possible());
        const auto result = exportAs(format.toStdString(), scheme);
        QVERIFY(!result && result.error().kind == ErrorKind::Unsupported);
        QVERIFY2(QString::fromStdString(result.error().message).contains(remedy), result.error().message.c_str());
        QVERIFY(!QFileInfo::exists(m_folder.filePath("out")) && !QFileInfo::exists(m_folder.filePath("out.part")));
    }

    void cancelledLeavesNothing() {
        std::stop_source stop;
        ExportOptions options{ExportFormat::Gguf, {}};
        const Progress progress{stop.get_token(), [&](std::uint64_t done, std::uint64_t of) {
                                    if (done > of / 2) stop.request_stop();
                                }};
        const auto result = exportAs("gguf", {4, 32, true, 16}, "out", options, progress);
        QVERIFY(!result && result.error().kind == ErrorKind::Cancelled);
        QVERIFY(!QFileInfo::exists(m_folder.filePath("out")) && !QFileInfo::exists(m_folder.filePath("out.part")));
    }

private:
    /// Works on a tiny Phi-3 for the rest of a test.
    void openPhi() {
        testing::TinyModelOptions options;
        options.fused = true;
        const std::string model = m_folder.filePath("phi").toStdString();
        testing::writeTinyModel(model, options);
        m_checkpoint = orThrow(openCheckpoint(model));
    }
    Expected<ExportResult> exportAs(const std::string& format, const QuantizationScheme& scheme,
                                    const char* name = "out", ExportOptions options = {},
                                    const Progress& progress = {}) {
        return exportPlan(format, orThrow(planSchemes(m_checkpoint->config(), scheme, {}, scheme.format)), name, std::move(options), progress);
    }
    Expected<ExportResult> exportPlan(const std::string& format, const std::vector<LinearPlan>& plan, const char* name = "out",
                                      ExportOptions options = {}, const Progress& progress = {}) {
        options.format = *exportFormatNamed(format);
        const auto source = [this](const LinearPlan& entry) -> Expected<QuantizedLinear> {
            return quantizeLinear(orThrow(m_checkpoint->readMatrix(entry.name + ".weight")), entry.actual);
        };
        return exportModel(*m_checkpoint, *m_tokenizer, plan, source, {{"made_by", "a test"}},
                           m_folder.filePath(name).toStdString(), progress, options);
    }

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_checkpoint;
    std::shared_ptr<const Tokenizer> m_tokenizer;
};

QTEST_GUILESS_MAIN(TestExportFormats)
#include "test_export_formats.moc"
