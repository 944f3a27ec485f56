// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/device.h"
#include "core/tensor/row_attention.h"
#include "core/tensor/tensor_block.h"
#include "core/tensor/tensor_conversion.h"
#include "tests/core/model/model_fixtures.h"

using namespace safequant;
using namespace safequant::testing;

namespace {

/// The rows of packed sequences.
RowLayout layoutOf(const PackedSequences& packed) {
    RowLayout layout;
    if (packed.prefixLength > 0) layout.add(packed.prefixLength);
    for (std::size_t i = 0; i < packed.sequences(); ++i) {
        const std::int32_t rows = packed.offsets[i + 1] - packed.offsets[i];
        packed.prefixLength > 0 ? layout.addAfter(0, rows) : layout.add(rows);
    }
    return layout;
}

at::Tensor standardNormal(at::IntArrayRef shape, std::uint64_t seed) {
    at::manual_seed(seed);
    return at::randn(shape);
}

}  // namespace

class TestTensorBlock : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

private slots:
    void agreesWithForwardPass_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"llama", "llama_dynamic", "llama_yarn", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3",
                                 "phi3_longrope"})
            QTest::newRow(name) << name;
    }

    /// Every block of every family, packed with a shared prefix and without, at 16 and at 8 activation bits.
    void agreesWithForwardPass() {
        QFETCH(QString, name);
        const auto data = readJson(familyData(name.toStdString() + ".json"));
        const auto model = openFamily(m_folder.path().toStdString(), data["weights"], data["config"]);
        const DecoderConfig& config = model->config();
        std::vector<Tokens> sequences;
        for (const auto& entry : data["cases"]) sequences.push_back(entry["tokens"].get<Tokens>());
        for (const bool share : {true, false}) {
            const PackedSequences packed = packSequences(sequences, share && mayShare(config, sequences));
            const RowLayout layout = layoutOf(packed);
            const auto angles = layoutAngles(config, layout, at::kCPU);
            for (const int bits : {16, 8}) {
                Matrix hidden = std::move(*embedTokens(*model, packed.tokens));
                for (int index = 0; index < config.blocks; ++index) {
                    auto weights = loadBlock(*model, index);
                    QVERIFY(weights.has_value());
                    for (LinearWeights& linear : weights->linears) linear.input.bits = bits;
                    const at::Tensor learned = forwardTensorBlock(config, tensorBlock(config, *weights, at::kCPU), layout, angles,
                                                                  tensorOf(hidden, at::kCPU));
                    QVERIFY(forwardBlock(config, *weights, packed, hidden));
                    // Codes may fall to either side of a tie in the last bit of their inputs.
                    const double error = relativeError(matrixOf(learned).span(), hidden.span());
                    QVERIFY2(error < (bits == 16 ? 1e-5 : 3e-3), qPrintable(QString("block %1: %2").arg(index).arg(error)));
                }
            }
        }
    }

    void attentionAgreesWithComposition_data() {
        QTest::addColumn<int>("window");
        QTest::addColumn<float>("softcap");
        QTest::newRow("full") << 0 << 0.0F;
        QTest::newRow("window") << 5 << 0.0F;
        QTest::newRow("capped") << 0 << 2.0F;
        QTest::newRow("window, capped") << 3 << 1.0F;
    }

    /// Values and all three gradients, with prefixes shared and not, against padded attention that differentiates itself.
    void attentionAgreesWithComposition() {
        QFETCH(int, window);
        QFETCH(float, softcap);
        RowLayout layout;
        const std::size_t prefix = layout.add(6);
        layout.addAfter(prefix, 9);
        layout.addAfter(prefix, 1);
        layout.add(12);
        layout.addAfter(prefix, 4);
        const AttentionShape shape{6, 2, 8, 0.4F, softcap, window};
        std::vector<at::Tensor> inputs = {standardNormal({layout.rows, 48}, 1), standardNormal({layout.rows, 16}, 2),
                                          standardNormal({layout.rows, 16}, 3)};
        for (at::Tensor& input : inputs) input.requires_grad_(true);
        const at::Tensor weights = standardNormal({layout.rows, 48}, 4);
        const auto run = [&](const auto& attention) {
            for (at::Tensor& input : inputs) input.mutable_grad().reset();
            const at::Tensor out = attention(inputs[0], inputs[1], inputs[2], layout, shape);
            (out * weights).sum().backward();
            std::vector<at::Tensor> results = {out.detach()};
            for (const at::Tensor& input : inputs) results.push_back(input.grad().clone());
            return results;
        };
        const auto fused = run(rowAttention), composed = run(composeRowAttention);
        for (std::size_t i = 0; i < fused.size(); ++i) {
            const double difference = ((fused[i] - composed[i]).norm() / composed[i].norm()).item<double>();
            QVERIFY2(difference < 1e-5, qPrintable(QString("result %1: %2").arg(i).arg(difference)));
        }
    }

    /// The derivative along random directions of every input and weight, by differences.
    void gradientIsTheDerivative() {
        const auto data = readJson(familyData("gemma3.json"));
        const auto model = openFamily(m_folder.path().toStdString(), data["weights"], data["config"]);
        const DecoderConfig& config = model->config();
        TensorBlock block = tensorBlock(config, *loadBlock(*model, 0), at::kCPU);
        RowLayout layout;
        layout.add(4);
        layout.addAfter(0, 7);
        layout.addAfter(0, 3);
        const auto angles = layoutAngles(config, layout, at::kCPU);
        at::Tensor hidden = standardNormal({layout.rows, config.hiddenSize}, 5);
        block[LinearRole::Value].change = {standardNormal({3, config.hiddenSize}, 6) * 0.1, standardNormal({config.kvWidth(), 3}, 7) * 0.1, 0.5F};
        const at::Tensor weights = standardNormal(hidden.sizes(), 8);
        std::vector<at::Tensor*> leaves = {&hidden, &block.inputNorm, &block.preFeedForwardNorm, &block.queryNorm, &block.keyNorm,
                                           &block[LinearRole::Value].change.a, &block[LinearRole::Value].change.b};
        for (TensorLinear& linear : block.linears) leaves.push_back(&linear.weight);
        for (at::Tensor* leaf : leaves) leaf->requires_grad_(true);
        const auto loss = [&] { return (forwardTensorBlock(config, block, layout, angles, hidden) * weights).sum(); };
        loss().backward();
        const at::NoGradGuard guard;
        for (std::size_t i = 0; i < leaves.size(); ++i) {
            const at::Tensor direction = standardNormal(leaves[i]->sizes(), 20 + i);
            const double expected = (leaves[i]->grad() * direction).sum().item<double>();
            const double step = 1e-2 * (leaves[i]->norm() / direction.norm()).item<double>();
            leaves[i]->add_(direction, step);
            const double above = loss().item<double>();
            leaves[i]->sub_(direction, 2.0 * step);
            const double below = loss().item<double>();
            leaves[i]->add_(direction, step);
            const double actual = (above - below) / (2.0 * step);
            const double scale = (leaves[i]->grad().norm() * direction.norm()).item<double>() / std::sqrt(leaves[i]->numel());
            QVERIFY2(std::abs(actual - expected) < 2e-2 * scale,
                     qPrintable(QString("leaf %1: %2, expected %3").arg(i).arg(actual).arg(expected)));
        }
    }

    void namesDevices() {
        QVERIFY(parseDevice("cpu") == at::Device(at::kCPU));
        for (const char* name : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x"}) {
            const auto device = parseDevice(name);
            QVERIFY(!device && device.error().kind == ErrorKind::BadInput);
        }
        const auto missing = parseDevice("cuda:99");
        QVERIFY(!missing && missing.error().kind == ErrorKind::Unsupported);
    }

    void refusesRowsThatDoNotFit() {
        RowLayout layout;
        layout.add(3);
        layout.addAfter(0, 2);
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, layout.addAfter(1, 2));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, rowAttention(at::zeros({4, 8}), at::zeros({4, 8}), at::zeros({4, 8}), layout, {2, 2, 4}));
    }
};

QTEST_GUILESS_MAIN(TestTensorBlock)
#include "test_tensor_block.moc"
