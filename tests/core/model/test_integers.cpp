// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest/QtTest>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/base/random.h"
#include "core/model/activation_quantization.h"
#include "core/model/integer_kernels.h"
#include "core/model/integer_product.h"
#include "core/model/simd_kernels.h"

using namespace safequant;

namespace {

Matrix normals(std::size_t rows, std::size_t cols, std::uint64_t seed) {
    RandomStream random(seed, "integers");
    Matrix values(rows, cols);
    for (float& value : values.span()) value = static_cast<float>(random.normal());
    return values;
}

IntegerWeight randomWeight(std::size_t rows, std::size_t cols, std::size_t groupSize, int bits, bool zeros, std::uint64_t seed) {
    RandomStream random(seed, "codes");
    const int low = -(1 << (bits - 1)), count = 1 << bits;
    IntegerWeight weight{rows, cols, bits, groupSize, {}, {}, {}};
    for (std::size_t i = 0; i < rows * cols; ++i) weight.codes.push_back(static_cast<std::int8_t>(low + static_cast<int>(random.below(static_cast<std::uint64_t>(count)))));
    for (std::size_t i = 0; i < rows * weight.groups(); ++i) {
        weight.scales.push_back(0.01F + 0.001F * static_cast<float>(random.below(50)));
        if (zeros) weight.zeros.push_back(static_cast<std::int8_t>(low + static_cast<int>(random.below(static_cast<std::uint64_t>(count)))));
    }
    return weight;
}

double valueOf(const IntegerWeight& weight, std::size_t row, std::size_t k) {
    const std::size_t group = row * weight.groups() + k / weight.groupSize;
    return static_cast<double>(weight.codes[row * weight.cols + k] - (weight.zeros.empty() ? 0 : weight.zeros[group])) * static_cast<double>(weight.scales[group]);
}

}  // namespace

/// Products of codes, of every instruction set this machine has, against double arithmetic.
class TestIntegers : public QObject {
    Q_OBJECT

private slots:
    void theBestKernelsRun() {
        QVERIFY(integerKernelsNamed("baseline") == &baselineIntegers());
        QVERIFY(integerKernelsNamed(integerKernels().name) == &integerKernels());
        QVERIFY(integerKernelsNamed("mmx") == nullptr);
    }

    void tiles_data() {
        QTest::addColumn<QString>("level");
        for (const char* name : {"baseline", "avx2", "avx512", "avx512_vnni"})
            if (integerKernelsNamed(name) != nullptr) QTest::newRow(name) << name;
    }
    /// Extreme codes among them, and every height and width of a tile.
    void tiles() {
        QFETCH(QString, level);
        const IntegerKernels& kernels = *integerKernelsNamed(level.toLatin1().constData());
        RandomStream random(1, "tiles");
        const auto code = [&] { return random.below(8) == 0 ? (random.below(2) == 0 ? -128 : 127) : static_cast<int>(random.below(256)) - 128; };
        const std::size_t stride = 40;
        for (int rows = 1; rows <= kernels.tileRows; ++rows)
            for (const int panels : {1, kernels.tilePanels})
                for (const auto& [in, groups] : {std::pair<std::size_t, std::size_t>{37, 1}, {48, 3}, {4, 1}}) {
                    const std::size_t lanes = (in + static_cast<std::size_t>(kernels.lane) - 1) / static_cast<std::size_t>(kernels.lane), inGroup = in / groups, columns = static_cast<std::size_t>(panels) * 16 - 3;
                    const auto lane = static_cast<std::size_t>(kernels.lane), height = static_cast<std::size_t>(rows), outputs = static_cast<std::size_t>(panels) * 16;
                    std::vector<std::int8_t> a(height * in), w(outputs * in);
                    for (auto& value : a) value = static_cast<std::int8_t>(code());
                    for (auto& value : w) value = static_cast<std::int8_t>(code());
                    std::vector<std::int32_t> packedRows(lanes * height), packedWeights(lanes * outputs), sums(groups * outputs), zeros(groups * outputs), rowZeros(height),
                        rowSums(groups * height);
                    std::vector<float> scales(groups * outputs), rowScales(height), bias(outputs, 0.5F);
                    for (std::size_t k = 0; k < lanes; ++k) {
                        const std::size_t count = std::min(lane, in - k * lane);
                        for (std::size_t r = 0; r < height; ++r) packedRows[k * height + r] = packLane(kernels.lane, a.data() + r * in + k * lane, count, kernels.offset);
                        for (std::size_t o = 0; o < outputs; ++o)
                            packedWeights[(o / 16 * lanes + k) * 16 + o % 16] = packLane(kernels.lane, w.data() + o * in + k * lane, count);
                    }
                    for (std::size_t r = 0; r < height; ++r) {
                        rowScales[r] = 0.01F * static_cast<float>(r + 1);
                        rowZeros[r] = static_cast<int>(random.below(256)) - 128;
                        for (std::size_t g = 0; g < groups; ++g)
                            for (std::size_t k = g * inGroup; k < (g + 1) * inGroup; ++k) rowSums[g * height + r] += a[r * in + k] - rowZeros[r];
                    }
                    for (std::size_t o = 0; o < outputs; ++o)
                        for (std::size_t g = 0; g < groups; ++g) {
                            const std::size_t at = (o / 16 * groups + g) * 16 + o % 16;
                            scales[at] = 0.001F * static_cast<float>(o + g + 1);
                            zeros[at] = static_cast<int>(random.below(256)) - 128;
                            for (std::size_t k = g * inGroup; k < (g + 1) * inGroup; ++k) sums[at] += w[o * in + k];
                        }
                    std::vector<float> y(height * stride, 2.0F);
                    IntegerTile tile{packedRows.data(), rows, packedWeights.data(), lanes, groups == 1 ? lanes : inGroup / lane, panels, static_cast<int>(columns), scales.data(),
                                     sums.data(), zeros.data(), rowScales.data(), rowZeros.data(), rowSums.data(), bias.data(), y.data(), stride, rows % 2 == 0};
                    kernels.multiply(tile);
                    for (std::size_t r = 0; r < height; ++r)
                        for (std::size_t c = 0; c < stride; ++c) {
                            if (c >= columns) {
                                QCOMPARE(y[r * stride + c], 2.0F);
                                continue;
                            }
                            double sum = 0.5 + (rows % 2 == 0 ? 2.0 : 0.0), size = std::abs(sum);
                            for (std::size_t g = 0; g < groups; ++g) {
                                const std::size_t at = (c / 16 * groups + g) * 16 + c % 16;
                                long long exact = 0;
                                for (std::size_t k = g * inGroup; k < (g + 1) * inGroup; ++k) exact += (a[r * in + k] - rowZeros[r]) * (w[c * in + k] - zeros[at]);
                                const double part = static_cast<double>(exact) * static_cast<double>(rowScales[r]) * static_cast<double>(scales[at]);
                                sum += part;
                                size += std::abs(part);
                            }
                            QVERIFY2(std::abs(static_cast<double>(y[r * stride + c]) - sum) < 1e-6 * size, qPrintable(QString("%1 for %2").arg(y[r * stride + c]).arg(sum)));
                        }
                }
    }

    void rowCodesAreThoseOfFakeQuantization_data() {
        QTest::addColumn<SimdLevel>("level");
        for (const auto& [level, name] : {std::pair{SimdLevel::Baseline, "baseline"}, {SimdLevel::Avx2, "avx2"}, {SimdLevel::Avx512, "avx512"}})
            if (simdKernels(level) != nullptr) QTest::newRow(name) << level;
    }
    void rowCodesAreThoseOfFakeQuantization() {
        QFETCH(SimdLevel, level);
        const SimdKernels& kernels = *simdKernels(level);
        for (const int bits : {8, 6, 4, 2})
            for (const bool symmetric : {true, false})
                for (const std::size_t n : {1U, 16U, 37U, 576U}) {
                    Matrix x = normals(1, n, n + static_cast<std::size_t>(bits));
                    std::vector<std::int8_t> codes(n + 1, 99);
                    const RowGrid grid = kernels.quantize(x.data(), n, bits, symmetric, codes.data());
                    QCOMPARE(codes[n], std::int8_t{99});
                    kernels.fakeQuantize(x.data(), n, bits, symmetric);
                    for (std::size_t i = 0; i < n; ++i) QCOMPARE(static_cast<float>(codes[i] - grid.zero) * grid.scale, x.data()[i]);
                }
    }

    void products_data() {
        QTest::addColumn<int>("weightBits");
        QTest::addColumn<int>("groupSize");
        QTest::addColumn<int>("inputBits");
        QTest::addColumn<bool>("symmetric");
        for (const int weightBits : {8, 5, 4, 2})
            for (const int groupSize : {70, 24, 4})
                for (const int inputBits : {16, 8, 4})
                    for (const bool symmetric : {true, false})
                        QTest::addRow("W%dA%d g%d %s", weightBits, inputBits, groupSize, symmetric ? "symmetric" : "with zero points") << weightBits << groupSize << inputBits << symmetric;
    }
    /// Parts side by side, biases, and rows that come out the same alone.
    void products() {
        QFETCH(int, weightBits);
        QFETCH(int, groupSize);
        QFETCH(int, inputBits);
        QFETCH(bool, symmetric);
        // With one group the last lane is not full.
        const std::size_t inputs = groupSize == 70 ? 70 : 72;
        constexpr std::size_t kRows = 31;
        const ActivationScheme input{inputBits, symmetric};
        const IntegerWeight first = randomWeight(37, inputs, static_cast<std::size_t>(groupSize), weightBits, !symmetric, 1);
        const IntegerWeight second = randomWeight(16, inputs, static_cast<std::size_t>(groupSize), weightBits, false, 2);
        const std::vector<float> bias(16, 0.25F);
        const PackedIntegers::Part parts[] = {{&first, {}}, {&second, bias}};
        QVERIFY(PackedIntegers::fit(parts, input));
        const PackedIntegers packed(parts, input);
        QCOMPARE(packed.columns(), std::size_t{48 + 16});
        QCOMPARE(packed.offset(1), std::size_t{48});
        const Matrix x = normals(kRows, inputs, 3);
        Matrix seen = x.clone();
        quantizeActivationRows(seen.data(), inputs, kRows, inputs, input);
        Matrix y = Matrix::zeros(kRows, packed.columns());
        packed.multiply(0, 2, x.data(), inputs, kRows, y.data(), y.cols());
        for (std::size_t r = 0; r < kRows; ++r)
            for (const auto& [weight, offset] : {std::pair{&first, 0U}, {&second, 48U}})
                for (std::size_t o = 0; o < weight->rows; ++o) {
                    double sum = offset > 0 ? 0.25 : 0.0, size = 0.0;
                    for (std::size_t k = 0; k < inputs; ++k) {
                        const double product = static_cast<double>(seen(r, k)) * valueOf(*weight, o, k);
                        sum += product;
                        size += std::abs(product);
                    }
                    QVERIFY2(std::abs(static_cast<double>(y(r, offset + o)) - sum) < 1e-6 * size + 1e-7, qPrintable(QString("%1 for %2").arg(y(r, offset + o)).arg(sum)));
                }
        for (const std::size_t r : {0U, 13U, 30U}) {
            Matrix alone = Matrix::zeros(1, packed.columns());
            packed.multiply(0, 2, x.row(r), inputs, 1, alone.data(), alone.cols());
            QVERIFY(std::equal(alone.row(0), alone.row(0) + 37, y.row(r)));
            QVERIFY(std::equal(alone.row(0) + 48, alone.row(0) + 64, y.row(r) + 48));
            Matrix part(1, 16);
            packed.multiply(1, 1, x.row(r), inputs, 1, part.data(), 16);
            QVERIFY(std::equal(part.row(0), part.row(0) + 16, y.row(r) + 48));
        }
        const PackedIntegers::Part one[] = {{&first, {}}};
        const PackedIntegers single(one, input);
        Matrix added = Matrix(kRows, 37);
        std::fill_n(added.data(), added.size(), 1.0F);
        single.multiply(0, 1, x.data(), inputs, kRows, added.data(), 37, true);
        for (std::size_t r = 0; r < kRows; ++r)
            for (std::size_t o = 0; o < 37; ++o) QVERIFY(std::abs(added(r, o) - 1.0F - y(r, o)) < 1e-5F * (1.0F + std::abs(y(r, o))));
    }

    /// Logits of a head of codes are those of the same head in floats.
    void headOfCodes() {
        DecoderConfig config;
        config.hiddenSize = 64;
        config.vocabulary = 101;
        config.normEpsilon = 1e-5F;
        OutputHead codes, floats;
        codes.norm = floats.norm = std::vector<float>(64, 1.5F);
        codes.integers = std::make_shared<const IntegerWeight>(randomWeight(101, 64, 16, 6, false, 5));
        floats.weight = Matrix(101, 64);
        for (std::size_t row = 0; row < 101; ++row)
            for (std::size_t k = 0; k < 64; ++k) floats.weight(row, k) = static_cast<float>(valueOf(*codes.integers, row, k));
        const Matrix hidden = normals(9, 64, 3);
        const std::int32_t rows[] = {8, 0, 3};
        const Matrix expected = computeLogits(config, floats, hidden, rows), logits = computeLogits(config, codes, hidden, rows);
        QCOMPARE(logits.rows(), std::size_t{3});
        QCOMPARE(logits.cols(), std::size_t{101});
        double largest = 0.0, difference = 0.0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            largest = std::max(largest, static_cast<double>(std::abs(expected.data()[i])));
            difference = std::max(difference, static_cast<double>(std::abs(expected.data()[i] - logits.data()[i])));
        }
        QVERIFY2(difference < 1e-5 * largest, qPrintable(QString::number(difference / largest)));
        config.vocabulary = 100;
        QVERIFY_EXCEPTION_THROWN(computeLogits(config, codes, hidden, rows), std::invalid_argument);
    }

    void whatDoesNotFit() {
        const IntegerWeight weight = randomWeight(16, 72, 24, 4, false, 1), other = randomWeight(16, 48, 24, 4, false, 1), grouped = randomWeight(16, 72, 72, 4, false, 1);
        const auto fits = [](std::initializer_list<const IntegerWeight*> weights, const ActivationScheme& input) {
            std::vector<PackedIntegers::Part> parts;
            for (const IntegerWeight* each : weights) parts.push_back({each, {}});
            return PackedIntegers::fit(parts, input);
        };
        QVERIFY(fits({&weight}, {}) && fits({&weight, &weight}, {8, true}));
        QVERIFY(!fits({&weight, nullptr}, {}) && !fits({&weight, &other}, {}) && !fits({&weight, &grouped}, {}));
        QVERIFY(!fits({&weight}, {8, true, kOutlierMagnitude}) && !fits({&weight}, {12, true}) && !fits({}, {}));
        const PackedIntegers::Part wrong[] = {{&weight, std::span<const float>(weight.scales).first(3)}};
        QVERIFY_EXCEPTION_THROWN((PackedIntegers(wrong, {})), std::invalid_argument);
    }
};

QTEST_GUILESS_MAIN(TestIntegers)
#include "test_integers.moc"
