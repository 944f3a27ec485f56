// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/gguf.h"
#include "core/checkpoint/replaced_checkpoint.h"
#include "bad_files.h"
#include "small_files.h"

using namespace safequant;
using namespace safequant::test;

namespace {

std::string fromHex(const std::string& hex) {
    return QByteArray::fromHex(QByteArray::fromStdString(hex)).toStdString();
}

std::vector<float> decode(const StorageType& type, const std::string& bytes) {
    std::vector<float> out(bytes.size() / type.bytes * type.values);
    type.decode(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size() / type.bytes, out.data());
    return out;
}

/// The tiny model with one change at a byte found by a text before it.
std::string patched(const std::string& after, std::size_t skip, const std::string& with) {
    std::string bytes = tinyGguf().build();
    const std::size_t at = bytes.find(after);
    return at == std::string::npos ? std::string() : bytes.replace(at + after.size() + skip, with.size(), with);
}

std::string u64(std::uint64_t v) { return bytesOf(v); }
std::string u32(std::uint32_t v) { return bytesOf(v); }

/// The metadata of the tiny model under another architecture.
GgufBuilder ofArchitecture(const std::string& architecture) {
    GgufBuilder builder;
    builder.string("general.architecture", architecture).number(architecture + ".context_length", 32);
    builder.number(architecture + ".embedding_length", 8).number(architecture + ".block_count", 1);
    builder.number(architecture + ".feed_forward_length", 12).number(architecture + ".attention.head_count", 2);
    builder.number(architecture + ".vocab_size", 6).real(architecture + ".attention.layer_norm_rms_epsilon", 1e-5F);
    return builder;
}

const std::vector<BadInput<std::string>>& badFileTable() {
    const auto kBad = ErrorKind::BadInput;
    const auto kNo = ErrorKind::Unsupported;
    const std::string q = "blk.0.attn_q.weight";
    const auto head = [](std::size_t at, const std::string& with) { return tinyGguf().build().replace(at, with.size(), with); };
    static const std::vector<BadInput<std::string>> kFiles = {
        {"empty", [] { return std::string(); }, kBad, "not a GGUF"},
        {"magic", [=] { return head(0, "GGUX"); }, ErrorKind::BadInput, "not a GGUF"},
        {"magic only", [] { return std::string("GGUF"); }, kBad, "version"},
        {"version 1", [=] { return head(4, u32(1)); }, kNo, "version 1"},
        {"version 4", [=] { return head(4, u32(4)); }, kNo, "version 4"},
        {"big-endian", [=] { return head(4, std::string("\0\0\0\3", 4)); }, kNo, "big-endian"},
        {"tensor count", [=] { return head(8, u64(~0ULL)); }, kBad, "announces 18446744073709551615 tensors"},
        {"one tensor more", [=] { return head(8, u64(12)); }, kBad, "tensor 11"},
        {"metadata count", [=] { return head(16, u64(1ULL << 40)); }, kBad, "metadata values"},
        {"cut in metadata", [] { return tinyGguf().build().substr(0, 420); }, kBad, "byte"},
        {"cut in a tensor info", [] { return tinyGguf().build().substr(0, 900); }, kBad, "byte"},
        {"cut in data", [] { const auto b = tinyGguf().build(); return b.substr(0, b.size() - 64); }, kBad, "data section"},
        {"key length", [=] { return head(24, u64(1ULL << 50)); }, kBad, "length of metadata key 0"},
        {"value type", [] { return patched("general.name", 0, u32(13)); }, kBad, "type of metadata \"general.name\""},
        {"string length", [] { return patched("general.name", 4, u64(1 << 20)); }, kBad, "general.name"},
        {"not UTF-8 key", [] { return patched("general.", 0, "\xFF\xFE"); }, kBad, "not UTF-8"},
        {"not UTF-8 value", [] { return patched("general.name", 12, "\xC0\x80"); }, kBad, "not UTF-8"},
        {"not UTF-8 tensor name", [] { return patched("blk.0.attn_q", 0, "\xED\xA0\x80"); }, kBad, "not UTF-8"},
        {"array length", [] { return patched("tokenizer.ggml.tokens", 8, u64(1ULL << 60)); }, kBad, "tokenizer.ggml.tokens"},
        {"array of arrays", [] { return patched("tokenizer.ggml.tokens", 4, u32(9)); }, kNo, "array of arrays"},
        {"array item type", [] { return patched("tokenizer.ggml.tokens", 4, u32(77)); }, kBad, "item type"},
        {"same key twice", [] { return tinyMetadata().number("general.name", 1).build(); }, kBad, "\"general.name\" appears twice"},
        {"bool of 2", [] { return tinyMetadata().raw("x", 7, "\2").build(); }, kBad, "neither 0 nor 1"},
        {"alignment 0", [] { return tinyMetadata().number("general.alignment", 0).build(); }, kBad, "general.alignment"},
        {"alignment 12", [] { return tinyMetadata().number("general.alignment", 12).build(); }, kBad, "general.alignment"},
        {"split without its name", [] { return tinyMetadata().number("split.count", 3).build(); }, kBad, "one of the 3 parts"},
        {"split count no number", [] { return tinyMetadata().string("split.count", "3").build(); }, kBad, "split.count"},
        {"negative split count", [] { return tinyMetadata().raw("split.count", 5, bytesOf(std::int32_t{-3})).build(); }, kBad, "split.count"},
        {"no dimensions", [=] { return patched(q, 0, u32(0)); }, kBad, "0 dimensions"},
        {"five dimensions", [=] { return patched(q, 0, u32(5)); }, kBad, "5 dimensions"},
        {"size 0", [=] { return patched(q, 4, u64(0)); }, kBad, "Dimension 0"},
        {"size overflow", [=] { return patched(q, 12, u64(1ULL << 62)); }, kBad, "Dimension 1"},
        {"larger than the file", [=] { return patched(q, 12, u64(1ULL << 40)); }, kBad, "larger than the file"},
        {"unknown type", [=] { return patched(q, 20, u32(200)); }, kNo, "type number 200"},
        {"row no multiple of a block", [=] { return patched(q, 20, u32(2)); }, kBad, "not a multiple of the 32"},
        {"offset not aligned", [=] { return patched(q, 24, u64(33)); }, kBad, "multiple of the alignment"},
        {"offset beyond the file", [=] { return patched(q, 24, u64(1 << 20)); }, kBad, "data section"},
        {"offset that overflows", [=] { return patched(q, 24, u64(~31ULL)); }, kBad, "data section"},
        {"overlap", [=] { return patched(q, 24, u64(0)); }, kBad, "overlap"},
        {"same tensor twice", [] { return tinyGguf().tensor("output_norm.weight", {8}, 0, std::string(32, 'x')).build(); }, kBad, "appears twice"},
        {"long tensor name", [] { return tinyGguf().tensor(std::string(65, 'n'), {8}, 0, std::string(32, 'x')).build(); }, kBad, "the 64 allowed"},
        {"no architecture", [] { return GgufBuilder().string("x", "y").build(); }, kBad, "general.architecture"},
        {"architecture of a wrong type", [] { return GgufBuilder().number("general.architecture", 1).build(); }, kBad, "must be a string"},
        {"phi2", [] { return GgufBuilder().string("general.architecture", "phi2").build(); }, kNo, "\"phi2\" cannot be opened: this program lacks parallel"},
        {"qwen2 with a window", [] { return ofArchitecture("qwen2").number("qwen2.attention.sliding_window", 8).build(); }, kNo, "windows on unnamed blocks"},
        {"unheard of", [] { return GgufBuilder().string("general.architecture", "zzz").build(); }, kNo, "\"zzz\" cannot be opened"},
        {"missing key", [] { return GgufBuilder().string("general.architecture", "llama").build(); }, kBad, "llama.embedding_length"},
        {"key of a wrong type", [] { return patched("llama.block_count", 0, u32(6)); }, kBad, "llama.block_count"},
        {"block count", [] { return patched("llama.block_count", 4, u32(2)); }, kBad, "\"model.layers.1.input_layernorm.weight\" of shape [8] is missing"},
        {"absurd block count", [] { return patched("llama.block_count", 4, u32(4'000'000'000U)); }, kBad, "llama.block_count"},
        {"no heads", [] { return patched("llama.attention.head_count", 4, u32(0)); }, kBad, "num_attention_heads is 0"},
        {"heads that do not divide", [] { return patched("llama.attention.head_count_kv", 4, u32(3)); }, kBad, "multiple of num_key_value_heads"},
        {"wrong shape", [] { return patched("llama.feed_forward_length", 4, u32(16)); }, kBad, "[12, 8], but the configuration says [16, 8]"},
        {"epsilon", [] { return patched("rms_epsilon", 4, bytesOf(-1.0F)); }, kBad, "rms_norm_eps"},
        {"epsilon not a number", [] { return patched("rms_epsilon", 4, bytesOf(std::numeric_limits<float>::quiet_NaN())); }, kBad, "finite"},
        {"theta", [] { return patched("rope.freq_base", 4, bytesOf(0.0F)); }, kBad, "rope_theta"},
        {"end token", [] { return patched("tokenizer.ggml.eos_token_id", 4, u32(6)); }, kBad, "eos_token_id"},
        {"scaling", [] { return tinyGguf().string("llama.rope.scaling.type", "dynamic").build(); }, kNo, "rotary scaling \"dynamic\""},
        {"scaling factor", [] { return tinyGguf().string("llama.rope.scaling.type", "linear").real("llama.rope.scaling.factor", -2.0F).build(); }, kBad, "factor of the rotary scaling"},
        {"divisors of another count", [] { return tinyGguf().tensor("rope_freqs.weight", {3}, 0, std::string(12, 'x')).build(); }, kBad, "must have 2 values"},
        {"divisors of zero", [] { return tinyGguf().tensor("rope_freqs.weight", {2}, 0, std::string(8, '\0')).build(); }, kBad, "above 0"},
        {"long factors alone", [] { return tinyGguf().tensor("rope_factors_long.weight", {2}, 0, std::string(8, 'x')).build(); }, kBad, "needs both tensors"},
        {"longrope without factors", [] { return tinyGguf().string("llama.rope.scaling.type", "longrope").build(); }, kBad, "needs both tensors"},
        {"two scalings", [] { return tinyGguf().string("llama.rope.scaling.type", "yarn").tensor("rope_freqs.weight", {2}, 0, std::string(8, 'x')).build(); }, kNo, "two rotary scalings"},
        {"experts", [] { return tinyGguf().number("llama.expert_count", 8).build(); }, kNo, "mixture"},
        {"window of a wrong type", [] { return tinyGguf().string("llama.attention.sliding_window", "8").build(); }, kBad, "sliding_window"},
        {"window too large", [] { return tinyGguf().number("llama.attention.sliding_window", 0x7FFFFFFF).build(); }, kBad, "sliding_window is"},
        {"partial rotary", [] { return tinyGguf().number("llama.rope.dimension_count", 2).build(); }, kNo, "part of each head"},
        {"strange tensor", [] { return tinyGguf().tensor("blk.0.extra.weight", {8}, 0, std::string(32, 'x')).build(); }, kNo, "blk.0.extra.weight"},
        {"bias in one layer", [] { return tinyGguf().tensor("blk.0.attn_v.bias", {4}, 0, std::string(16, 'x')).build(); }, kNo, "\"blk.0.attn_v.bias\" has no place"},
        {"token types", [] { return tinyGguf().raw("tokenizer.ggml.token_type", 9, u32(5) + u64(1) + u32(1)).build(); }, kBad, "token_type"},
    };
    return kFiles;
}

std::string partName(int number) { return "tiny-0000" + std::string(1, static_cast<char>('0' + number)) + "-of-00003.gguf"; }

GgufBuilder splitKeys(GgufBuilder builder, std::uint16_t number, std::uint16_t count, std::int32_t tensors) {
    return builder.raw("split.no", 2, bytesOf(number)).raw("split.count", 2, bytesOf(count)).raw("split.tensors.count", 5, bytesOf(tensors));
}

/// The tiny model in three parts, the first without tensors.
std::vector<std::string> tinyParts(std::int32_t announced = 11) {
    std::vector<GgufBuilder> parts = {splitKeys(tinyMetadata(), 0, 3, announced), splitKeys({}, 1, 3, announced), splitKeys({}, 2, 3, announced)};
    for (std::size_t i = 0; i < tinyTensors().size(); ++i) {
        const auto& tensor = tinyTensors()[i];
        parts[i < 4 ? 1 : 2].tensor(tensor.gguf, {tensor.shape.rbegin(), tensor.shape.rend()}, 0, bytesOf(tinyValues(i)));
    }
    return {parts[0].build(), parts[1].build(), parts[2].build()};
}

std::vector<std::string> withPart(std::size_t index, const std::string& bytes) {
    auto parts = tinyParts();
    parts[index] = bytes;
    return parts;
}

const std::vector<BadInput<std::vector<std::string>>>& badPartsTable() {
    const auto kBad = ErrorKind::BadInput;
    static const std::vector<BadInput<std::vector<std::string>>> kParts = {
        {"first missing", [] { return withPart(0, ""); }, ErrorKind::NotFound, "Part 1 of the 3"},
        {"last missing", [] { return withPart(2, ""); }, ErrorKind::NotFound, "Part 3 of the 3"},
        {"part twice", [] { return withPart(2, tinyParts()[1]); }, kBad, "\"split.no\" is 1, but 2 fits"},
        {"part of five", [] { return withPart(2, splitKeys({}, 2, 5, 11).build()); }, kBad, "\"split.count\" is 5, but 3 fits"},
        {"part without keys", [] { return withPart(2, GgufBuilder().build()); }, kBad, "split.count"},
        {"no GGUF", [] { return withPart(2, "PK\3\4"); }, kBad, "not a GGUF"},
        {"truncated", [] { return withPart(2, tinyParts()[2].substr(0, 900)); }, kBad, "data section"},
        {"tensor twice", [] { return withPart(2, splitKeys({}, 2, 3, 11).tensor("token_embd.weight", {8, 6}, 0, std::string(192, 'x')).build()); }, kBad, "in an earlier part"},
        {"tensors announced", [] { return tinyParts(12); }, kBad, "split.tensors.count\" is 12, but the parts hold 11"},
    };
    return kParts;
}

}  // namespace

class TestGguf : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    /// Writes the parts, those that are not empty, into a folder of their own.
    std::string writeParts(const std::vector<std::string>& parts) const {
        const std::string folder = (m_folder.path() + "/parts").toStdString();
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
        for (std::size_t i = 0; i < parts.size(); ++i)
            if (!parts[i].empty()) writeBytes(folder + "/" + partName(static_cast<int>(i) + 1), parts[i]);
        return folder;
    }
    std::string write(const std::string& bytes) const {
        const std::string path = (m_folder.path() + "/model.gguf").toStdString();
        writeBytes(path, bytes);
        return path;
    }

private slots:
    void decodesBlocksAsTheGgufPackage_data() {
        QTest::addColumn<QString>("type");
        for (const char* type : {"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "F64", "Q2_K",
                                 "Q3_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4"})
            QTest::newRow(type) << type;
    }
    /// tests/references/make_gguf_blocks.py; every bit must agree.
    void decodesBlocksAsTheGgufPackage() {
        QFETCH(QString, type);
        const auto text = readTextFile(SAFEQUANT_TEST_DATA "/checkpoint/gguf_blocks.json");
        QVERIFY(text.has_value());
        const auto entry = nlohmann::json::parse(*text).at(type.toStdString());
        const StorageType* storage = storageTypeNamed(type.toStdString());
        QVERIFY(storage != nullptr && storage->decode != nullptr);
        const auto values = decode(*storage, fromHex(entry.at("blocks")));
        QCOMPARE(values.size(), std::size_t{768});
        QVERIFY(bytesOf(values) == fromHex(entry.at("values")));
        // An odd address and an odd count take the other paths of the decoders.
        const std::string moved = "x" + fromHex(entry.at("blocks"));
        std::vector<float> fewer((values.size() / storage->values - 1) * storage->values);
        storage->decode(reinterpret_cast<const std::uint8_t*>(moved.data()) + 1, fewer.size() / storage->values, fewer.data());
        QVERIFY(bytesOf(fewer) == bytesOf(values).substr(0, fewer.size() * 4));
        // Codes times scales are the values, bit for bit, and codes need the bits that are said.
        const bool coded = type == "Q4_0" || type == "Q5_0" || type == "Q6_K" || type == "Q8_0";
        QCOMPARE(storage->codes != nullptr, coded);
        if (!coded) return;
        std::vector<std::int8_t> codes(fewer.size());
        std::vector<float> scales(fewer.size() / storage->codesPerScale), products;
        storage->codes(reinterpret_cast<const std::uint8_t*>(moved.data()) + 1, fewer.size() / storage->values, codes.data(), scales.data());
        for (std::size_t i = 0; i < codes.size(); ++i) products.push_back(scales[i / storage->codesPerScale] * static_cast<float>(codes[i]));
        QVERIFY(bytesOf(products) == bytesOf(fewer));
        const int largest = 1 << (storage->codeBits - 1);
        QVERIFY(std::ranges::all_of(codes, [largest](int code) { return code >= -largest && code < largest; }));
    }

    /// A tensor as its codes, unless something changes it on the way out.
    void readsCodes() {
        const auto rowsOf = [](int rows) {
            std::string blocks;
            for (int row = 0; row < rows; ++row) {
                blocks += bytesOf(static_cast<std::uint16_t>(0x3C00 + row));
                for (int i = 0; i < 32; ++i) blocks += bytesOf(static_cast<std::int8_t>(2 * row + 3 * i - 60));
            }
            return blocks;
        };
        const std::string blocks = rowsOf(6), queries = rowsOf(32);
        const auto build = [&](const std::string& embeddings) {
            GgufBuilder file;
            file.string("general.architecture", "llama").number("llama.context_length", 32).number("llama.embedding_length", 32).number("llama.block_count", 1);
            file.number("llama.feed_forward_length", 12).number("llama.attention.head_count", 2).number("llama.attention.head_count_kv", 1);
            file.number("llama.vocab_size", 6).real("llama.attention.layer_norm_rms_epsilon", 1e-5F);
            file.tensor("token_embd.weight", {32, 6}, 8, embeddings);
            const auto zeros = [&](const std::string& name, const std::vector<std::uint64_t>& shape) {
                file.tensor(name, shape, 0, bytesOf(std::vector<float>(static_cast<std::size_t>(shape[0] * (shape.size() > 1 ? shape[1] : 1)))));
            };
            for (const char* norm : {"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"}) zeros(norm, {32});
            // Rows of queries are stored in another order.
            file.tensor("blk.0.attn_q.weight", {32, 32}, 8, queries);
            zeros("blk.0.attn_output.weight", {32, 32});
            for (const char* linear : {"blk.0.attn_k.weight", "blk.0.attn_v.weight"}) zeros(linear, {32, 16});
            for (const char* linear : {"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"}) zeros(linear, {32, 12});
            zeros("blk.0.ffn_down.weight", {12, 32});
            return file.build();
        };
        const std::string name = "model.embed_tokens.weight";
        const auto checkpoint = openCheckpoint(write(build(blocks)));
        QVERIFY2(checkpoint.has_value(), checkpoint ? "" : checkpoint.error().describe().c_str());
        const Matrix values = (*checkpoint)->readMatrix(name).value();
        for (const std::string& stored : {name, std::string("model.layers.0.self_attn.q_proj.weight")}) {
            const auto read = (*checkpoint)->readIntegers(stored);
            QVERIFY(read.has_value() && read->has_value());
            const IntegerWeight& weight = **read;
            QCOMPARE(weight.rows, stored == name ? std::size_t{6} : std::size_t{32});
            QCOMPARE(weight.cols, std::size_t{32});
            QCOMPARE(weight.bits, 8);
            const Matrix floats = (*checkpoint)->readMatrix(stored).value();
            for (std::size_t i = 0; i < floats.size(); ++i)
                QCOMPARE(weight.scales[i / weight.groupSize] * static_cast<float>(weight.codes[i]), floats.data()[i]);
        }
        const auto floats = (*checkpoint)->readIntegers("model.layers.0.mlp.up_proj.weight");
        QVERIFY(floats.has_value() && !floats->has_value());
        QVERIFY(!(*checkpoint)->readIntegers("nothing").has_value());

        const auto replaced = replaceTensors(*checkpoint, {{name, {std::as_bytes(values.span()), {}, {}}}}).value();
        const auto gone = replaced->readIntegers(name);
        QVERIFY(gone.has_value() && !gone->has_value());

        const auto damaged = openCheckpoint(write(build(std::string(blocks).replace(34, 2, bytesOf(std::uint16_t{0x7C00})))));
        QVERIFY(damaged.has_value());
        const auto refused = (*damaged)->readIntegers(name);
        QVERIFY(!refused.has_value() && refused.error().message.find("row 1") != std::string::npos);
    }

    /// The block x_i = (i - 16) / 10 as ggml writes it, and its values computed by hand from the block's definition.
    void decodesKnownBlocks() {
        const auto q8 = decode(*storageTypeNamed("Q8_0"), fromHex("732281899199a1a9b1b9c0c8d0d8e0e8f0f8"
                                                                  "000810182028303840474f575f676f77"));
        QCOMPARE(q8.size(), std::size_t{32});
        const float d8 = halfToFloat(0x2273);
        QCOMPARE(q8[0], d8 * -127.0F);
        QCOMPARE(q8[16], 0.0F);
        QCOMPARE(q8[31], d8 * 119.0F);
        const auto q40 = decode(*storageTypeNamed("Q4_0"), fromHex("6632809191a2a2b3b3c4c4d5d5e6e6f7f7f8"));
        const float d40 = halfToFloat(0x3266);
        QCOMPARE(q40[0], d40 * -8.0F);
        QCOMPARE(q40[16], 0.0F);
        QCOMPARE(q40[31], d40 * 7.0F);
        const auto q41 = decode(*storageTypeNamed("Q4_1"), fromHex("9d3266be80809191a2a2b3b3c4c4d5d5e6e6f7f7"));
        for (std::size_t i = 0; i < 32; ++i) {
            const float x = (static_cast<float>(i) - 16.0F) / 10.0F;
            QVERIFY(std::abs(q8[i] - x) <= 0.0064F);   // Half a step, and the rounding of the scale.
            QVERIFY(std::abs(q40[i] - x) <= 0.101F);
            QVERIFY(std::abs(q41[i] - x) <= 0.1041F);
        }
        std::string q4k(144, '\0');
        q4k.replace(0, 4, bytesOf(std::uint16_t{0x3C00}) + bytesOf(std::uint16_t{0x3C00}));
        q4k.replace(4, 12, fromHex("4182c3c44586c7884182c31f"));
        const auto minima = decode(*storageTypeNamed("Q4_K"), q4k);
        const float lm[] = {5, 6, 7, 8, 20, 40, 60, 33}, ls[] = {1, 2, 3, 4, 17, 34, 51, 63};
        for (std::size_t j = 0; j < 8; ++j) QCOMPARE(minima[j * 32], -lm[j]);
        std::fill(q4k.begin() + 16, q4k.end(), '\x11');
        const auto scales = decode(*storageTypeNamed("Q4_K"), q4k);
        for (std::size_t j = 0; j < 8; ++j) QCOMPARE(scales[j * 32 + 31], ls[j] - lm[j]);
        std::string q6k(210, '\0');
        q6k[0] = '\x1f';
        q6k[32] = '\x50';
        q6k[128] = '\x1b';
        std::fill(q6k.begin() + 192, q6k.begin() + 208, '\1');
        q6k.replace(208, 2, bytesOf(std::uint16_t{0x3C00}));
        const auto q6 = decode(*storageTypeNamed("Q6_K"), q6k);
        QCOMPARE(q6[0], 31.0F);
        QCOMPARE(q6[32], 0.0F);
        QCOMPARE(q6[64], -15.0F);
        QCOMPARE(q6[96], -27.0F);
        QCOMPARE(q6[1], -32.0F);
    }

    void halfPrecision() {
        QCOMPARE(halfToFloat(0x3C00), 1.0F);
        QCOMPARE(halfToFloat(0x0001), 0x1p-24F);
        QCOMPARE(halfToFloat(0x83FF), -1023 * 0x1p-24F);
        QCOMPARE(halfToFloat(0x7BFF), 65504.0F);
        QVERIFY(std::isinf(halfToFloat(0xFC00)) && std::isnan(halfToFloat(0x7E00)));
        QVERIFY(std::signbit(halfToFloat(0x8000)));
    }

    void bytePositions() {
        const std::string bytes = GgufBuilder().string("general.architecture", "llama").tensor("t", {2}, 0, bytesOf(std::vector<float>{1, -2})).build();
        QCOMPARE(QByteArray::fromStdString(bytes.substr(0, 24)).toHex(), QByteArray("474755460300000001000000000000000100000000000000"));
        const auto file = GgufFile::open(write(bytes));
        QVERIFY(file.has_value());
        QCOMPARE((*file)->metadataEnd(), std::uint64_t{102});
        QCOMPARE((*file)->dataBegin(), std::uint64_t{128});
        QCOMPARE((*file)->tensors().at(0).offset, std::uint64_t{128});
        QCOMPARE((*file)->tensors().at(0).bytes, std::uint64_t{8});
    }

    void readsEveryKindOfValue() {
        GgufBuilder builder;
        builder.raw("u8", 0, "\xC8").raw("i8", 1, "\xC8").raw("u16", 2, bytesOf(std::uint16_t{60000})).raw("i16", 3, bytesOf(std::int16_t{-2}));
        builder.number("u32", 4'000'000'000U).raw("i32", 5, bytesOf(std::int32_t{-7})).real("f32", 0.5F).raw("bool", 7, "\1");
        builder.raw("u64", 10, bytesOf(~std::uint64_t{0})).raw("i64", 11, bytesOf(std::int64_t{-9})).raw("f64", 12, bytesOf(0.25));
        builder.raw("floats", 9, bytesOf(std::uint32_t{6}) + bytesOf(std::uint64_t{2}) + bytesOf(std::vector<float>{1.5F, -2.0F}));
        builder.raw("numbers", 9, bytesOf(std::uint32_t{5}) + bytesOf(std::uint64_t{20}) + std::string(80, '\0'));
        const auto opened = GgufFile::open(write(builder.build(2)));
        QVERIFY(opened.has_value());
        const GgufFile& file = **opened;
        QCOMPARE(file.version(), 2U);
        const std::pair<const char*, std::int64_t> kIntegers[] = {{"u8", 200}, {"i8", -56}, {"u16", 60000}, {"i16", -2}, {"u32", 4'000'000'000}, {"i32", -7}, {"i64", -9}};
        for (const auto& [key, value] : kIntegers) QCOMPARE(file.integer(key).value(), value);
        QCOMPARE(file.real("f32").value(), 0.5);
        QCOMPARE(file.real("f64").value(), 0.25);
        QCOMPARE(file.real("i32").value(), -7.0);
        QCOMPARE(file.boolean("bool").value(), true);
        QCOMPARE(file.reals("floats").value(), (std::vector<float>{1.5F, -2.0F}));
        QCOMPARE(file.integers("numbers").value(), std::vector<std::int32_t>(20));
        QVERIFY(file.display("floats") == nlohmann::json::array({1.5, -2.0}));
        QVERIFY(file.display("numbers") == "20 values of type i32");
        for (const char* key : {"u64", "f32", "bool", "floats", "absent"}) QVERIFY(!file.integer(key).has_value());
        QVERIFY(!file.boolean("u8").has_value() && !file.text("u8").has_value() && !file.texts("floats").has_value());
        QVERIFY(!file.integers("floats").has_value() && !file.real("bool").has_value() && !file.reals("f32").has_value());
    }

    void badFiles_data() {
        addBadRows(badFileTable());
    }
    void badFiles() {
        QFETCH(int, index);
        const auto& bad = badFileTable()[static_cast<std::size_t>(index)];
        const std::string path = write(bad.make());
        verifyRefused(bad, openCheckpoint(path), path);
    }

    void opensPartsByAnyOfThem() {
        const std::string folder = writeParts(tinyParts());
        for (const std::string& name : {partName(1), partName(2), partName(3), std::string()}) {
            const auto opened = openCheckpoint(folder + "/" + name);
            QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
            const Checkpoint& checkpoint = **opened;
            QCOMPARE(checkpoint.path(), folder + "/" + partName(1));
            QCOMPARE(checkpoint.config().name, std::string("tiny"));
            QCOMPARE(checkpoint.files(), (std::vector<std::string>{folder + "/" + partName(1), folder + "/" + partName(2), folder + "/" + partName(3)}));
            for (std::size_t i = 0; i < tinyTensors().size(); ++i) {
                if (tinyTensors()[i].gguf == "blk.0.attn_q.weight" || tinyTensors()[i].gguf == "blk.0.attn_k.weight") continue;
                std::vector<float> values(tinyValues(i).size());
                QVERIFY(checkpoint.read(tinyTensors()[i].huggingFace, values).has_value());
                QCOMPARE(values, tinyValues(i));
            }
            QVERIFY(checkpoint.find("model.norm.weight")->file.ends_with(partName(3)));
        }
    }

    void badParts_data() { addBadRows(badPartsTable()); }
    void badParts() {
        QFETCH(int, index);
        const auto& bad = badPartsTable()[static_cast<std::size_t>(index)];
        const std::string folder = writeParts(bad.make());
        verifyRefused(bad, openCheckpoint(folder + "/" + partName(2)), folder);
    }

    void everyTruncationIsAnError() {
        const std::string bytes = tinyGguf().build();
        for (std::size_t size = 0; size + 32 < bytes.size(); size += 7) {
            const auto opened = openCheckpoint(write(bytes.substr(0, size)));
            QVERIFY2(!opened.has_value(), std::to_string(size).c_str());
        }
    }

    void randomFlipsNeverCrash() {
        const std::string bytes = tinyGguf().build();
        const std::size_t header = (*GgufFile::open(write(bytes)))->dataBegin();
        RandomStream random(5, "gguf flips");
        int refused = 0;
        for (int round = 0; round < 2500; ++round) {
            std::string changed = bytes;
            for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips)
                changed[random.below(header)] ^= static_cast<char>(1 << random.below(8));
            const auto opened = openCheckpoint(write(changed));
            if (!opened) {
                ++refused;
                QVERIFY(!opened.error().message.empty());
                continue;
            }
            for (const auto& tensor : (*opened)->tensors()) {
                std::size_t count = 1;
                for (const auto size : tensor.shape) count *= static_cast<std::size_t>(size);
                std::vector<float> values(count);
                const auto read = (*opened)->read(tensor.name, values);
                QVERIFY(read.has_value() || read.error().kind == ErrorKind::BadInput || read.error().kind == ErrorKind::Unsupported);
            }
            QVERIFY(!(*opened)->metadata().dump().empty());
        }
        QVERIFY2(refused > 1200, std::to_string(refused).c_str());
    }
};

QTEST_GUILESS_MAIN(TestGguf)
#include "test_gguf.moc"
