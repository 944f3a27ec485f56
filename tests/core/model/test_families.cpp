// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/family.h"
#include "core/model/generation.h"
#include "core/model/last_rows.h"
#include "core/model/packed_forward.h"
#include "core/model/rope.h"
#include "tests/core/model/model_fixtures.h"

using namespace safequant;
using namespace safequant::testing;

namespace {

/// Of float32 against float32, whatever the processor's order of summation; about 1e-6 is usual.
constexpr double kTolerance = 1e-4;

std::vector<Tokens> tokensOf(const nlohmann::json& cases) {
    std::vector<Tokens> sequences;
    for (const auto& entry : cases) sequences.push_back(entry["tokens"].get<Tokens>());
    return sequences;
}

/// Row of the packed matrix that holds a position of a sequence.
std::size_t rowOf(const PackedSequences& packed, std::size_t sequence, int position) {
    return static_cast<std::size_t>(position < packed.prefixLength ? position : packed.offsets[sequence] + position - packed.prefixLength);
}

/// Largest relative error of the outputs of all blocks, and of the logits, at the positions of the fixture.
struct Errors {
    double blocks = 0.0, logits = 0.0;
};

Errors compare(const Checkpoint& model, const nlohmann::json& cases, bool share) {
    const std::vector<Tokens> sequences = tokensOf(cases);
    const PackedSequences packed = packSequences(sequences, share && mayShare(model.config(), sequences));
    Matrix hidden = std::move(*embedTokens(model, packed.tokens));
    Errors worst;
    for (int block = 0; block < model.config().blocks; ++block) {
        const auto weights = loadBlock(model, block);
        if (!weights) throw std::runtime_error(weights.error().describe());
        forwardBlock(model.config(), *weights, packed, hidden);
        for (std::size_t i = 0; i < cases.size(); ++i)
            for (std::size_t p = 0; p < cases[i]["positions"].size(); ++p) {
                const auto expected = cases[i]["blocks"][static_cast<std::size_t>(block)][p].get<std::vector<float>>();
                const std::size_t row = rowOf(packed, i, cases[i]["positions"][p].get<int>());
                worst.blocks = std::max(worst.blocks, relativeError(hidden.rowSpan(row), expected));
            }
    }
    const auto head = loadOutputHead(model);
    if (!head) throw std::runtime_error(head.error().describe());
    for (std::size_t i = 0; i < cases.size(); ++i)
        for (std::size_t p = 0; p < cases[i]["positions"].size(); ++p) {
            const auto row = static_cast<std::int32_t>(rowOf(packed, i, cases[i]["positions"][p].get<int>()));
            const Matrix logits = computeLogits(model.config(), *head, hidden, std::span(&row, 1));
            worst.logits = std::max(worst.logits, relativeError(logits.rowSpan(0), cases[i]["logits"][p].get<std::vector<float>>()));
        }
    return worst;
}

std::unique_ptr<LanguageModel> loadAll(const std::shared_ptr<const Checkpoint>& checkpoint) {
    auto model = LanguageModel::load(checkpoint, checkpointBlocks(checkpoint));
    if (!model) throw std::runtime_error(model.error().describe());
    return std::move(*model);
}

}  // namespace

class TestFamilies : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

    std::shared_ptr<const Checkpoint> open(const std::string& weights, const nlohmann::json& config) const {
        return openFamily(m_folder.path().toStdString(), weights, config);
    }
    static nlohmann::json fixture(const QString& name) { return readJson(familyData(name.toStdString() + ".json")); }

private slots:
    void agreesWithTransformers_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"llama", "llama_linear", "llama_dynamic", "llama_llama3", "llama_yarn", "llama_yarn_given", "mistral",
                                 "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "gemma3_multimodal", "phi3", "phi3_longrope"})
            QTest::newRow(name) << name;
    }

    /// Packed with a shared prefix and without, in the newer and the older form of config.json, and in generation.
    void agreesWithTransformers() {
        QFETCH(QString, name);
        const auto data = fixture(name);
        const auto& cases = data["cases"];
        const auto model = open(data["weights"], data["config"]);
        QVERIFY(cases[1]["tokens"].size() > 40);
        for (const bool share : {true, false}) {
            const Errors worst = compare(*model, cases, share);
            qInfo("largest relative error: blocks %.2g, logits %.2g", worst.blocks, worst.logits);
            QVERIFY2(worst.blocks < kTolerance, qPrintable(QString::number(worst.blocks)));
            QVERIFY2(worst.logits < kTolerance, qPrintable(QString::number(worst.logits)));
        }
        const auto language = loadAll(model);
        DecodingOptions options;
        options.maxNewTokens = 10;
        const auto answers = language->generate(tokensOf(cases), options);
        QVERIFY2(answers.has_value(), answers ? "" : answers.error().describe().c_str());
        for (std::size_t i = 0; i < cases.size(); ++i) QCOMPARE((*answers)[i].tokens, cases[i]["greedy"].get<Tokens>());

        if (!data.contains("older")) return;
        const auto older = open(data["weights"], data["older"]);
        QVERIFY(older->config().ropes == model->config().ropes);
        QVERIFY(older->config().attention == model->config().attention);
        const Errors worst = compare(*older, cases, true);
        QVERIFY(worst.blocks < kTolerance && worst.logits < kTolerance);
    }

    void lastRowsAloneAreTheSameBits_data() { agreesWithTransformers_data(); }

    /// What only the last rows go through gives what the whole block leaves there, for some of the sequences in any order, also with
    /// linears whose inputs are quantized otherwise.
    void lastRowsAloneAreTheSameBits() {
        QFETCH(QString, name);
        const auto data = fixture(name);
        const auto model = open(data["weights"], data["config"]);
        const std::vector<Tokens> sequences = tokensOf(data["cases"]);
        for (const bool share : {true, false}) {
            const PackedSequences packed = packSequences(sequences, share && mayShare(model->config(), sequences));
            Matrix hidden = std::move(*embedTokens(*model, packed.tokens));
            const std::vector<std::size_t> chosen{sequences.size() - 1, 0};
            BlockRunner runner(model->config());
            for (int block = 0; block < model->config().blocks; ++block) {
                BlockWeights weights = std::move(*loadBlock(*model, block));
                weights[LinearRole::Key].input.bits = 8;
                weights[LinearRole::Down].input.bits = 6;
                if (block > 0) weights[LinearRole::Query].input.bits = weights[LinearRole::Value].input.bits = 8;
                const PackedBlock ready(model->config(), weights);
                std::size_t seen = 0;
                const auto observe = [&](LinearRole role, const float*, std::size_t, std::size_t rows) { seen += role == LinearRole::Down ? rows : 0; };
                const Matrix last = lastRowOutputs(runner, ready, packed, hidden, chosen, observe);
                QVERIFY(runPackedSequences(runner, ready, packed, hidden));
                QCOMPARE(seen, chosen.size());
                for (std::size_t i = 0; i < chosen.size(); ++i)
                    QVERIFY(std::ranges::equal(last.rowSpan(i), hidden.rowSpan(static_cast<std::size_t>(packed.lastRow(chosen[i])))));
            }
        }
    }

    void ggufAgreesWithTransformers_data() {
        QTest::addColumn<QString>("file");
        QTest::addColumn<QString>("name");
        QTest::newRow("llama, llama3 scaling") << "llama" << "llama_gguf";
        QTest::newRow("mistral") << "mistral" << "mistral";
        QTest::newRow("qwen2") << "qwen2" << "qwen2_gguf";
        QTest::newRow("qwen3") << "qwen3" << "qwen3";
        QTest::newRow("gemma") << "gemma" << "gemma";
        QTest::newRow("gemma2") << "gemma2" << "gemma2";
        QTest::newRow("gemma3") << "gemma3" << "gemma3";
        QTest::newRow("phi3, longrope") << "phi3" << "phi3_longrope";
    }

    /// Both readers give the same tensors; the configuration made from the metadata opens the Hugging Face copy alike.
    void ggufAgreesWithTransformers() {
        QFETCH(QString, file);
        QFETCH(QString, name);
        const auto data = fixture(name);
        const auto folder = open(data["weights"], data["config"]);
        const auto gguf = openModel(familyData(file.toStdString() + ".gguf"));
        QCOMPARE(gguf->tensors().size(), folder->tensors().size());
        for (const TensorInfo& tensor : folder->tensors()) {
            const TensorInfo* other = gguf->find(tensor.name);
            QVERIFY2(other != nullptr && other->shape == tensor.shape, tensor.name.c_str());
            std::size_t count = 1;
            for (const auto size : tensor.shape) count *= static_cast<std::size_t>(size);
            std::vector<float> expected(count), actual(count);
            QVERIFY(folder->read(tensor.name, expected) && gguf->read(tensor.name, actual));
            // A norm stored plus one in float32 comes back rounded to the precision of numbers around one.
            for (std::size_t i = 0; i < count; ++i)
                QVERIFY2(std::abs(actual[i] - expected[i]) <= (gguf->config().normAddsOne && tensor.shape.size() == 1 ? 6e-8F : 0.0F), tensor.name.c_str());
        }
        const Errors worst = compare(*gguf, data["cases"], true);
        QVERIFY2(worst.blocks < kTolerance, qPrintable(QString::number(worst.blocks)));
        QVERIFY2(worst.logits < kTolerance, qPrintable(QString::number(worst.logits)));
        const auto again = open(data["weights"], gguf->configJson());
        QCOMPARE(again->config().modelType, folder->config().modelType);
        const Errors rewritten = compare(*again, data["cases"], true);
        QVERIFY(rewritten.blocks < kTolerance && rewritten.logits < kTolerance);
    }

    /// However a sequence is packed, its rows are the same bits: windows, caps and both kinds of rotary positions included.
    void packingChangesNoBit_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"mistral", "gemma2", "gemma3", "phi3_longrope", "llama_dynamic"}) QTest::newRow(name) << name;
    }
    void packingChangesNoBit() {
        QFETCH(QString, name);
        const auto data = fixture(name);
        const auto model = open(data["weights"], data["config"]);
        std::vector<Tokens> sequences;
        for (int i = 0; i < 24; ++i) {
            Tokens tokens;
            for (int t = 0; t < 19; ++t) tokens.push_back(3 + t);
            for (int t = 0; t < 1 + (i * 7) % 60; ++t) tokens.push_back(3 + (i * 31 + t * 17) % 36);
            sequences.push_back(tokens);
        }
        const PackedSequences packed = packSequences(sequences, mayShare(model->config(), sequences));
        QVERIFY(packed.rows() > 2 * 336);
        const BlockOutputs together = runBlocks(*model, packed);
        for (const std::size_t i : {0, 5, 13, 23}) {
            const BlockOutputs alone = runBlocks(*model, packSequences({sequences[i]}));
            QVERIFY(std::ranges::equal(alone.last.back().rowSpan(0), together.last.back().rowSpan(i)));
        }
    }

    /// Sequences on both sides of a change of frequencies cannot share a prefix; those on one side can.
    void sharingNeedsEqualFrequencies() {
        const auto data = fixture("phi3_longrope");
        const auto model = open(data["weights"], data["config"]);
        const auto sized = [](int length) {
            Tokens tokens(static_cast<std::size_t>(length), 5);
            tokens.back() = 3 + length % 30;
            return tokens;
        };
        QVERIFY(mayShare(model->config(), {sized(12), sized(27)}));
        QVERIFY(mayShare(model->config(), {sized(28), sized(50)}));
        QVERIFY(!mayShare(model->config(), {sized(27), sized(28)}));
        const PackedSequences wrong = packSequences({sized(20), sized(40)});
        QVERIFY(wrong.prefixLength > 0);
        Matrix hidden(wrong.rows(), static_cast<std::size_t>(model->config().hiddenSize));
        QVERIFY_EXCEPTION_THROWN(forwardBlock(model->config(), *loadBlock(*model, 0), wrong, hidden), std::invalid_argument);
    }

    /// Activation quantization, perplexity and last logits work on every family.
    void quantizedInputsAndScores_data() { agreesWithTransformers_data(); }
    void quantizedInputsAndScores() {
        QFETCH(QString, name);
        const auto data = fixture(name);
        const auto model = open(data["weights"], data["config"]);
        const auto sequences = tokensOf(data["cases"]);
        const auto language = loadAll(model);
        const Matrix last = language->lastLogits(sequences);
        for (std::size_t i = 0; i < sequences.size(); ++i)
            QVERIFY(relativeError(last.rowSpan(i), data["cases"][i]["logits"].back().get<std::vector<float>>()) < kTolerance);
        // The likelihood of one more token is that of the softmax of these logits.
        Tokens longer = sequences[0];
        longer.push_back(7);
        const auto all = language->score({longer});
        const auto without = language->score({sequences[0]});
        QVERIFY(all.has_value() && without.has_value());
        double sum = 0.0;
        for (const float logit : last.rowSpan(0)) sum += std::exp(static_cast<double>(logit));
        const double expected = std::log(sum) - static_cast<double>(last(0, 7));
        if (ropeFrequencySet(model->config().ropes.front(), model->config().maxPositions, static_cast<int>(longer.size())) ==
            ropeFrequencySet(model->config().ropes.front(), model->config().maxPositions, static_cast<int>(sequences[0].size())))
            QVERIFY(std::abs(all->negativeLogLikelihood - without->negativeLogLikelihood - expected) < 1e-3);

        const auto quantized = [&](int bits) {
            const BlockSource blocks = [&](int block) -> Expected<BlockWeights> {
                auto weights = loadBlock(*model, block);
                for (LinearWeights& linear : weights->linears) linear.input.bits = bits;
                return weights;
            };
            auto loaded = LanguageModel::load(model, blocks);
            return relativeError((*loaded)->lastLogits(sequences).span(), last.span());
        };
        const double eight = quantized(8);
        QVERIFY2(eight > 1e-4 && eight < 0.2, qPrintable(QString::number(eight)));
        QVERIFY(quantized(4) > eight);
    }

    /// What the reader presents as query, key and value are ranges of rows of one stored tensor.
    void fusedTensors() {
        const auto data = fixture("phi3");
        const auto model = open(data["weights"], data["config"]);
        const DecoderConfig& config = model->config();
        QVERIFY(config.fusedProjections);
        const auto stored = storedLinears(config);
        QCOMPARE(stored.size(), std::size_t{4});
        QCOMPARE(stored[0].suffix, std::string("self_attn.qkv_proj"));
        QCOMPARE(stored[2].parts.size(), std::size_t{2});
        for (const DecoderTensor& tensor : decoderTensors(config)) {
            QVERIFY(model->has(tensor.name));
            QVERIFY(tensor.firstRow + tensor.shape.front() <= tensor.storedRows);
            if (tensor.name == "model.layers.2.self_attn.v_proj.weight") {
                QCOMPARE(tensor.storedName, std::string("model.layers.2.self_attn.qkv_proj.weight"));
                QCOMPARE(tensor.ggufName, std::string("blk.2.attn_qkv.weight"));
                QCOMPARE(tensor.firstRow, std::int64_t{config.queryWidth() + config.kvWidth()});
            }
            if (tensor.name == "model.layers.2.mlp.up_proj.weight") QCOMPARE(tensor.ggufName, std::string("blk.2.ffn_up.weight"));
        }
        const auto value = model->readMatrix("model.layers.1.self_attn.v_proj.weight");
        Matrix row(1, value->cols());
        QVERIFY(model->readRows("model.layers.1.self_attn.v_proj.weight", 3, 1, row.span()));
        QVERIFY(std::ranges::equal(row.span(), value->rowSpan(3)));
        QVERIFY(!model->readRows("model.layers.1.self_attn.v_proj.weight", config.kvWidth(), 1, row.span()));
    }

    /// Published numbers of Llama 3.1 and 3.2: divisors of the frequencies.
    void llama3Frequencies() {
        RopeParameters rope;
        rope.theta = 500000.0;
        const auto plain = ropeFrequencies(rope, 128, 131072, 0);
        rope.scaling.kind = RopeScalingKind::Llama3;
        rope.scaling.factor = 8.0;
        rope.scaling.originalPositions = 8192;
        const auto scaled = ropeFrequencies(rope, 128, 131072, 0);
        const std::pair<std::size_t, double> expected[] = {{28, 1.0}, {29, 1.207484}, {30, 1.553415}, {31, 2.026313}, {34, 5.257327}, {35, 8.0}};
        for (const auto& [index, divisor] : expected)
            QVERIFY(std::abs(static_cast<double>(plain[index]) / static_cast<double>(scaled[index]) - divisor) < 2e-6 * divisor);
    }

    void unsupportedFamiliesAreNamed() {
        const Error error = unsupportedFamily("deepseek_v3", "config.json");
        QCOMPARE(error.kind, ErrorKind::Unsupported);
        QVERIFY(error.message.find("\"deepseek_v3\"") != std::string::npos && error.message.find("latent attention") != std::string::npos);
        QVERIFY(error.message.find("\"gemma3\"") != std::string::npos && error.message.find("\"phi3\"") != std::string::npos);
        for (const std::string& type : supportedModelTypes())
            QVERIFY(type == "gemma3" || familyOfModelType(type) != nullptr);
    }
};

QTEST_GUILESS_MAIN(TestFamilies)
#include "test_families.moc"
