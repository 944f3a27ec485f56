// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "bad_files.h"
#include "core/base/files.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/tensor_change.h"
#include "small_files.h"

using namespace safequant;
using namespace safequant::test;

namespace {

namespace fs = std::filesystem;

const std::string kData = SAFEQUANT_TEST_DATA "/adapters/";

std::vector<float> valuesOf(const Checkpoint& checkpoint, const TensorInfo& tensor) {
    std::size_t count = 1;
    for (const auto size : tensor.shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    return checkpoint.read(tensor.name, values) ? values : std::vector<float>();
}

/// The adapter "plain" with one of its two files changed.
struct Change {
    std::function<void(nlohmann::json&)> config;
    std::function<std::string(std::string)> weights;
};

Change withField(const char* field, const nlohmann::json& value) {
    return {[=](nlohmann::json& config) { config[field] = value; }, nullptr};
}

/// A text of the safetensors header replaced by one of the same length.
Change renamed(const std::string& from, const std::string& to) {
    return {nullptr, [=](std::string bytes) { return bytes.replace(bytes.find(from), to.size(), to); }};
}

const std::vector<BadInput<Change>>& badAdapters() {
    const auto kBad = ErrorKind::BadInput;
    const auto kNo = ErrorKind::Unsupported;
    const std::string a = "model.layers.0.mlp.down_proj.lora_A.weight";
    static const std::vector<BadInput<Change>> kTable = {
        {"another kind", [] { return withField("peft_type", "IA3"); }, kNo, "\"IA3\""},
        {"no kind",
         [] {
             return Change{[](auto& c) { c.erase("peft_type"); }, nullptr};
         },
         kBad, "peft_type"},
        {"rank 0", [] { return withField("r", 0); }, kBad, "\"r\" is 0"},
        {"rank a string", [] { return withField("r", "4"); }, kBad, "\"r\""},
        {"another rank", [] { return withField("r", 5); }, kBad, "have rank 4"},
        {"alpha no number", [] { return withField("lora_alpha", "x"); }, kBad, "lora_alpha"},
        {"pattern broken",
         [] {
             return withField("rank_pattern", {{"(", 4}});
         },
         kBad, "regular expression"},
        {"pattern of zero",
         [] {
             return withField("alpha_pattern", {{"q_proj", 0}});
         },
         kBad, "alpha_pattern"},
        {"pattern a list", [] { return withField("alpha_pattern", {1}); }, kBad, "alpha_pattern"},
        {"targets a number", [] { return withField("target_modules", 3); }, kBad, "target_modules"},
        {"targets of numbers", [] { return withField("target_modules", {3}); }, kBad, "target_modules"},
        {"targets broken", [] { return withField("target_modules", "(q"); }, kBad, "regular expression"},
        {"not targeted", [] { return withField("target_modules", {"q_proj"}); }, kBad,
         "target_modules does not name it"},
        {"dora without lengths", [] { return withField("use_dora", true); }, kBad, "no lora_magnitude_vector"},
        {"qalora", [] { return withField("use_qalora", true); }, kNo, "use_qalora"},
        {"replicated layers",
         [] {
             return withField("layer_replication", {{0, 2}});
         },
         kNo, "layer_replication"},
        {"pissa", [] { return withField("init_lora_weights", "pissa_niter_4"); }, kNo, "pissa_niter_4"},
        {"weights cut",
         [] {
             return Change{nullptr, [](std::string b) { return b.substr(0, b.size() - 4); }};
         },
         kBad, "the file holds"},
        {"weights a zip",
         [] {
             return Change{nullptr, [](const std::string&) { return std::string("PK\3\4aaaabbbb"); }};
         },
         kBad, "not a safetensors"},
        {"weights empty",
         [] {
             return Change{nullptr, [](const std::string&) { return safetensorsBytes("{}", ""); }};
         },
         kBad, "holds no tensors"},
        {"another prefix", [=] { return renamed("base_model.model." + a, "base_modem"); }, kBad, "does not begin with"},
        {"another model",
         [] {
             return Change{nullptr, [](std::string b) {
                               for (std::size_t at = b.find("layers.1."); at != std::string::npos;
                                    at = b.find("layers.1."))
                                   b.replace(at, 9, "layers.7.");
                               return b;
                           }};
         },
         kBad, "made for another model"},
        {"half a product", [=] { return renamed(a, "model.layers.7"); }, kBad, "only one of lora_A and lora_B"},
        {"an unknown part", [=] { return renamed("lora_A.weight", "lora_X.weight"); }, kBad,
         "no part of a LoRA adapter"},
        {"not a number",
         [] {
             return Change{nullptr, [](std::string b) { return b.replace(b.size() - 4, 4, bytesOf(std::nanf(""))); }};
         },
         kBad, "not finite"},
        {"whole numbers", [] { return renamed("\"F32\"", "\"I32\""); }, kNo, "floating-point"},
        {"twice",
         [=] {
             return renamed("model.layers.0.mlp.down_proj.lora_B.weight", "model.layers.0.mlp.down_proj.lora_A.weight");
         },
         kBad, "appears twice"},
    };
    return kTable;
}

}  // namespace

class TestAdapter : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

private slots:
    void mergesAsPeft_data() {
        QTest::addColumn<QString>("base");
        QTest::addColumn<QString>("stack");
        for (const char* name : {"plain", "second", "stabilized", "patterns", "saved", "biases", "product_bias", "fan",
                                 "dora", "embedding", "plain+second", "dora+plain+dora"})
            QTest::newRow(name) << "llama" << name;
        for (const char* name : {"fused", "fused_dora"}) QTest::newRow(name) << "separate" << name;
    }
    /// tests/references/make_adapters.py. Sums in another order differ by a few units in the last place.
    void mergesAsPeft() {
        QFETCH(QString, base);
        QFETCH(QString, stack);
        std::vector<std::string> adapters;
        for (const QString& name : stack.split('+')) adapters.push_back(kData + name.toStdString());
        const auto opened = openCheckpoint(kData + base.toStdString(), adapters);
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        const auto plain = openCheckpoint(kData + base.toStdString());
        const auto reference = SafetensorsFile::open(kData + "expected.safetensors");
        QVERIFY(plain.has_value() && reference.has_value());
        std::map<std::string, std::vector<float>> expected;
        for (const SafetensorsTensor& tensor : (*reference)->tensors())
            if (const std::string prefix = stack.toStdString() + "/"; tensor.name.starts_with(prefix))
                expected[tensor.name.substr(prefix.size())] =
                    *AdapterTensor::create({tensor, (*reference)->file()})->read(0, tensor.shape[0]);
        QVERIFY(!expected.empty());
        for (const TensorInfo& tensor : (*opened)->tensors()) {
            const auto values = valuesOf(**opened, tensor);
            const auto wanted = expected.find(tensor.name);
            if (wanted == expected.end()) {
                QCOMPARE(values, valuesOf(**plain, tensor));
                continue;
            }
            QCOMPARE(tensor.storedType, std::string("F32"));
            QCOMPARE(values.size(), wanted->second.size());
            float largest = 0.0F, difference = 0.0F;
            for (std::size_t i = 0; i < values.size(); ++i) {
                largest = std::max(largest, std::abs(wanted->second[i]));
                difference = std::max(difference, std::abs(values[i] - wanted->second[i]));
            }
            QVERIFY2(difference <= 1e-6F * largest, tensor.name.c_str());
            if (tensor.shape.size() == 2) {
                std::vector<float> row(static_cast<std::size_t>(tensor.shape[1]));
                const std::int64_t last = tensor.shape[0] - 1;
                QVERIFY((*opened)->readRows(tensor.name, last, 1, row).has_value());
                QVERIFY(std::equal(row.begin(), row.end(), values.end() - static_cast<std::ptrdiff_t>(row.size())));
            }
            expected.erase(wanted);
        }
        QVERIFY2(expected.empty(), expected.empty() ? "" : expected.begin()->first.c_str());
    }

    void saysWhatItIs() {
        const auto base = openCheckpoint(kData + "llama");
        const auto one = openCheckpoint(kData + "llama", {kData + "plain", kData + "second/"});
        const auto other =
            openCheckpoint(kData + "llama", {kData + "second", kData + "plain/adapter_model.safetensors"});
        QVERIFY(base.has_value() && one.has_value() && other.has_value());
        QCOMPARE((*one)->config().name, std::string("llama + plain + second"));
        QCOMPARE((*one)->path(), kData + "llama");
        QCOMPARE((*one)->files().size(), (*base)->files().size() + 4);
        QCOMPARE((*one)->metadata()["adapters"].size(), std::size_t{2});
        // The order counts.
        QVERIFY((*one)->contentHash().value() != (*base)->contentHash().value());
        QVERIFY((*one)->contentHash().value() != (*other)->contentHash().value());
    }

    void badAdapters_data() { addBadRows(::badAdapters()); }
    void badAdapters() {
        QFETCH(int, index);
        const auto& bad = ::badAdapters()[static_cast<std::size_t>(index)];
        const std::string folder = m_folder.path().toStdString() + "/bad";
        fs::create_directories(folder);
        auto config = nlohmann::json::parse(*readTextFile(kData + "plain/adapter_config.json"));
        std::string weights = *readTextFile(kData + "plain/adapter_model.safetensors");
        const Change change = bad.make();
        if (change.config) change.config(config);
        if (change.weights) weights = change.weights(weights);
        writeBytes(folder + "/adapter_config.json", config.dump());
        writeBytes(folder + "/adapter_model.safetensors", weights);
        verifyRefused(bad, openAndRead(kData + "llama", {folder}), folder);
    }

    void badPlaces() {
        const std::string folder = m_folder.path().toStdString();
        QCOMPARE(openCheckpoint(kData + "llama", {folder + "/absent"}).error().kind, ErrorKind::NotFound);
        QVERIFY(openCheckpoint(kData + "llama", {folder}).error().message.find("adapter_config.json") !=
                std::string::npos);
        fs::create_directories(folder + "/pickled");
        writeBytes(folder + "/pickled/adapter_config.json", *readTextFile(kData + "plain/adapter_config.json"));
        writeBytes(folder + "/pickled/adapter_model.bin", "x");
        QVERIFY(openCheckpoint(kData + "llama", {folder + "/pickled"}).error().message.find("pickle") !=
                std::string::npos);
        const auto adapter = openCheckpoint(kData + "plain");
        QVERIFY(!adapter.has_value() && adapter.error().message.find("open its base model") != std::string::npos);
        const auto biased = openCheckpoint(kData + "separate", {kData + "biases"});
        QVERIFY(!biased.has_value() &&
                biased.error().message.find("which the base model does not have") != std::string::npos);
    }

    void tiedEmbeddingsAreRefused() {
        const std::string folder = m_folder.path().toStdString() + "/tied";
        fs::create_directories(folder);
        auto config = nlohmann::json::parse(*readTextFile(kData + "llama/config.json"));
        config["tie_word_embeddings"] = true;
        writeBytes(folder + "/config.json", config.dump());
        writeBytes(folder + "/model.safetensors", *readTextFile(kData + "llama/model.safetensors"));
        for (const char* name : {"embedding", "saved"}) {
            const auto opened = openCheckpoint(folder, {kData + name});
            QVERIFY(!opened.has_value());
            QVERIFY2(opened.error().message.find("serve as its head") != std::string::npos,
                     opened.error().message.c_str());
        }
    }
};

QTEST_GUILESS_MAIN(TestAdapter)
#include "test_adapter.moc"
