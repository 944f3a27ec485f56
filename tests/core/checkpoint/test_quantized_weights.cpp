// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "bad_files.h"
#include "core/base/files.h"
#include "core/base/random.h"
#include "core/checkpoint/safetensors.h"
#include "small_files.h"

using namespace safequant;
using namespace safequant::test;

namespace {

/// A folder of tests/data/checkpoint with one change to its weights.
struct Damage {
    std::string folder;
    std::function<void(std::string& bytes)> change;
    std::function<void(nlohmann::json& config)> configure;
};

const std::string kLinear = "model.layers.0.self_attn.q_proj.";

/// Rewrites the header entry of a part of the query projection.
Damage entry(const std::string& folder, const std::string& part,
             const std::function<void(nlohmann::json& header, const std::string& name)>& change) {
    return {folder,
            [=](std::string& bytes) {
                std::uint64_t length = 0;
                std::memcpy(&length, bytes.data(), sizeof length);
                auto header = nlohmann::json::parse(bytes.substr(8, length));
                change(header, kLinear + part);
                bytes = safetensorsBytes(header.dump(), bytes.substr(8 + length));
            },
            nullptr};
}

Damage gone(const std::string& folder, const std::string& part) {
    return entry(folder, part, [](auto& header, const std::string& name) {
        header[name + "_"] = header[name];
        header.erase(name);
    });
}

Damage typed(const std::string& folder, const std::string& part, const char* type) {
    return entry(folder, part, [=](auto& header, const std::string& name) { header[name]["dtype"] = type; });
}

Damage shaped(const std::string& folder, const std::string& part, const std::vector<std::int64_t>& shape) {
    return entry(folder, part, [=](auto& header, const std::string& name) { header[name]["shape"] = shape; });
}

/// Overwrites the first bytes of a part.
Damage valued(const std::string& folder, const std::string& part, const std::string& with) {
    return {folder,
            [=](std::string& bytes) {
                std::uint64_t length = 0;
                std::memcpy(&length, bytes.data(), sizeof length);
                const auto header = nlohmann::json::parse(bytes.substr(8, length));
                bytes.replace(8 + length + header[kLinear + part]["data_offsets"][0].get<std::size_t>(), with.size(),
                              with);
            },
            nullptr};
}

Damage configured(const std::string& folder, const char* field, const nlohmann::json& value) {
    return {folder, nullptr, [=](nlohmann::json& config) { config["quantization_config"][field] = value; }};
}

const std::vector<BadInput<Damage>>& badWeights() {
    const auto kBad = ErrorKind::BadInput;
    const std::string nan16 = bytesOf(std::uint16_t{0x7E00}), infinity16 = bytesOf(std::uint16_t{0x7C00});
    static const std::vector<BadInput<Damage>> kTable = {
        {"no scales", [] { return gone("packed", "weight_scale"); }, kBad, "weight_scale\" is missing"},
        {"no shape", [] { return gone("packed", "weight_shape"); }, kBad, "weight_shape\" is missing"},
        {"codes of another type", [] { return typed("packed", "weight_packed", "U32"); }, kBad, "must be of type I32"},
        {"scales of another type", [] { return typed("packed", "weight_scale", "I16"); }, kBad, "must be of type F32"},
        {"scales of another shape",
         [] {
             return shaped("packed", "weight_scale", {2, 32});
         },
         kBad, "does not fit a weight of 32 rows"},
        {"scales of rank 3",
         [] {
             return shaped("packed", "weight_scale", {32, 2, 1});
         },
         kBad, "does not fit a weight of 32 rows"},
        {"zero points of another shape", [] { return shaped("packed", "weight_zero_point", {8}); }, kBad,
         "does not fit the scales"},
        {"absurd shape", [] { return valued("packed", "weight_shape", bytesOf(std::int64_t{1} << 40)); }, kBad,
         "no size of a weight"},
        {"negative shape", [] { return valued("packed", "weight_shape", bytesOf(std::int64_t{-1})); }, kBad,
         "no size of a weight"},
        {"another number of bits",
         [] {
             return shaped("packed", "weight_packed", {64, 2});
         },
         kBad, "another shape than a weight"},
        {"scale not a number", [] { return valued("packed", "weight_scale", bytesOf(std::uint16_t{0x7FC0})); }, kBad,
         "not a finite number at row 0"},
        {"order of another length",
         [] {
             return shaped("ordered", "weight_g_idx", {2, 16});
         },
         kBad, "each of the 32 columns"},
        {"order out of range", [] { return valued("ordered", "weight_g_idx", bytesOf(std::int32_t{2})); }, kBad,
         "not a finite number at row 0, column 0"},
        {"order negative", [] { return valued("ordered", "weight_g_idx", bytesOf(std::int32_t{-2})); }, kBad,
         "not a finite number"},
        {"float code not a number", [] { return valued("float8", "weight", "\x7F"); }, kBad,
         "not a finite number at row 0, column 0"},
        {"no global scale", [] { return gone("float4", "weight_global_scale"); }, kBad,
         "weight_global_scale\" is missing"},
        {"global scale of zero", [] { return valued("float4", "weight_global_scale", bytesOf(0.0F)); }, kBad,
         "not a finite number"},
        {"no zero points", [] { return gone("gptq4", "qzeros"); }, kBad, "qzeros\" is missing"},
        {"no GPTQ scales", [] { return gone("gptq4", "scales"); }, kBad, "scales\" is missing"},
        {"GPTQ codes of another type", [] { return typed("gptq4", "qweight", "F32"); }, kBad, "must be of type I32"},
        {"GPTQ codes of rank 1", [] { return shaped("gptq4", "qweight", {128}); }, kBad, "two dimensions"},
        {"GPTQ scales turned",
         [] {
             return shaped("gptq4", "scales", {32, 2});
         },
         kBad, "another shape than the scales"},
        {"GPTQ zero points turned",
         [] {
             return shaped("gptq4", "qzeros", {4, 2});
         },
         kBad, "another shape than the zero points"},
        {"GPTQ order of another type", [] { return typed("gptq4", "g_idx", "F32"); }, kBad, "each of the 32 inputs"},
        {"GPTQ order out of range", [] { return valued("gptq4", "g_idx", bytesOf(std::int32_t{7})); }, kBad,
         "not a finite number at row 0, column 0"},
        {"GPTQ scale not a number", [=] { return valued("gptq4", "scales", nan16); }, kBad,
         "not a finite number at row 0"},
        {"GPTQ group size", [] { return configured("gptq4", "group_size", 8); }, kBad, "groups of 8"},
        {"GPTQ bits", [] { return configured("gptq4", "bits", 8); }, kBad, "another shape than"},
        {"AWQ codes turned",
         [] {
             return shaped("awq", "qweight", {4, 32});
         },
         kBad, "another shape than"},
        {"AWQ scale infinite", [=] { return valued("awq", "scales", infinity16); }, kBad, "not a finite number"},
        {"AWQ called GPTQ", [] { return configured("awq", "quant_method", "gptq"); }, kBad, "not a multiple of the 8"},
    };
    return kTable;
}

}  // namespace

class TestQuantizedWeights : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

private slots:
    void badWeights_data() { addBadRows(::badWeights()); }
    void badWeights() {
        QFETCH(int, index);
        const auto& bad = ::badWeights()[static_cast<std::size_t>(index)];
        const Damage damage = bad.make();
        const std::string source = SAFEQUANT_TEST_DATA "/checkpoint/" + damage.folder;
        const std::string folder = m_folder.path().toStdString();
        std::string weights = *readTextFile(source + "/model.safetensors");
        auto config = nlohmann::json::parse(*readTextFile(source + "/config.json"));
        if (damage.change) damage.change(weights);
        if (damage.configure) damage.configure(config);
        writeBytes(folder + "/model.safetensors", weights);
        writeBytes(folder + "/config.json", config.dump());
        verifyRefused(bad, openAndRead(folder), folder);
    }

    /// Every 8-bit code that is a number, in blocks that divide neither side of the weight.
    void floatBlocksTakeTheirOwnScale() {
        constexpr std::size_t kSize = 8, kBlockRows = 3, kBlockColumns = 5;
        const std::string folder = m_folder.path().toStdString() + "/blocks";
        std::filesystem::create_directories(folder);
        auto config = tinyConfig();
        config["quantization_config"] = {{"quant_method", "fp8"}, {"weight_block_size", {kBlockRows, kBlockColumns}}};
        writeBytes(folder + "/config.json", config.dump());
        const std::vector<float> scales = {0.5F, 3.0F, 1.0F / 3.0F, 7.0F, 1e-4F, 11.0F};
        for (unsigned firstCode = 0; firstCode < 256; firstCode += kSize * kSize) {
            std::string codes;
            for (unsigned i = 0; i < kSize * kSize; ++i) codes.push_back(static_cast<char>((firstCode + i) % 128 == 127 ? 0 : firstCode + i));
            auto dense = tinyWeights();
            dense.erase(kLinear + "weight");
            const std::string file = safetensorsOf(dense);
            std::uint64_t length = 0;
            std::memcpy(&length, file.data(), sizeof length);
            auto header = nlohmann::json::parse(file.substr(8, length));
            std::string data = file.substr(8 + length);
            const auto put = [&](const std::string& part, const char* type, const std::vector<std::size_t>& shape, const std::string& bytes) {
                header[kLinear + part] = {{"dtype", type}, {"shape", shape}, {"data_offsets", {data.size(), data.size() + bytes.size()}}};
                data += bytes;
            };
            put("weight", "F8_E4M3", {kSize, kSize}, codes);
            put("weight_scale_inv", "F32", {3, 2}, bytesOf(scales));
            writeBytes(folder + "/model.safetensors", safetensorsBytes(header.dump(), data));
            const auto checkpoint = openCheckpoint(folder);
            QVERIFY2(checkpoint.has_value(), checkpoint ? "" : checkpoint.error().describe().c_str());
            const auto read = (*checkpoint)->readMatrix(kLinear + "weight");
            QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
            for (std::size_t row = 0; row < kSize; ++row)
                for (std::size_t column = 0; column < kSize; ++column) {
                    // E4M3: sign, 4 bits of exponent with bias 7, 3 of mantissa; no infinities (Micikevicius et al. 2022).
                    const auto code = static_cast<unsigned char>(codes[row * kSize + column]);
                    const int exponent = code >> 3 & 15, mantissa = code & 7;
                    const double size = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
                    const auto value = static_cast<float>(code >= 128 ? -size : size);
                    QCOMPARE((*read)(row, column), value * scales[row / kBlockRows * 2 + column / kBlockColumns]);
                }
        }
        std::filesystem::remove_all(folder);
    }

    void readsOldConfigurations_data() {
        QTest::addColumn<QString>("folder");
        QTest::addColumn<QString>("file");
        QTest::addColumn<QString>("content");
        QTest::newRow("GPTQ") << "gptq4"
                              << "quantize_config.json"
                              << R"({"bits": 4, "group_size": 16, "desc_act": true})";
        QTest::newRow("AWQ") << "awq"
                             << "quant_config.json"
                             << R"({"w_bit": 4, "q_group_size": 16, "zero_point": true, "version": "GEMM"})";
    }
    /// Folders from before config.json said how weights are quantized.
    void readsOldConfigurations() {
        QFETCH(QString, folder);
        QFETCH(QString, file);
        QFETCH(QString, content);
        const std::string source = SAFEQUANT_TEST_DATA "/checkpoint/" + folder.toStdString();
        const std::string target = m_folder.path().toStdString() + "/old";
        std::filesystem::create_directories(target);
        auto config = nlohmann::json::parse(*readTextFile(source + "/config.json"));
        config.erase("quantization_config");
        writeBytes(target + "/config.json", config.dump());
        writeBytes(target + "/model.safetensors", *readTextFile(source + "/model.safetensors"));
        writeBytes(target + "/" + file.toStdString(), content.toStdString());
        const auto old = openCheckpoint(target);
        QVERIFY2(old.has_value(), old ? "" : old.error().describe().c_str());
        const auto now = openCheckpoint(source);
        const auto name = kLinear + "weight";
        const auto read = (*old)->readMatrix(name), expected = (*now)->readMatrix(name);
        QVERIFY(read.has_value() && expected.has_value());
        QVERIFY(std::equal(read->span().begin(), read->span().end(), expected->span().begin(), expected->span().end()));
        QVERIFY((*old)->files().size() == (*now)->files().size() + 1);
        std::filesystem::remove_all(target);
    }
};

QTEST_GUILESS_MAIN(TestQuantizedWeights)
#include "test_quantized_weights.moc"
