// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest/QtTest>
#include <cmath>
#include <limits>
#include <vector>

#include "core/base/random.h"
#include "core/model/output_logits.h"
#include "core/model/sampling.h"

using namespace safequant;

namespace {

constexpr std::size_t kVocabulary = 4107, kHidden = 96;

Matrix normals(std::size_t rows, std::size_t cols, std::uint64_t seed) {
    RandomStream random(seed, "greedy");
    Matrix values(rows, cols);
    for (float& value : values.span()) value = static_cast<float>(random.normal());
    return values;
}

/// Columns of very different sizes, and pairs of equal rows far apart.
Matrix unevenHead() {
    Matrix head = normals(kVocabulary, kHidden, 1);
    for (std::size_t row = 0; row < kVocabulary; ++row)
        for (std::size_t k = 0; k < kHidden; ++k) head(row, k) *= k % 17 == 3 ? 20.0F : 0.1F + 0.02F * static_cast<float>(k);
    for (std::size_t row = 0; row < 1500; ++row) std::copy_n(head.row(row), kHidden, head.row(kVocabulary - 1 - row));
    return head;
}

/// Most rows point to some row of the head, more or less; the first is 0, and some are very large or small.
Matrix inputsTo(const Matrix& head, std::size_t count) {
    RandomStream random(7, "inputs");
    Matrix inputs = normals(count, kHidden, 2);
    for (std::size_t row = 0; row < count; ++row) {
        const float* towards = head.row(random.below(kVocabulary));
        for (std::size_t k = 0; k < kHidden; ++k) {
            if (row % 3 != 0) inputs(row, k) += 0.3F * towards[k];
            if (k % 23 == 5) inputs(row, k) *= 30.0F;
            if (row % 19 == 18) inputs(row, k) *= row % 2 == 0 ? 1e12F : 1e-12F;
            if (row == 0) inputs(row, k) = 0.0F;
        }
    }
    return inputs;
}

IntegerWeight codesOf(const Matrix& head, std::size_t groupSize) {
    IntegerWeight codes{head.rows(), head.cols(), 8, groupSize, {}, {}, {}};
    for (std::size_t row = 0; row < head.rows(); ++row)
        for (std::size_t first = 0; first < head.cols(); first += groupSize) {
            float largest = 0.0F;
            for (std::size_t k = first; k < first + groupSize; ++k) largest = std::max(largest, std::abs(head(row, k)));
            codes.scales.push_back(largest / 127.0F);
            for (std::size_t k = first; k < first + groupSize; ++k) codes.codes.push_back(static_cast<std::int8_t>(std::lround(head(row, k) * 127.0F / largest)));
        }
    return codes;
}

PackedLinears packedHead(const Matrix& head, bool byCodes) {
    PackedLinears packed;
    const IntegerWeight codes = codesOf(head, 32);
    const PackedIntegers::Part part{&codes, {}};
    if (byCodes) packed.integers = PackedIntegers(std::span(&part, 1), ActivationScheme{});
    else packed.floats = PackedWeight{{&head, {}}};
    return packed;
}

std::vector<std::int32_t> plainly(const PackedLinears& head, const Matrix& inputs) {
    Matrix logits(inputs.rows(), kVocabulary);
    if (head.byCodes()) head.integers.multiply(0, 1, inputs.data(), kHidden, inputs.rows(), logits.data(), kVocabulary);
    else multiply(head.floats, inputs.data(), kHidden, inputs.rows(), logits.data(), kVocabulary);
    std::vector<std::int32_t> chosen(inputs.rows());
    greedyTokens(logits, chosen);
    return chosen;
}

}  // namespace

/// The largest of many logits, found without computing them all.
class TestGreedy : public QObject {
    Q_OBJECT

private slots:
    void heads_data() {
        QTest::addColumn<bool>("byCodes");
        QTest::newRow("floats") << false;
        QTest::newRow("codes") << true;
    }

    void theAnswerIsThatOfAllLogits_data() { heads_data(); }
    void theAnswerIsThatOfAllLogits() {
        QFETCH(bool, byCodes);
        const Matrix weights = unevenHead(), inputs = inputsTo(weights, 400);
        const PackedLinears head = packedHead(weights, byCodes);
        const auto expected = plainly(head, inputs);
        QCOMPARE(expected[0], 0);
        // Balanced for these rows, and for others.
        const Matrix others = normals(8, kHidden, 5), zeros(3, kHidden);
        for (const Matrix* like : {&inputs, &others, &zeros}) {
            const GreedyScreen screen(head, *like);
            std::vector<std::int32_t> chosen(inputs.rows(), -1);
            QVERIFY(screen.choose(head, inputs, chosen));
            QCOMPARE(chosen, expected);
        }
        const auto ties = std::count_if(expected.begin(), expected.end(), [](std::int32_t token) { return token < 1500; });
        QVERIFY2(ties > 50, qPrintable(QString::number(ties)));
    }

    /// What cannot be largest is not asked: a head that is another there gives the same answers.
    void onlyWhatMayBeLargestIsComputed_data() { heads_data(); }
    void onlyWhatMayBeLargestIsComputed() {
        QFETCH(bool, byCodes);
        Matrix weights = normals(kVocabulary, kHidden, 1);
        Matrix inputs(16, kHidden);
        // All point to rows of the first panels.
        for (std::size_t row = 0; row < inputs.rows(); ++row) std::copy_n(weights.row(row * 7), kHidden, inputs.row(row));
        const PackedLinears head = packedHead(weights, byCodes);
        const GreedyScreen screen(head, inputs);
        for (std::size_t row = 2048; row < kVocabulary; ++row)
            for (std::size_t k = 0; k < kHidden; ++k) weights(row, k) *= 100.0F;
        const PackedLinears other = packedHead(weights, byCodes);
        std::vector<std::int32_t> chosen(inputs.rows(), -1);
        QVERIFY(screen.choose(other, inputs, chosen));
        QCOMPARE(chosen, plainly(head, inputs));
        QVERIFY(chosen != plainly(other, inputs));
    }

    void rowsThatAreNoNumbersAreLeftToTheHead() {
        const Matrix weights = unevenHead();
        const PackedLinears head = packedHead(weights, false);
        for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            Matrix inputs = inputsTo(weights, 12);
            const GreedyScreen screen(head, inputs);
            inputs(5, 9) = value;
            std::vector<std::int32_t> chosen(inputs.rows(), -1);
            QVERIFY(!screen.choose(head, inputs, chosen));
        }
    }

    /// Through norm and head of a model: the first rows, of which all logits are computed, and those after them; and a capped head.
    void modelsChooseTheSame_data() {
        QTest::addColumn<float>("softcap");
        QTest::newRow("plain") << 0.0F;
        QTest::newRow("capped") << 30.0F;
    }
    void modelsChooseTheSame() {
        QFETCH(float, softcap);
        DecoderConfig config;
        config.hiddenSize = kHidden;
        config.vocabulary = kVocabulary;
        config.normEpsilon = 1e-5F;
        config.logitSoftcap = softcap;
        OutputHead head;
        head.norm = std::vector<float>(kHidden, 1.25F);
        head.weight = unevenHead();
        const Matrix hidden = inputsTo(head.weight, 90);
        PackedHead packed(config, head);
        for (int round = 0; round < 4; ++round) {
            std::vector<std::int32_t> rows;
            for (std::int32_t row = round; row < 90; row += 3) rows.push_back(row);
            std::vector<std::int32_t> chosen(rows.size(), -1), expected(rows.size());
            packed.greedy(hidden, rows, chosen);
            greedyTokens(packed.logits(hidden, rows), expected);
            QCOMPARE(chosen, expected);
        }
    }
};

QTEST_GUILESS_MAIN(TestGreedy)
#include "test_greedy.moc"
