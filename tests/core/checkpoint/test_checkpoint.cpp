// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/tensor_source.h"
#include "small_files.h"

using namespace safequant;
using namespace safequant::test;

namespace {

std::size_t elements(const TensorInfo& info) {
    std::size_t count = 1;
    for (const auto size : info.shape) count *= static_cast<std::size_t>(size);
    return count;
}

std::vector<float> readAll(const Checkpoint& checkpoint, const std::string& name) {
    const TensorInfo* info = checkpoint.find(name);
    if (info == nullptr) return {};
    std::vector<float> values(elements(*info));
    return checkpoint.read(name, values) ? values : std::vector<float>();
}

std::string smollm2Path() { return cacheFolder() + "/models/SmolLM2-135M-Instruct.Q4_1.gguf"; }

}  // namespace

class TestCheckpoint : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::string path(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }

    std::shared_ptr<const Checkpoint> openTiny(const std::string& bytes) const {
        writeBytes(path("tiny.Q4_1.gguf"), bytes);
        auto opened = openCheckpoint(path("tiny.Q4_1.gguf"));
        return opened ? *opened : nullptr;
    }

private slots:
    void opensGguf() {
        const auto checkpoint = openTiny(tinyGguf().string("tokenizer.chat_template", "{{ x }}").build());
        QVERIFY(checkpoint != nullptr);
        const DecoderConfig& config = checkpoint->config();
        QCOMPARE(config.name, std::string("tiny"));
        QCOMPARE(config.modelType, std::string("llama"));
        QCOMPARE(config.hiddenSize, 8);
        QCOMPARE(config.headDim, 4);
        QCOMPARE(config.kvHeads, 1);
        QCOMPARE(config.vocabulary, 6);
        QCOMPARE(config.maxPositions, 32);
        QCOMPARE(config.ropes.front().theta, 5000.0);
        QCOMPARE(config.endTokens, std::vector<int>{3});
        QCOMPARE(config.beginToken, 4);
        QCOMPARE(config.padToken, -1);
        QVERIFY(config.tiedEmbeddings && !config.queryKeyValueBias && !config.outputBias && !config.mlpBias);
        QCOMPARE(checkpoint->format(), std::string("gguf"));
        QVERIFY(checkpoint->metadata().at("general.name") == "tiny");
        QCOMPARE(checkpoint->files().size(), std::size_t{1});

        const TokenizerSource& tokenizer = checkpoint->tokenizerSource();
        QVERIFY(tokenizer.tokenizerJson.empty() && tokenizer.vocabulary.has_value());
        QCOMPARE(tokenizer.vocabulary->tokens.size(), std::size_t{6});
        QCOMPARE(tokenizer.vocabulary->merges, std::vector<std::string>{"a b"});
        QCOMPARE(tokenizer.vocabulary->endToken, 3);
        QCOMPARE(tokenizer.endText, std::string("<e>"));
        QCOMPARE(tokenizer.beginText, std::string("<b>"));
        QCOMPARE(tokenizer.chatTemplate, std::string("{{ x }}"));

        QCOMPARE(checkpoint->tensors().size(), std::size_t{11});
        QCOMPARE(checkpoint->tensors().front().name, std::string("model.embed_tokens.weight"));
        QCOMPARE(checkpoint->tensors().back().name, std::string("model.norm.weight"));
        QCOMPARE(checkpoint->tensors().front().bytes, std::uint64_t{6 * 8 * 4});
        for (const std::size_t i : {0U, 1U, 4U, 5U, 9U, 10U})
            QCOMPARE(readAll(*checkpoint, tinyTensors()[i].huggingFace), tinyValues(i));
    }

    void configJsonBuildsALlamaConfig() {
        const auto json = openTiny(tinyGguf().build())->configJson();
        QVERIFY(json.at("architectures") == nlohmann::json::array({"LlamaForCausalLM"}));
        QVERIFY(json.at("model_type") == "llama" && json.at("torch_dtype") == "float32" && json.at("tie_word_embeddings") == true);
        QVERIFY(json.at("rope_theta") == 5000.0 && json.at("eos_token_id") == 3 && json.at("bos_token_id") == 4);
        QVERIFY(!json.contains("pad_token_id"));
        // The made configuration describes the same model to the reader of such files.
        std::filesystem::create_directories(path("made"));
        writeBytes(path("made/config.json"), json.dump());
        writeBytes(path("made/model.safetensors"), safetensorsOf(tinyWeights()));
        const auto again = openCheckpoint(path("made"));
        QVERIFY2(again.has_value(), again ? "" : again.error().describe().c_str());
        QCOMPARE((*again)->config().ropes.front().theta, 5000.0);
        QCOMPARE((*again)->config().normEpsilon, 1e-5F);
        QCOMPARE((*again)->config().headDim, 4);
    }

    void untiedHeadAndBiases() {
        GgufBuilder builder = tinyGguf();
        builder.tensor("output.weight", {8, 6}, 0, bytesOf(std::vector<float>(48, 2.0F)));
        std::vector<float> query(8), key(4);
        for (std::size_t i = 0; i < 8; ++i) query[i] = static_cast<float>(i);
        for (std::size_t i = 0; i < 4; ++i) key[i] = static_cast<float>(i);
        builder.tensor("blk.0.attn_q.bias", {8}, 0, bytesOf(query)).tensor("blk.0.attn_k.bias", {4}, 0, bytesOf(key));
        builder.tensor("blk.0.attn_v.bias", {4}, 0, bytesOf(key)).tensor("blk.0.attn_output.bias", {8}, 0, bytesOf(query));
        const auto checkpoint = openTiny(builder.build());
        QVERIFY(checkpoint != nullptr);
        QVERIFY(!checkpoint->config().tiedEmbeddings && checkpoint->config().queryKeyValueBias);
        QCOMPARE(checkpoint->readMatrix("lm_head.weight")->rows(), std::size_t{6});
        QCOMPARE(checkpoint->readVector("model.layers.0.self_attn.q_proj.bias").value(), (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
        QCOMPARE(checkpoint->readVector("model.layers.0.self_attn.k_proj.bias").value(), (std::vector<float>{0, 2, 1, 3}));
        QCOMPARE(checkpoint->readVector("model.layers.0.self_attn.v_proj.bias").value(), key);
    }

    /// llama.cpp stores two heads of six rows in the order 0 3 1 4 2 5, 6 9 7 10 8 11.
    void permutationIsInverted() {
        const std::int64_t stored[] = {0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11};
        for (std::int64_t row = 0; row < 12; ++row) QCOMPARE(stored[storedRotaryRow(row, 6)], row);
        const auto checkpoint = openTiny(tinyGguf().build());
        const auto query = checkpoint->readMatrix("model.layers.0.self_attn.q_proj.weight");
        const int rows[] = {0, 2, 1, 3, 4, 6, 5, 7};
        for (std::size_t r = 0; r < 8; ++r) QCOMPARE((*query)(r, 3), static_cast<float>(2000 + 8 * rows[r] + 3));
        std::vector<float> part(16);
        QVERIFY(checkpoint->readRows("model.layers.0.self_attn.q_proj.weight", 1, 2, part).has_value());
        QCOMPARE(part[0], 2016.0F);
        QCOMPARE(part[8], 2008.0F);
    }

    void wrongReadsAreErrors() {
        const auto checkpoint = openTiny(tinyGguf().build());
        std::vector<float> room(48);
        QCOMPARE(checkpoint->read("absent", room).error().kind, ErrorKind::NotFound);
        QCOMPARE(checkpoint->read("model.norm.weight", room).error().kind, ErrorKind::BadInput);
        const std::string embedding = "model.embed_tokens.weight";
        QVERIFY(checkpoint->readRows(embedding, 0, 6, room).has_value());
        for (const auto& [first, rows] : {std::pair<std::int64_t, std::int64_t>{-1, 6}, {1, 6}, {0, 5}, {7, 0}, {0, -1}})
            QCOMPARE(checkpoint->readRows(embedding, first, rows, room).error().kind, ErrorKind::BadInput);
        QCOMPARE(checkpoint->readRows("model.norm.weight", 0, 1, room).error().kind, ErrorKind::BadInput);
        QCOMPARE(checkpoint->readMatrix("model.norm.weight").error().kind, ErrorKind::BadInput);
        QCOMPARE(checkpoint->readVector(embedding).error().kind, ErrorKind::BadInput);
        QCOMPARE(checkpoint->readVector("absent").error().kind, ErrorKind::NotFound);
        QVERIFY(checkpoint->has(embedding) && !checkpoint->has("absent"));
    }

    void unreadableTypesAreNamedWhenRead() {
        GgufBuilder builder = tinyMetadata().number("llama.attention.key_length", 4);
        for (std::size_t i = 0; i < tinyTensors().size(); ++i) {
            const auto& tensor = tinyTensors()[i];
            const std::uint32_t type = tensor.gguf == "blk.0.ffn_up.weight" ? 27 : 0;
            const std::string data = bytesOf(tinyValues(i));
            builder.tensor(tensor.gguf, {tensor.shape.rbegin(), tensor.shape.rend()}, type, type == 27 ? data + data : data);
        }
        const auto checkpoint = openTiny(builder.build());
        QVERIFY(checkpoint != nullptr);
        const auto values = checkpoint->readMatrix("model.layers.0.mlp.up_proj.weight");
        QVERIFY(!values.has_value());
        QCOMPARE(values.error().kind, ErrorKind::Unsupported);
        QVERIFY(values.error().message.find("I64") != std::string::npos);
        QVERIFY(checkpoint->readMatrix("model.layers.0.mlp.gate_proj.weight").has_value());
    }

    void contentHash() {
        const auto checkpoint = openTiny(tinyGguf().build());
        const auto first = checkpoint->contentHash();
        const std::string bytes = *readTextFile(checkpoint->path());
        QCOMPARE(*first, sha256Hex("tiny.Q4_1.gguf\n" + std::to_string(bytes.size()) + "\n" + bytes));
        std::string changed = tinyGguf().build();
        changed.back() ^= 1;
        QVERIFY(*openTiny(changed)->contentHash() != *first);
        std::stop_source source;
        source.request_stop();
        Progress progress;
        progress.stop = source.get_token();
        QCOMPARE(checkpoint->contentHash(progress).error().kind, ErrorKind::Cancelled);
    }

    void pathsThatAreNoModels() {
        QCOMPARE(openCheckpoint(path("absent")).error().kind, ErrorKind::NotFound);
        std::filesystem::create_directories(path("nothing"));
        QCOMPARE(openCheckpoint(path("nothing")).error().kind, ErrorKind::NotFound);
        writeBytes(path("weights.bin"), "x");
        QCOMPARE(openCheckpoint(path("weights.bin")).error().kind, ErrorKind::Unsupported);
        std::filesystem::create_directories(path("folder"));
        writeBytes(path("folder/a.gguf"), tinyGguf().build());
        QVERIFY(openCheckpoint(path("folder")).has_value());
        writeBytes(path("folder/b.gguf"), tinyGguf().build());
        QVERIFY(openCheckpoint(path("folder")).error().message.find("2 GGUF files") != std::string::npos);
    }

    /// tests/references/make_packed_checkpoints.py: what compressed-tensors packed and dequantized, and what was packed for GPTQ and
    /// AWQ; equal to the last bit.
    void opensQuantizedWeights_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("type");
        QTest::newRow("pack-quantized, 3 to 8 bits") << "packed" << "INT3";
        QTest::newRow("pack-quantized in activation order") << "ordered" << "INT4";
        QTest::newRow("int-quantized") << "integers" << "INT8";
        QTest::newRow("float-quantized by channel, tensor and block") << "float8" << "F8_E4M3";
        QTest::newRow("nvfp4-pack-quantized") << "float4" << "NVFP4";
        QTest::newRow("GPTQ of 4 bits in activation order") << "gptq4" << "GPTQ4";
        QTest::newRow("GPTQ v2 of 8 bits by channel") << "gptq8" << "GPTQ8";
        QTest::newRow("GPTQ of 2 bits") << "gptq2" << "GPTQ2";
        QTest::newRow("AWQ") << "awq" << "AWQ4";
    }
    void opensQuantizedWeights() {
        QFETCH(QString, name);
        QFETCH(QString, type);
        const std::string folder = SAFEQUANT_TEST_DATA "/checkpoint/" + name.toStdString();
        const auto opened = openCheckpoint(folder);
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        const Checkpoint& checkpoint = **opened;
        QCOMPARE(checkpoint.tensors().size(), std::size_t{11});
        QCOMPARE(checkpoint.config().endTokens, (std::vector<int>{2, 3}));
        const auto expected = SafetensorsFile::open(folder + "_expected.safetensors");
        QVERIFY(expected.has_value());
        for (const SafetensorsTensor& tensor : (*expected)->tensors()) {
            const auto values = readAll(checkpoint, tensor.name);
            const auto* data = reinterpret_cast<const char*>((*expected)->file()->bytes().data()) + tensor.offset;
            QVERIFY2(bytesOf(values) == std::string(data, tensor.bytes), tensor.name.c_str());
            if (tensor.shape.size() != 2) continue;
            std::vector<float> row(static_cast<std::size_t>(tensor.shape[1]));
            QVERIFY(checkpoint.readRows(tensor.name, tensor.shape[0] - 1, 1, row).has_value());
            QVERIFY(std::equal(row.rbegin(), row.rend(), values.rbegin()));
        }
        QCOMPARE(checkpoint.find("model.layers.0.mlp.gate_proj.weight")->storedType, type.toStdString());
    }

    /// Codes [-8 -1 0 1 2 3 7 -5] of four bits are the word 0x3FBA9870.
    void unpacksTheKnownWord() {
        std::filesystem::create_directories(path("word"));
        auto config = tinyConfig();
        config["quantization_config"] = {{"quant_method", "compressed-tensors"}, {"format", "pack-quantized"},
            {"config_groups", {{"group_0", {{"targets", {"Linear"}}, {"weights", {{"num_bits", 4}, {"type", "int"}}}}}}}};
        writeBytes(path("word/config.json"), config.dump());
        nlohmann::json header;
        std::string data;
        const auto add = [&](const std::string& name, const char* type, std::vector<std::int64_t> shape, const std::string& bytes) {
            header[name] = {{"dtype", type}, {"shape", shape}, {"data_offsets", {data.size(), data.size() + bytes.size()}}};
            data += bytes;
        };
        for (const auto& [name, tensor] : tinyWeights())
            if (!name.ends_with("k_proj.weight")) add(name, "F32", tensor.first, bytesOf(tensor.second));
        const std::string linear = "model.layers.0.self_attn.k_proj.";
        std::string words;
        for (int i = 0; i < 4; ++i) words += bytesOf(std::uint32_t{1069193328});
        add(linear + "weight_packed", "I32", {4, 1}, words);
        add(linear + "weight_scale", "F32", {4, 1}, bytesOf(std::vector<float>{0.5F, 1, 2, 4}));
        add(linear + "weight_shape", "I64", {2}, bytesOf(std::int64_t{4}) + bytesOf(std::int64_t{8}));
        writeBytes(path("word/model.safetensors"), safetensorsBytes(header.dump(), data));
        const auto opened = openCheckpoint(path("word"));
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        const auto weight = (*opened)->readMatrix(linear + "weight");
        const float codes[] = {-8, -1, 0, 1, 2, 3, 7, -5};
        for (std::size_t c = 0; c < 8; ++c) QCOMPARE((*weight)(3, c), 4 * codes[c]);
        QCOMPARE((*weight)(0, 0), -4.0F);
    }

    /// tests/references/make_smollm2_tensors.py: SHA-256 of tensors that the package `gguf` dequantized.
    void realModel() {
        const auto opened = openCheckpoint(smollm2Path());
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        const Checkpoint& checkpoint = **opened;
        QCOMPARE(checkpoint.config().name, std::string("SmolLM2-135M-Instruct"));
        QCOMPARE(checkpoint.config().blocks, 30);
        QCOMPARE(checkpoint.config().kvHeads, 3);
        QCOMPARE(checkpoint.tensors().size(), std::size_t{272});
        QCOMPARE(checkpoint.tokenizerSource().vocabulary->tokens.size(), std::size_t{49152});
        QCOMPARE(checkpoint.tokenizerSource().endText, std::string("<|im_end|>"));
        const auto expected = nlohmann::json::parse(*readTextFile(SAFEQUANT_TEST_DATA "/checkpoint/smollm2_tensors.json"));
        QCOMPARE(expected.size(), std::size_t{11});
        for (const auto& [name, entry] : expected.items()) {
            const TensorInfo* info = checkpoint.find(name);
            QVERIFY(info != nullptr);
            QCOMPARE(info->shape, entry.at("shape").get<std::vector<std::int64_t>>());
            QCOMPARE(sha256Hex(bytesOf(readAll(checkpoint, name))), entry.at("sha256").get<std::string>());
        }
    }

    void openingIsQuick() {
        (void)openCheckpoint(smollm2Path());
        QElapsedTimer timer;
        timer.start();
        QVERIFY(openCheckpoint(smollm2Path()).has_value());
        QVERIFY2(timer.elapsed() < 1000, std::to_string(timer.elapsed()).c_str());
    }
};

QTEST_GUILESS_MAIN(TestCheckpoint)
#include "test_checkpoint.moc"
