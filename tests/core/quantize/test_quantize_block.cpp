// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <cstring>
#include <stdexcept>

#include "core/base/random.h"
#include "core/quantize/method.h"
#include "core/quantize/quantize_block.h"

using namespace safequant;

namespace {

DecoderConfig tinyConfig() {
    DecoderConfig config;
    config.hiddenSize = 32;
    config.intermediateSize = 48;
    config.blocks = 2;
    config.heads = 4;
    config.kvHeads = 2;
    config.headDim = 8;
    return config;
}

BlockWeights randomBlock(const DecoderConfig& config) {
    RandomStream stream(3, "quantize block");
    BlockWeights block;
    for (int i = 0; i < kLinearsPerBlock; ++i) {
        const auto [rows, cols] = linearShape(config, static_cast<LinearRole>(i));
        LinearWeights& linear = block.linears[static_cast<std::size_t>(i)];
        linear.weight = Matrix(static_cast<std::size_t>(rows), static_cast<std::size_t>(cols));
        for (float& value : linear.weight.span()) value = static_cast<float>(stream.normal());
    }
    block[LinearRole::Query].bias.assign(32, 0.5F);
    block.inputNorm.assign(32, 1.0F);
    block.preFeedForwardNorm.assign(32, 2.0F);
    return block;
}

bool equal(const Matrix& a, const Matrix& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

class TestQuantizeBlock : public QObject {
    Q_OBJECT

private slots:
    void quantizesAsPlanned() {
        const DecoderConfig config = tinyConfig();
        const auto plan = planSchemes(config, {4, 16, false, 8}, {{"down_proj", {16, -1, true, 16}}});
        QVERIFY(plan.has_value());
        const BlockWeights original = randomBlock(config);
        const QuantizedBlock block = (*findQuantizationMethod("rtn"))->quantize(randomBlock(config), planOfBlock(*plan, 1));
        QCOMPARE(block.linears.size(), std::size_t{kLinearsPerBlock});
        for (int i = 0; i < kLinearsPerBlock; ++i) {
            const auto role = static_cast<LinearRole>(i);
            const LinearOutcome& outcome = block.linears[static_cast<std::size_t>(i)];
            QCOMPARE(outcome.plan.name, linearName(1, role));
            if (role == LinearRole::Down) {
                QVERIFY(equal(block.weights[role].weight, original[role].weight));
                QCOMPARE(block.weights[role].input.bits, 16);
                QCOMPARE(outcome.bitsPerWeight, 16.0);
                QCOMPARE(outcome.error.relative, 0.0);
                continue;
            }
            const QuantizedLinear expected = roundToNearest(original[role].weight, outcome.plan.actual);
            QVERIFY(equal(block.weights[role].weight, expected.dequantize()));
            QCOMPARE(block.weights[role].input.bits, 8);
            QVERIFY(block.weights[role].input.symmetric);
            QCOMPARE(outcome.bitsPerWeight, expected.bitsPerWeight());
            QVERIFY(outcome.error.relative > 0.01 && outcome.error.relative < 0.2);
        }
        QVERIFY(block.weights[LinearRole::Query].bias == original[LinearRole::Query].bias);
        QVERIFY(block.weights.inputNorm == original.inputNorm && block.weights.preFeedForwardNorm == original.preFeedForwardNorm);
    }

    void activationsMayHaveZeroPoints() {
        const DecoderConfig config = tinyConfig();
        const auto plan = planSchemes(config, {8, -1, true, 8, false, false}, {});
        QVERIFY(!(*findQuantizationMethod("rtn"))->quantize(randomBlock(config), planOfBlock(*plan, 0)).weights[LinearRole::Up].input.symmetric);
        // Values that all lie on one side use the whole grid.
        Matrix sided(1, 64);
        for (std::size_t c = 0; c < 64; ++c) sided(0, c) = 1.0F + 0.01F * static_cast<float>(c * c % 61);
        const auto errorWith = [&](bool symmetric) {
            Matrix rounded = sided.clone();
            fakeQuantizeRows(rounded, {4, symmetric});
            double sum = 0.0;
            for (std::size_t c = 0; c < 64; ++c) sum += std::abs(static_cast<double>(rounded(0, c)) - static_cast<double>(sided(0, c)));
            return sum;
        };
        QVERIFY(errorWith(false) < 0.6 * errorWith(true));
    }

    void plansThatDoNotFitThrow() {
        const DecoderConfig config = tinyConfig();
        const auto plan = planSchemes(config, {4, 16, false, 16}, {});
        const std::span<const LinearPlan> all(*plan);
        QVERIFY_EXCEPTION_THROWN(quantizeBlock(randomBlock(config), all), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(quantizeBlock(randomBlock(config), all.subspan(3, kLinearsPerBlock)), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(planOfBlock(all, 2), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(planOfBlock(all, -1), std::invalid_argument);
    }
};

QTEST_GUILESS_MAIN(TestQuantizeBlock)
#include "test_quantize_block.moc"
