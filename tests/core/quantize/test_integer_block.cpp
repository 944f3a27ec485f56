// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>

#include "core/base/random.h"
#include "core/model/activation_quantization.h"
#include "core/model/block_runner.h"
#include "core/model/generation.h"
#include "core/model/packed_forward.h"
#include "core/quantize/coded_block.h"
#include "core/quantize/method.h"
#include "tests/support/or_throw.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using safequant::testing::orThrow;

/// A quantized model computed by its codes, and by what they stand for.
class TestIntegerBlock : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_model;

    CodedBlock coded(int block, const QuantizationScheme& scheme, const std::vector<SchemeRule>& rules = {}) const {
        const auto plan = orThrow(planSchemes(m_model->config(), scheme, rules));
        return roundedBlock(orThrow(loadBlock(*m_model, block)), planOfBlock(plan, block));
    }
    /// The block with the codes of its linears.
    static BlockWeights withIntegers(CodedBlock block) {
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) block.weights.linears[i].integers = integersOf(block.linears[i]);
        return std::move(block.weights);
    }
    std::vector<GeneratedAnswer> answers(const QuantizationScheme& scheme, bool integers) const {
        const auto blocks = [&](int block) -> Expected<BlockWeights> {
            CodedBlock made = coded(block, scheme);
            return integers ? withIntegers(std::move(made)) : std::move(made.weights);
        };
        const auto model = orThrow(LanguageModel::load(m_model, blocks));
        DecodingOptions options;
        options.maxNewTokens = 16;
        std::vector<std::vector<std::int32_t>> prompts;
        for (std::int32_t i = 0; i < 12; ++i) prompts.push_back({65, 66, 67, 68 + i, 80 + 3 * i, 70});
        return orThrow(model->generate(prompts, options));
    }

private slots:
    void initTestCase() {
        testing::TinyModelOptions options;
        options.hidden = 96;
        options.intermediate = 160;
        const std::string folder = m_folder.filePath("model").toStdString();
        testing::writeTinyModel(folder, options);
        m_model = orThrow(openCheckpoint(folder));
    }

    void everyLinearAgrees_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("group");
        QTest::addColumn<bool>("symmetric");
        QTest::addColumn<int>("activationBits");
        QTest::addColumn<bool>("symmetricActivations");
        QTest::newRow("W8A8") << 8 << -1 << true << 8 << true;
        QTest::newRow("W8A8, zero points") << 8 << -1 << false << 8 << false;
        QTest::newRow("W4A8 g32") << 4 << 32 << false << 8 << true;
        QTest::newRow("W4A4") << 4 << -1 << true << 4 << true;
        QTest::newRow("W4A16 g32") << 4 << 32 << false << 16 << true;
        QTest::newRow("W3A16 g16") << 3 << 16 << true << 16 << true;
        QTest::newRow("W8A16") << 8 << -1 << true << 16 << true;
    }
    void everyLinearAgrees() {
        QFETCH(int, bits);
        QFETCH(int, group);
        QFETCH(bool, symmetric);
        QFETCH(int, activationBits);
        QFETCH(bool, symmetricActivations);
        const CodedBlock block = coded(1, {bits, group, symmetric, activationBits, false, symmetricActivations});
        constexpr std::size_t kRows = 37;
        RandomStream random(5, "rows");
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            const LinearWeights& linear = block.weights.linears[i];
            const auto integers = integersOf(block.linears[i]);
            const PackedIntegers::Part part{integers.get(), {}};
            QVERIFY(PackedIntegers::fit({&part, 1}, linear.input));
            const PackedIntegers codes({&part, 1}, linear.input);
            const PackedWeight floats{{&linear.weight, {}}};
            const std::size_t in = linear.weight.cols(), out = linear.weight.rows();
            Matrix x(kRows, in);
            for (float& value : x.span()) value = static_cast<float>(random.normal());
            Matrix byCodes(kRows, out), byFloats(kRows, out);
            codes.multiply(0, 1, x.data(), in, kRows, byCodes.data(), out);
            quantizeActivationRows(x.data(), in, kRows, in, linear.input);
            multiply(floats, x.data(), in, kRows, byFloats.data(), out);
            double difference = 0.0, size = 0.0;
            for (std::size_t k = 0; k < byCodes.size(); ++k) {
                difference += std::pow(static_cast<double>(byCodes.data()[k]) - static_cast<double>(byFloats.data()[k]), 2.0);
                size += std::pow(static_cast<double>(byFloats.data()[k]), 2.0);
            }
            QVERIFY2(std::sqrt(difference / size) < 1e-5, qPrintable(QString::number(std::sqrt(difference / size))));
        }
    }

    /// Which linears are computed by codes, and that a whole block comes out alike.
    void blocksAgree() {
        const std::vector<SchemeRule> rules{{"down_proj", {16, -1, true, 16}}};
        const BlockWeights integers = withIntegers(coded(0, {4, 32, false, 16}, rules));
        const BlockWeights floats = coded(0, {4, 32, false, 16}, rules).weights;
        const auto kinds = productKinds(integers);
        for (std::size_t i = 0; i + 1 < kLinearsPerBlock; ++i) QVERIFY(kinds[i] == ProductKind::WeightCodes);
        QVERIFY(kinds[kLinearsPerBlock - 1] == ProductKind::Floats && productKinds(floats)[0] == ProductKind::Floats);
        QVERIFY(productKinds(withIntegers(coded(0, {8, -1, true, 8})))[0] == ProductKind::Codes);
        // Queries in other bits than keys do not go with them.
        QVERIFY(productKinds(withIntegers(coded(0, {8, -1, true, 8}, {{"q_proj", {16, -1, true, 16}}})))[1] == ProductKind::Floats);

        const PackedSequences packed = packSequences({{65, 66, 67, 68, 69}, {65, 66, 70, 71}, {80, 81, 82}});
        BlockRunner runner(m_model->config());
        Matrix first = orThrow(embedTokens(*m_model, packed.tokens)), second = first.clone();
        QVERIFY(runPackedSequences(runner, PackedBlock(m_model->config(), integers), packed, first));
        QVERIFY(runPackedSequences(runner, PackedBlock(m_model->config(), floats), packed, second));
        double difference = 0.0, size = 0.0;
        for (std::size_t k = 0; k < first.size(); ++k) {
            difference += std::pow(static_cast<double>(first.data()[k]) - static_cast<double>(second.data()[k]), 2.0);
            size += std::pow(static_cast<double>(second.data()[k]), 2.0);
        }
        QVERIFY(difference > 0.0 && std::sqrt(difference / size) < 1e-5);
    }

    void answersAreTheSame() {
        for (const QuantizationScheme& scheme : {QuantizationScheme{8, -1, true, 8}, QuantizationScheme{4, 32, false, 16}}) {
            const auto byCodes = answers(scheme, true), byFloats = answers(scheme, false);
            std::size_t same = 0;
            for (std::size_t i = 0; i < byCodes.size(); ++i) same += byCodes[i].tokens == byFloats[i].tokens;
            // A tie that rounding decides may part two of them.
            QVERIFY2(same + 1 >= byCodes.size(), qPrintable(QString::number(same)));
        }
    }

    void copiesHaveNoCodes() {
        const BlockWeights block = withIntegers(coded(0, {8, -1, true, 8}));
        QVERIFY(block.linears[0].integers != nullptr && integersOf(QuantizedLinear{}) == nullptr);
        QuantizedLinear ordered = coded(0, {4, 32, true, 16}).linears[0];
        ordered.groupOf.assign(96, 0);
        QVERIFY(integersOf(ordered) == nullptr);
    }
};

QTEST_GUILESS_MAIN(TestIntegerBlock)
#include "test_integer_block.moc"
