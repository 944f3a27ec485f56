// SPDX-License-Identifier: GPL-3.0-or-later
#include <bit>
#include <stdexcept>

#include "core/base/random.h"
#include "core/checkpoint/decoder_tensors.h"
#include "core/model/generation.h"
#include "core/quantize/rotated_checkpoint.h"
#include "tests/core/model/model_fixtures.h"

using namespace safequant;
using namespace safequant::testing;

namespace {

/// Hidden and intermediate sizes of the model families, and their heads.
constexpr int kSizes[] = {576,  640,  960,  1024, 1536, 2048, 2304, 2560,  3072,  3584, 4096, 4864,
                          5120, 8960, 11008, 14336, 18944, 64,   80,   96,    128,   256};

std::vector<double> denseOf(const Rotation& rotation) {
    const auto n = static_cast<std::size_t>(rotation.size());
    std::vector<double> dense(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        dense[i * n + i] = 1.0;
        rotation.apply(dense.data() + i * n);
    }
    return dense;
}

/// Largest |Q Q^T - I|.
double departure(const std::vector<double>& q, std::size_t n) {
    double largest = 0.0;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) {
            double dot = 0.0;
            for (std::size_t k = 0; k < n; ++k) dot += q[i * n + k] * q[j * n + k];
            largest = std::max(largest, std::abs(dot - (i == j ? 1.0 : 0.0)));
        }
    return largest;
}

bool isHadamard(const std::vector<std::int8_t>& h, int order) {
    const auto n = static_cast<std::size_t>(order);
    if (h.size() != n * n) return false;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) {
            int dot = 0;
            for (std::size_t k = 0; k < n; ++k) dot += h[i * n + k] * h[j * n + k];
            if (dot != (i == j ? order : 0)) return false;
        }
    return std::ranges::all_of(h, [](std::int8_t entry) { return entry == 1 || entry == -1; });
}

std::vector<double> randomRow(int size) {
    RandomStream random(5, "row");
    std::vector<double> row(static_cast<std::size_t>(size));
    for (double& value : row) value = random.normal();
    return row;
}

std::shared_ptr<const Checkpoint> rotated(const std::shared_ptr<const Checkpoint>& base, const RotationOptions& options) {
    auto opened = rotateCheckpoint(base, options);
    if (!opened) throw std::runtime_error(opened.error().describe());
    return *opened;
}

/// Logits at every position, and the last stream.
struct Outputs {
    Matrix logits, hidden;
};

Outputs outputsOf(const Checkpoint& model, const PackedSequences& packed) {
    Outputs outputs;
    outputs.hidden = std::move(runBlocks(model, packed).hidden);
    const auto head = loadOutputHead(model);
    if (!head) throw std::runtime_error(head.error().describe());
    std::vector<std::int32_t> rows(outputs.hidden.rows());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int32_t>(i);
    outputs.logits = computeLogits(model.config(), *head, outputs.hidden, rows);
    return outputs;
}

std::vector<float> readAll(const Checkpoint& model, const TensorInfo& tensor) {
    std::size_t count = 1;
    for (const auto size : tensor.shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    if (auto read = model.read(tensor.name, values); !read) throw std::runtime_error(read.error().describe());
    return values;
}

}  // namespace

class TestRotation : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

    std::shared_ptr<const Checkpoint> openNamed(const std::string& name) const {
        if (name.ends_with(".gguf")) return openModel(familyData(name));
        if (name.starts_with("tiny")) return openModel(modelData(name));
        const auto data = readJson(familyData(name + ".json"));
        return openFamily(m_folder.path().toStdString(), data["weights"], data["config"]);
    }

private slots:
    void paleyMatrices() {
        const std::vector<std::int8_t> first = paleyMatrix(12);
        const std::vector<std::int8_t> expected = {-1, 1, -1, 1, -1, -1, -1, 1, 1, 1, -1, 1};
        QVERIFY(std::equal(expected.begin(), expected.end(), first.begin() + 12));
        // Of primes by both constructions, of 25 = 5^2, 27 = 3^3 and 343 = 7^3.
        for (const int order : {4, 8, 12, 20, 24, 28, 36, 44, 52, 60, 68, 72, 76, 84, 108, 140, 148, 344})
            QVERIFY2(isHadamard(paleyMatrix(order), order), qPrintable(QString::number(order)));
        for (const int order : {-4, 0, 1, 2, 3, 6, 92, 116, 156, 172}) QVERIFY(paleyMatrix(order).empty());
    }

    void familySizes() {
        for (const int size : kSizes) {
            const Rotation rotation(size, 1, "test");
            QVERIFY2(rotation.isHadamard(), qPrintable(QString::number(size)));
            const int core = rotation.coreSize();
            QVERIFY(size % core == 0 && std::has_single_bit(static_cast<unsigned>(size / core)));
            QVERIFY(core == 1 || isHadamard(paleyMatrix(core), core));
            // The Kronecker product with a Sylvester matrix is Hadamard when the core is; here that the transform is that product.
            const auto n = static_cast<std::size_t>(size), width = static_cast<std::size_t>(core);
            const auto h = core == 1 ? std::vector<std::int8_t>{1} : paleyMatrix(core);
            for (const std::size_t i : {std::size_t{0}, n / 3, n - 1}) {
                std::vector<double> row(n, 0.0);
                row[i] = 1.0;
                rotation.apply(row.data());
                const double sign = row[0] * h[i % width * width] > 0.0 ? 1.0 : -1.0;
                for (std::size_t j = 0; j < n; ++j) {
                    const double sylvester = std::popcount((i / width) & (j / width)) % 2 == 0 ? 1.0 : -1.0;
                    const double entry = sign * sylvester * h[i % width * width + j % width] / std::sqrt(static_cast<double>(size));
                    QVERIFY(std::abs(row[j] - entry) < 1e-14);
                }
            }
            const std::vector<double> before = randomRow(size);
            std::vector<double> row = before;
            rotation.apply(row.data());
            QVERIFY(std::abs(row[0] - before[0]) > 1e-3);
            rotation.applyInverse(row.data());
            for (std::size_t i = 0; i < n; ++i) QVERIFY(std::abs(row[i] - before[i]) < 1e-12);
        }
    }

    /// Sizes with and without a Hadamard matrix are orthogonal; fast and dense agree, also in float32.
    void fastIsDense() {
        for (const int size : {1, 2, 6, 7, 12, 24, 36, 64, 80, 86, 172, 576}) {
            const Rotation rotation(size, 7, "test");
            QCOMPARE(rotation.isHadamard(), size != 6 && size != 7 && size != 86 && size != 172);
            const auto n = static_cast<std::size_t>(size);
            const std::vector<double> dense = denseOf(rotation);
            QVERIFY2(departure(dense, n) < 1e-13, qPrintable(QString::number(size)));
            const std::vector<double> before = randomRow(size);
            std::vector<float> rows(2 * n);
            for (std::size_t i = 0; i < 2 * n; ++i) rows[i] = static_cast<float>(before[i % n]);
            rotation.apply(rows.data(), 2);
            std::vector<double> row = before;
            rotation.apply(row.data());
            for (std::size_t j = 0; j < n; ++j) {
                double product = 0.0;
                for (std::size_t i = 0; i < n; ++i) product += before[i] * dense[i * n + j];
                QVERIFY(std::abs(row[j] - product) < 1e-12);
                QVERIFY(std::abs(static_cast<double>(rows[n + j]) - product) < 1e-5);
            }
            rotation.applyInverse(rows.data(), 2);
            for (std::size_t i = 0; i < n; ++i) QVERIFY(std::abs(static_cast<double>(rows[n + i]) - before[i]) < 1e-5);
        }
        QVERIFY_EXCEPTION_THROWN(Rotation(0, 1, "test"), std::invalid_argument);
    }

    void seedsAndNames() {
        QVERIFY(denseOf(Rotation(96, 1, "a")) == denseOf(Rotation(96, 1, "a")));
        QVERIFY(denseOf(Rotation(96, 1, "a")) != denseOf(Rotation(96, 2, "a")));
        QVERIFY(denseOf(Rotation(96, 1, "a")) != denseOf(Rotation(96, 1, "b")));
        QVERIFY(denseOf(Rotation(14, 1, "a")) != denseOf(Rotation(14, 2, "a")));
    }

    void sameFunction_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<bool>("exact");
        for (const char* name : {"llama", "llama.gguf", "mistral", "qwen2", "qwen2.gguf", "qwen3", "gemma", "gemma.gguf", "phi3", "tiny_bias", "tiny_wide"})
            QTest::newRow(name) << name << true;
        for (const char* name : {"gemma2", "gemma3"}) QTest::newRow(name) << name << false;
    }

    /// Rotated weights compute the same logits, and the stream they compute them from is the base's times R1.
    void sameFunction() {
        QFETCH(QString, name);
        QFETCH(bool, exact);
        const auto base = openNamed(name.toStdString());
        const DecoderConfig& config = base->config();
        const std::vector<Tokens> sequences = {{3, 7, 5, 9, 12, 4, 8, 30, 21, 17, 6}, {3, 7, 5, 11, 2, 19}};
        const PackedSequences packed = packSequences(sequences);
        const Outputs before = outputsOf(*base, packed);
        if (!exact) {
            const auto refused = rotateCheckpoint(base, {true, true, 3});
            QVERIFY(!refused && refused.error().kind == ErrorKind::Unsupported);
            QVERIFY(refused.error().message.find(config.modelType) != std::string::npos);
        }
        std::vector<RotationOptions> all = {{false, true, 3}};
        if (exact) all.insert(all.end(), {{true, false, 3}, {true, true, 3}});
        for (const RotationOptions& options : all) {
            const auto model = rotated(base, options);
            QCOMPARE(model->config().tiedEmbeddings, config.tiedEmbeddings && !options.residual);
            Outputs after = outputsOf(*model, packed);
            const double logits = relativeError(after.logits.span(), before.logits.span());
            if (options.residual) {
                QVERIFY(relativeError(after.hidden.span(), before.hidden.span()) > 0.5);
                residualRotation(config.hiddenSize, options).applyInverse(after.hidden.data(), after.hidden.rows());
            }
            const double hidden = relativeError(after.hidden.span(), before.hidden.span());
            qInfo("residual %d, heads %d: relative error of logits %.2g, of the stream %.2g", options.residual, options.heads, logits, hidden);
            // Float32 against float32.
            QVERIFY2(logits < 1e-4 && hidden < 1e-4, qPrintable(QString::number(logits)));
        }
    }

    /// Every tensor is there in the model's order, those that should change do, and rows read alone are the whole's.
    void tensorsOfRotatedModel_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"qwen2", "phi3", "tiny_bias"}) QTest::newRow(name) << name;
    }
    void tensorsOfRotatedModel() {
        QFETCH(QString, name);
        const auto base = openNamed(name.toStdString());
        const auto model = rotated(base, {true, true, 3});
        QCOMPARE(model->configJson()["tie_word_embeddings"], nlohmann::json(false));
        QCOMPARE(model->files(), base->files());
        const auto expected = decoderTensors(model->config());
        QCOMPARE(model->tensors().size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const TensorInfo& tensor = model->tensors()[i];
            QCOMPARE(tensor.name, expected[i].name);
            QCOMPARE(tensor.shape, expected[i].shape);
            QCOMPARE(model->find(tensor.name), &tensor);
            const std::vector<float> values = readAll(*model, tensor);
            const bool keptBias = expected[i].kind == TensorKind::Bias && expected[i].role != LinearRole::Value &&
                                  expected[i].role != LinearRole::Output && expected[i].role != LinearRole::Down;
            const TensorInfo* stored = base->find(tensor.name);
            if (expected[i].isNorm() && expected[i].kind != TensorKind::QueryNorm && expected[i].kind != TensorKind::KeyNorm)
                QVERIFY(std::ranges::all_of(values, [](float value) { return value == 1.0F; }));
            else if (stored != nullptr)
                QVERIFY2((values == readAll(*base, *stored)) == keptBias, tensor.name.c_str());
            if (!keptBias) QCOMPARE(tensor.storedType, std::string("F32"));
            if (tensor.shape.size() != 2) continue;
            const auto columns = static_cast<std::size_t>(tensor.shape[1]);
            const std::int64_t first = tensor.shape[0] - 3;
            std::vector<float> rows(2 * columns);
            QVERIFY(model->readRows(tensor.name, first, 2, rows));
            QVERIFY(std::equal(rows.begin(), rows.end(), values.begin() + first * tensor.shape[1]));
            std::vector<float> beyond(4 * columns);
            QVERIFY(!model->readRows(tensor.name, first, 4, beyond));
        }
        std::vector<float> few(3);
        QVERIFY(!model->read("model.norm.weight", few) && !model->read("model.layers.0.mlp.down_proj.weight", few));
        QCOMPARE(model->read("nothing", few).error().kind, ErrorKind::NotFound);
        QVERIFY(readAll(*model, *model->find("lm_head.weight")) != readAll(*rotated(base, {true, true, 4}), *model->find("lm_head.weight")));
    }
};

QTEST_GUILESS_MAIN(TestRotation)
#include "test_rotation.moc"
