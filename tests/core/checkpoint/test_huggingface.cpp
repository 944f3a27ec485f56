// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <filesystem>
#include <functional>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/safetensors.h"
#include "bad_files.h"
#include "small_files.h"

using namespace safequant;
using namespace safequant::test;

namespace {

namespace fs = std::filesystem;

/// The files of a model folder by name.
using Folder = std::map<std::string, std::string>;

Folder tinyFolder() {
    return {{"config.json", tinyConfig().dump()}, {"model.safetensors", safetensorsOf(tinyWeights())}, {"tokenizer.json", "{}"}};
}

Folder withConfig(const std::function<void(nlohmann::json&)>& change) {
    Folder folder = tinyFolder();
    nlohmann::json config = tinyConfig();
    change(config);
    folder["config.json"] = config.dump();
    return folder;
}

Folder withField(const char* field, const nlohmann::json& value) {
    return withConfig([&](nlohmann::json& config) { config[field] = value; });
}

Folder withWeights(const std::function<void(std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<float>>>&)>& change) {
    Folder folder = tinyFolder();
    auto weights = tinyWeights();
    change(weights);
    folder["model.safetensors"] = safetensorsOf(weights);
    return folder;
}

Folder withFile(const std::string& name, const std::string& content) {
    Folder folder = tinyFolder();
    folder[name] = content;
    return folder;
}

Folder withFields(const nlohmann::json& fields) {
    return withConfig([&](nlohmann::json& config) { config.update(fields); });
}

Folder sharded() {
    Folder folder = tinyFolder();
    folder.erase("model.safetensors");
    std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<float>>> halves[2];
    nlohmann::json map;
    int next = 0;
    for (const auto& [name, tensor] : tinyWeights()) {
        const int half = next++ % 2;
        halves[half][name] = tensor;
        map[name] = "model-0000" + std::to_string(half + 1) + "-of-00002.safetensors";
    }
    folder["model-00001-of-00002.safetensors"] = safetensorsOf(halves[0]);
    folder["model-00002-of-00002.safetensors"] = safetensorsOf(halves[1]);
    folder["model.safetensors.index.json"] = nlohmann::json{{"metadata", {{"total_size", 1}}}, {"weight_map", map}}.dump();
    return folder;
}

Folder withIndex(const std::function<void(nlohmann::json&)>& change) {
    Folder folder = sharded();
    auto index = nlohmann::json::parse(folder["model.safetensors.index.json"]);
    change(index);
    folder["model.safetensors.index.json"] = index.dump();
    return folder;
}

Folder quantized(const nlohmann::json& config) { return withField("quantization_config", config); }

const std::vector<BadInput<Folder>>& badFolderTable() {
    const auto kBad = ErrorKind::BadInput;
    const auto kNo = ErrorKind::Unsupported;
    const auto kGone = ErrorKind::NotFound;
    static const std::vector<BadInput<Folder>> kTable = {
        {"config is no JSON", [] { return withFile("config.json", "{\"a\": "); }, kBad, "not valid JSON"},
        {"config is a list", [] { return withFile("config.json", "[]"); }, kBad, "JSON object"},
        {"key twice in config", [] { return withFile("config.json", "{\"a\": 1, \"a\": 2}"); }, kBad, "\"a\" appears twice"},
        {"no model_type", [] { return withConfig([](auto& c) { c.erase("model_type"); }); }, kBad, "model_type"},
        {"no hidden_size", [] { return withConfig([](auto& c) { c.erase("hidden_size"); }); }, kBad, "\"hidden_size\" is missing"},
        {"hidden_size a string", [] { return withField("hidden_size", "8"); }, kBad, "hidden_size"},
        {"hidden_size a fraction", [] { return withField("hidden_size", 8.5); }, kBad, "hidden_size"},
        {"hidden_size too large", [] { return withField("hidden_size", 5'000'000'000LL); }, kBad, "hidden_size"},
        {"vocab_size 0", [] { return withField("vocab_size", 0); }, kBad, "vocab_size is 0"},
        {"negative blocks", [] { return withField("num_hidden_layers", -1); }, kBad, "num_hidden_layers is -1"},
        {"heads do not divide hidden", [] { return withField("num_attention_heads", 3); }, kBad, "multiple of num_attention_heads"},
        {"kv heads do not divide heads", [] { return withField("num_key_value_heads", 3); }, kBad, "multiple of num_key_value_heads"},
        {"odd head_dim", [] { return withField("head_dim", 5); }, kBad, "even"},
        {"rms_norm_eps", [] { return withField("rms_norm_eps", -1e-5); }, kBad, "rms_norm_eps"},
        {"bias no truth value", [] { return withField("attention_bias", "no"); }, kBad, "attention_bias"},
        {"activation", [] { return withField("hidden_act", "relu"); }, kNo, "\"relu\""},
        {"end token", [] { return withField("eos_token_id", 6); }, kBad, "eos_token_id is 6"},
        {"end tokens of strings", [] { return withField("eos_token_id", nlohmann::json::array({"x"})); }, kBad, "eos_token_id"},
        {"generation_config", [] { return withFile("generation_config.json", "{\"eos_token_id\": [1, 99]}"); }, kBad, "eos_token_id is 99"},
        {"rope_scaling", [] { return withField("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}}); }, kBad, "\"low_freq_factor\" is missing"},
        {"frequency factors", [] { return withField("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}, {"low_freq_factor", 4.0}, {"high_freq_factor", 4.0}}); }, kBad, "high_freq_factor must be larger"},
        {"old rope_scaling", [] { return withField("rope_scaling", {{"type", "ntk"}, {"factor", 2.0}}); }, kNo, "\"ntk\""},
        {"factor 0", [] { return withField("rope_scaling", {{"type", "linear"}, {"factor", 0.0}}); }, kBad, "factor of the rotary scaling"},
        {"rope_parameters", [] { return withField("rope_parameters", {{"rope_type", "yarn"}}); }, kBad, "\"factor\" is missing"},
        {"longrope without factors", [] { return withField("rope_scaling", {{"type", "longrope"}, {"short_factor", {1.0}}}); }, kBad, "must have 2 numbers"},
        {"longrope factor 0", [] { return withField("rope_scaling", {{"type", "su"}, {"short_factor", {1.0, 0.0}}, {"long_factor", {1.0, 1.0}}}); }, kBad, "above 0"},
        {"longrope of strings", [] { return withField("rope_scaling", {{"type", "longrope"}, {"short_factor", {"1", "1"}}, {"long_factor", {1.0, 1.0}}}); }, kBad, "short_factor"},
        {"partial rotary", [] { return withField("partial_rotary_factor", 0.5); }, kNo, "on a part of each head"},
        {"partial rotary of nothing", [] { return withFields({{"model_type", "phi3"}, {"partial_rotary_factor", 0.1}}); }, kBad, "leaves no dimension"},
        {"rope per layer type a number", [] { return withField("rope_parameters", {{"full_attention", 3}}); }, kBad, "rope_parameters"},
        {"layer_types too few", [] { return withFields({{"model_type", "qwen2"}, {"layer_types", nlohmann::json::array()}, {"use_sliding_window", true}, {"max_window_layers", "x"}}); }, kBad, "max_window_layers"},
        {"layer_types too many", [] { return withFields({{"model_type", "qwen2"}, {"layer_types", {"full_attention", "full_attention"}}}); }, kBad, "\"layer_types\" has 2 entries"},
        {"linear attention", [] { return withFields({{"model_type", "qwen3"}, {"layer_types", {"linear_attention"}}}); }, kNo, "\"linear_attention\""},
        {"no window where one is needed", [] { return withFields({{"model_type", "gemma2"}, {"sliding_window", nullptr}}); }, kBad, "sliding_window"},
        {"negative window", [] { return withFields({{"model_type", "gemma3_text"}, {"sliding_window", -5}}); }, kBad, "sliding_window"},
        {"pattern 0", [] { return withFields({{"model_type", "gemma3_text"}, {"sliding_window_pattern", 0}}); }, kBad, "sliding_window_pattern"},
        {"scalar 0", [] { return withFields({{"model_type", "gemma2"}, {"query_pre_attn_scalar", 0}}); }, kBad, "query_pre_attn_scalar"},
        {"negative cap", [] { return withFields({{"model_type", "gemma2"}, {"attn_logit_softcapping", -1.0}}); }, kBad, "attn_logit_softcapping"},
        {"bidirectional", [] { return withFields({{"model_type", "gemma3_text"}, {"use_bidirectional_attention", true}}); }, kNo, "later tokens"},
        {"multimodal without text part", [] { return withField("model_type", "gemma3"); }, kBad, "text_config"},
        {"rope_parameters a number", [] { return withField("rope_parameters", 1); }, kBad, "rope_parameters"},
        {"experts", [] { return withField("model_type", "qwen3_moe"); }, kNo, "\"qwen3_moe\" cannot be opened: this program lacks mixture-of-experts"},
        {"missing fused tensor", [] { Folder f = withWeights([](auto& w) { w.erase("model.layers.0.self_attn.q_proj.weight"); }); f["config.json"] = withField("model_type", "phi3")["config.json"]; return f; }, kBad, "\"model.layers.0.self_attn.qkv_proj.weight\" of shape [16, 8] is missing"},
        {"unheard of", [] { return withField("model_type", "zzz"); }, kNo, "\"zzz\""},
        {"no weights", [] { Folder f = tinyFolder(); f.erase("model.safetensors"); return f; }, kGone, "no safetensors file"},
        {"pickled weights", [] { Folder f = tinyFolder(); f["pytorch_model.bin"] = f["model.safetensors"]; f.erase("model.safetensors"); return f; }, kNo, "pickle"},
        {"shards without index", [] { Folder f = sharded(); f.erase("model.safetensors.index.json"); return f; }, kGone, "index.json"},
        {"missing tensor", [] { return withWeights([](auto& w) { w.erase("model.norm.weight"); }); }, kBad, "\"model.norm.weight\" of shape [8] is missing"},
        {"missing head", [] { return withField("tie_word_embeddings", false); }, kBad, "lm_head.weight"},
        {"wrong shape", [] { return withWeights([](auto& w) { w["model.layers.0.mlp.up_proj.weight"].first = {8, 12}; }); }, kBad, "has shape [8, 12], but the configuration says [12, 8]"},
        {"transposed dimensions count", [] { return withWeights([](auto& w) { w["model.norm.weight"].first = {8, 1}; }); }, kBad, "[8, 1]"},
        {"bias the config denies", [] { return withWeights([](auto& w) { w["model.layers.0.self_attn.q_proj.bias"] = {{8}, std::vector<float>(8)}; }); }, kNo, "q_proj.bias"},
        {"more blocks than configured", [] { return withWeights([](auto& w) { w["model.layers.1.input_layernorm.weight"] = {{8}, std::vector<float>(8)}; }); }, kNo, "model.layers.1"},
        {"index without map", [] { return withIndex([](auto& i) { i.erase("weight_map"); }); }, kBad, "weight_map"},
        {"index to another folder", [] { return withIndex([](auto& i) { i["weight_map"]["model.norm.weight"] = "../x.safetensors"; }); }, kBad, "same folder"},
        {"index entry a number", [] { return withIndex([](auto& i) { i["weight_map"]["model.norm.weight"] = 1; }); }, kBad, "must be a string"},
        {"index names a missing shard", [] { return withIndex([](auto& i) { i["weight_map"]["model.norm.weight"] = "model-3.safetensors"; }); }, kGone, "does not exist"},
        {"index names a tensor not there", [] { return withIndex([](auto& i) { i["weight_map"]["extra"] = "model-00001-of-00002.safetensors"; }); }, kBad, "\"extra\" is missing here"},
        {"unheard-of method", [] { return quantized({{"quant_method", "bitsandbytes"}, {"bits", 4}}); }, kNo, "\"bitsandbytes\""},
        {"gptq without its weights", [] { return quantized({{"quant_method", "gptq"}, {"bits", 4}}); }, kBad, "no tensor \"qweight\""},
        {"gptq of 3 bits", [] { return quantized({{"quant_method", "gptq"}, {"bits", 3}}); }, kNo, "3 bits"},
        {"gptq without bits", [] { return quantized({{"quant_method", "gptq"}}); }, kBad, "\"bits\" is missing"},
        {"gptq in marlin's layout", [] { return quantized({{"quant_method", "gptq"}, {"bits", 4}, {"checkpoint_format", "marlin"}}); }, kNo, "\"marlin\""},
        {"gptq groups of 0", [] { return quantized({{"quant_method", "gptq"}, {"bits", 4}, {"group_size", 0}}); }, kBad, "group_size"},
        {"awq of 8 bits", [] { return quantized({{"quant_method", "awq"}, {"bits", 8}}); }, kNo, "8 bits"},
        {"awq gemv", [] { return quantized({{"quant_method", "awq"}, {"bits", 4}, {"version", "gemv"}}); }, kNo, "\"gemv\""},
        {"old gptq file", [] { return withFile("quantize_config.json", "{\"bits\": 3}"); }, kNo, "3 bits"},
        {"old awq file", [] { return withFile("quant_config.json", "{\"w_bit\": \"x\"}"); }, kBad, "w_bit"},
        {"block of one size", [] { return quantized({{"quant_method", "fp8"}, {"weight_block_size", {128}}}); }, kBad, "weight_block_size"},
        {"sparse", [] { return quantized({{"quant_method", "compressed-tensors"}, {"sparsity_config", {{"format", "sparse-24-bitmask"}}}}); }, kNo, "sparsely"},
        {"marlin format", [] { return quantized({{"quant_method", "compressed-tensors"}, {"format", "marlin-24"}}); }, kNo, "marlin-24"},
        {"not a number", [] { return withWeights([](auto& w) { w["model.norm.weight"].second[3] = std::nanf(""); }); }, kBad, "not a finite number at row 0, column 3"},
        {"no groups", [] { return quantized({{"quant_method", "compressed-tensors"}, {"format", "pack-quantized"}}); }, kBad, "config_groups"},
        {"broken target", [] { return quantized({{"quant_method", "compressed-tensors"}, {"config_groups", {{"g", {{"weights", {{"num_bits", 4}}}, {"targets", {"re:("}}}}}}}); }, kBad, "regular expression"},
        {"float weights", [] { return quantized({{"quant_method", "compressed-tensors"}, {"config_groups", {{"g", {{"weights", {{"num_bits", 6}, {"type", "float"}}}, {"targets", {"Linear"}}}}}}}); }, kNo, "\"float\""},
        {"chat template", [] { return withFile("tokenizer_config.json", "{\"chat_template\": 5}"); }, kBad, "chat_template"},
        {"tokenizer_config", [] { return withFile("tokenizer_config.json", "nonsense"); }, kBad, "not valid JSON"},
    };
    return kTable;
}

std::string one(const std::string& entry, std::size_t data = 8) { return safetensorsBytes("{\"w\":" + entry + "}", std::string(data, 'x')); }

const std::vector<BadInput<std::string>>& badWeightsTable() {
    const auto kBad = ErrorKind::BadInput;
    const std::string good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
    static const std::vector<BadInput<std::string>> kTable = {
        {"empty", [] { return std::string(); }, kBad, "too short"},
        {"seven bytes", [] { return std::string(7, '\1'); }, kBad, "too short"},
        {"header of 100 MB and one", [] { return bytesOf(std::uint64_t{100'000'001}) + "{}"; }, kBad, "100 MB"},
        {"header beyond the file", [] { return bytesOf(std::uint64_t{500}) + "{}"; }, kBad, "reaches beyond the file"},
        {"header of length 0", [] { return bytesOf(std::uint64_t{0}); }, kBad, "does not begin"},
        {"header is a list", [] { return safetensorsBytes("[]", ""); }, kBad, "does not begin"},
        {"header is broken", [] { return safetensorsBytes("{\"w\":", ""); }, kBad, "not valid JSON"},
        {"name not UTF-8", [=] { return safetensorsBytes("{\"\xFF\":" + good + "}", std::string(8, 'x')); }, kBad, "not valid JSON"},
        {"name twice", [=] { return safetensorsBytes("{\"w\":" + good + ",\"w\":" + good + "}", std::string(8, 'x')); }, kBad, "appears twice"},
        {"field twice", [] { return one(R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})"); }, kBad, "appears twice"},
        {"entry no object", [] { return one("5"); }, kBad, "must be an object"},
        {"no dtype", [] { return one(R"({"shape":[2],"data_offsets":[0,8]})"); }, kBad, "dtype is missing"},
        {"no shape", [] { return one(R"({"dtype":"F32","data_offsets":[0,8]})"); }, kBad, "shape is missing"},
        {"no offsets", [] { return one(R"({"dtype":"F32","shape":[2]})"); }, kBad, "data_offsets is missing"},
        {"unknown dtype", [] { return one(R"({"dtype":"F3","shape":[2],"data_offsets":[0,8]})"); }, ErrorKind::Unsupported, "\"F3\""},
        {"dtype a number", [] { return one(R"({"dtype":1,"shape":[2],"data_offsets":[0,8]})"); }, kBad, "must be a string"},
        {"negative size", [] { return one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"); }, kBad, "whole numbers"},
        {"fractional size", [] { return one(R"({"dtype":"F32","shape":[2.5],"data_offsets":[0,8]})"); }, kBad, "whole numbers"},
        {"size overflow", [] { return one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"); }, kBad, "too large"},
        {"offsets of three", [] { return one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,9]})"); }, kBad, "a begin and an end"},
        {"offsets reversed", [] { return one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"); }, kBad, "do not span"},
        {"size disagrees", [] { return one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"); }, kBad, "do not span the 12 bytes"},
        {"hole", [] { return one(R"({"dtype":"F32","shape":[2],"data_offsets":[4,12]})", 12); }, kBad, "hole"},
        {"overlap", [=] { return safetensorsBytes("{\"v\":" + good + R"(,"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", std::string(12, 'x')); }, kBad, "overlapping"},
        {"data too short", [=] { return one(good, 7); }, kBad, "8 bytes of data, but the file holds 7"},
        {"data too long", [=] { return one(good, 16); }, kBad, "but the file holds 16"},
        {"metadata of numbers", [] { return safetensorsBytes(R"({"__metadata__":{"a":1}})", ""); }, kBad, "__metadata__"},
    };
    return kTable;
}

}  // namespace

class TestHuggingFace : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::string path(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }
    std::string write(const Folder& files, const std::string& name = "model") const {
        fs::remove_all(path(name));
        fs::create_directories(path(name));
        for (const auto& [file, content] : files) writeBytes(path(name) + "/" + file, content);
        return path(name);
    }

private slots:
    void opensOneFile() {
        Folder files = tinyFolder();
        files["generation_config.json"] = R"({"eos_token_id": [3, 5]})";
        files["tokenizer_config.json"] = R"({"bos_token": {"content": "<b>"}, "eos_token": "<e>", "chat_template": "old"})";
        files["special_tokens_map.json"] = R"({"pad_token": "<p>", "eos_token": "other"})";
        const std::string folder = write(files, "TinyLlama");
        const auto opened = openCheckpoint(folder + "/");
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        const Checkpoint& checkpoint = **opened;
        QCOMPARE(checkpoint.config().name, std::string("TinyLlama"));
        QCOMPARE(checkpoint.config().endTokens, (std::vector<int>{3, 5}));
        QCOMPARE(checkpoint.config().headDim, 4);
        QCOMPARE(checkpoint.format(), std::string("huggingface"));
        QVERIFY(checkpoint.configJson() == tinyConfig());
        const TokenizerSource& tokenizer = checkpoint.tokenizerSource();
        QCOMPARE(tokenizer.tokenizerJson, std::string("{}"));
        QVERIFY(!tokenizer.vocabulary.has_value());
        QCOMPARE(tokenizer.beginText, std::string("<b>"));
        QCOMPARE(tokenizer.endText, std::string("<e>"));
        QCOMPARE(tokenizer.padText, std::string("<p>"));
        QCOMPARE(tokenizer.chatTemplate, std::string("old"));
        for (std::size_t i = 0; i < tinyTensors().size(); ++i) {
            std::vector<float> values(tinyValues(i).size());
            QVERIFY(checkpoint.read(tinyTensors()[i].huggingFace, values).has_value());
            QCOMPARE(values, tinyValues(i));
        }
        const auto list = checkpoint.files();
        QCOMPARE(list.size(), std::size_t{6});
        QVERIFY(std::is_sorted(list.begin(), list.end()));
        QVERIFY(openCheckpoint(folder + "/model.safetensors").has_value());
    }

    void templatesAndForms() {
        Folder files = withConfig([](nlohmann::json& c) {
            c.erase("rope_theta");
            c["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 7000.0}};
            c["eos_token_id"] = nullptr;
            c["pad_token_id"] = -1;
        });
        files["tokenizer_config.json"] = R"({"chat_template": [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}]})";
        auto opened = openCheckpoint(write(files));
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        QCOMPARE((*opened)->config().ropes.front().theta, 7000.0);
        QVERIFY((*opened)->config().endTokens.empty());
        QCOMPARE((*opened)->tokenizerSource().chatTemplate, std::string("d"));
        files["chat_template.jinja"] = "wins";
        QCOMPARE((*openCheckpoint(write(files)))->tokenizerSource().chatTemplate, std::string("wins"));
    }

    void opensShards() {
        const std::string folder = write(sharded());
        for (const std::string& name : {folder, folder + "/model-00002-of-00002.safetensors", folder + "/config.json"}) {
            const auto opened = openCheckpoint(name);
            QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
            for (std::size_t i = 0; i < tinyTensors().size(); ++i) {
                std::vector<float> values(tinyValues(i).size());
                QVERIFY((*opened)->read(tinyTensors()[i].huggingFace, values).has_value());
                QCOMPARE(values, tinyValues(i));
            }
            QCOMPARE((*opened)->files().size(), std::size_t{5});
        }
    }

    void ignoresWhatFollowsFromTheConfig() {
        const auto folder = withWeights([](auto& w) {
            w["lm_head.weight"] = {{6, 8}, std::vector<float>(48)};
            w["model.layers.0.self_attn.rotary_emb.inv_freq"] = {{2}, {1.0F, 0.1F}};
        });
        const auto opened = openCheckpoint(write(folder));
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        QVERIFY(!(*opened)->has("lm_head.weight"));
    }

    void safetensorsBytePositions() {
        const std::string bytes = safetensorsOf({{"w", {{2}, {1.0F, -2.0F}}}});
        const std::string known = safetensorsBytes(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", bytesOf(std::vector<float>{1, -2}));
        QCOMPARE(known.size(), std::size_t{72});
        QCOMPARE(static_cast<int>(known[0]), 56);
        QCOMPARE(QByteArray::fromStdString(known.substr(64)).toHex(), QByteArray("0000803f000000c0"));
        for (const std::string& content : {known, bytes}) {
            writeBytes(path("w.safetensors"), content);
            const auto file = SafetensorsFile::open(path("w.safetensors"));
            QVERIFY(file.has_value());
            QCOMPARE((*file)->tensors().at(0).offset, std::uint64_t{64});
            QCOMPARE((*file)->tensors().at(0).shape, std::vector<std::int64_t>{2});
        }
        writeBytes(path("s.safetensors"), safetensorsBytes(R"({"__metadata__":{"format":"pt"},"e":{"dtype":"I8","shape":[0,3],"data_offsets":[0,0]},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", "abcd"));
        const auto scalar = SafetensorsFile::open(path("s.safetensors"));
        QVERIFY2(scalar.has_value(), scalar ? "" : scalar.error().describe().c_str());
        QCOMPARE((*scalar)->tensors().size(), std::size_t{2});
        QVERIFY((*scalar)->metadata().at("format") == "pt");
    }

    void badFolders_data() { addBadRows(badFolderTable()); }
    void badFolders() {
        QFETCH(int, index);
        const auto& bad = badFolderTable()[static_cast<std::size_t>(index)];
        const std::string folder = write(bad.make());
        verifyRefused(bad, openAndRead(folder), folder);
    }

    void badSafetensors_data() { addBadRows(badWeightsTable()); }
    void badSafetensors() {
        QFETCH(int, index);
        const auto& bad = badWeightsTable()[static_cast<std::size_t>(index)];
        writeBytes(path("bad.safetensors"), bad.make());
        verifyRefused(bad, SafetensorsFile::open(path("bad.safetensors")), path("bad.safetensors"));
    }

    void weightsNeedTheirConfig() {
        Folder files = tinyFolder();
        files.erase("config.json");
        const auto opened = openCheckpoint(write(files) + "/model.safetensors");
        QVERIFY(!opened.has_value());
        QCOMPARE(opened.error().kind, ErrorKind::NotFound);
        QVERIFY(opened.error().message.find("config.json") != std::string::npos);
    }

    void randomFlipsNeverCrash_data() {
        QTest::addColumn<QString>("folder");
        QTest::addColumn<QString>("file");
        QTest::newRow("safetensors header") << "" << "model.safetensors";
        QTest::newRow("config") << "" << "config.json";
        QTest::newRow("packed header") << "packed" << "model.safetensors";
        QTest::newRow("packed config") << "packed" << "config.json";
    }
    void randomFlipsNeverCrash() {
        QFETCH(QString, folder);
        QFETCH(QString, file);
        Folder files = tinyFolder();
        if (!folder.isEmpty())
            for (const char* name : {"config.json", "model.safetensors"})
                files[name] = *readTextFile(SAFEQUANT_TEST_DATA "/checkpoint/" + folder.toStdString() + "/" + name);
        const std::string target = write(files);
        const std::string bytes = files[file.toStdString()];
        const std::size_t header = file == "config.json" ? bytes.size() : 8 + static_cast<unsigned char>(bytes[0]) + 256 * static_cast<unsigned char>(bytes[1]);
        RandomStream random(9, "flips");
        int refused = 0;
        for (int round = 0; round < 800; ++round) {
            std::string changed = bytes;
            changed[random.below(header)] ^= static_cast<char>(1 << random.below(8));
            writeBytes(target + "/" + file.toStdString(), changed);
            const auto opened = openCheckpoint(target);
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
        }
        QVERIFY2(refused > 200, std::to_string(refused).c_str());
    }
};

QTEST_GUILESS_MAIN(TestHuggingFace)
#include "test_huggingface.moc"
