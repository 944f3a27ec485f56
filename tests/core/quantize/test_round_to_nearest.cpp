// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/quantize/round_to_nearest.h"
#include "core/quantize/row_kernels.h"

using namespace safequant;

namespace {

Matrix matrixOf(const nlohmann::json& values, std::size_t rows, std::size_t cols) {
    Matrix m(rows, cols);
    for (std::size_t i = 0; i < m.size(); ++i) m.data()[i] = static_cast<float>(values.at(i).get<double>());
    return m;
}

Matrix pseudoRandom(std::size_t rows, std::size_t cols) {
    Matrix m(rows, cols);
    std::uint32_t state = 12345;
    for (float& value : m.span()) {
        state = state * 1664525U + 1013904223U;
        value = (static_cast<float>(state >> 8) / 16777216.0F - 0.5F) * 0.3F;
    }
    return m;
}

QuantizationScheme schemeOf(int bits, int group, bool symmetric) { return {bits, group, symmetric, 16}; }

}  // namespace

class TestRoundToNearest : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() {
        std::ifstream file(SAFEQUANT_TEST_DATA "/quantize/rounding.json");
        m_reference = nlohmann::json::parse(file);
        m_weights = matrixOf(m_reference["weights"], m_reference["rows"], m_reference["cols"]);
    }

    void equalsCompressedTensors() {
        QCOMPARE(m_reference["grids"].size(), std::size_t{42});
        for (const auto& grid : m_reference["grids"]) {
            const QuantizationScheme scheme = schemeOf(grid["bits"], grid["group"], grid["symmetric"]);
            const QuantizedLinear q = roundToNearest(m_weights, scheme);
            const std::string name = scheme.describe();
            QVERIFY2(q.codes == grid["codes"].get<std::vector<std::int8_t>>(), name.c_str());
            QVERIFY2(q.zeros == grid["zeros"].get<std::vector<std::int8_t>>(), name.c_str());
            const auto scales = grid["scales"].get<std::vector<double>>();
            QCOMPARE(q.scales.size(), scales.size());
            for (std::size_t i = 0; i < scales.size(); ++i) QCOMPARE(q.scales[i], static_cast<float>(scales[i]));

            // Sums run in another order, in double: 1e-12 relative. Differences are float32 here: 1e-6 of the largest.
            const QuantizationError error = quantizationError(m_weights, q);
            QVERIFY(std::abs(error.meanSquared - grid["mean_squared"].get<double>()) <=
                    2e-6 * grid["mean_squared"].get<double>() + 1e-18);
            QVERIFY(std::abs(error.relative - grid["relative"].get<double>()) <= 2e-6 * grid["relative"].get<double>() + 1e-12);
            QVERIFY(std::abs(error.maxAbsolute - grid["max_absolute"].get<double>()) <=
                    2e-6 * grid["max_absolute"].get<double>());
        }
    }

    void dequantizesOnTheGrid() {
        for (const bool symmetric : {true, false}) {
            const QuantizedLinear q = roundToNearest(m_weights, schemeOf(4, 16, symmetric));
            const Matrix back = q.dequantize();
            for (int r = 0; r < q.rows; ++r) {
                for (int c = 0; c < q.cols; ++c) {
                    const std::size_t g = static_cast<std::size_t>(r * q.groups() + c / 16);
                    const float zero = symmetric ? 0.0F : static_cast<float>(q.zeros[g]);
                    const float expected =
                        (static_cast<float>(q.codes[static_cast<std::size_t>(r * q.cols + c)]) - zero) * q.scales[g];
                    QCOMPARE(back(static_cast<std::size_t>(r), static_cast<std::size_t>(c)), expected);
                }
            }
        }
    }

    void roundingAgainChangesNothing() {
        // A weight on an asymmetric grid that touches both ends keeps its codes: what an export stores is stable.
        const Matrix weight = pseudoRandom(16, 64);
        const QuantizedLinear once = roundToNearest(weight, schemeOf(8, -1, true));
        QVERIFY(quantizationError(once.dequantize(), once).maxAbsolute == 0.0);
        QVERIFY(quantizationError(weight, once).maxAbsolute > 0.0);
    }

    void scalesAreBfloat16() {
        const QuantizedLinear q = roundToNearest(pseudoRandom(8, 64), schemeOf(4, 32, false));
        for (const float scale : q.scales) {
            std::uint32_t bits = 0;
            std::memcpy(&bits, &scale, sizeof bits);
            QCOMPARE(bits & 0xFFFFU, 0U);
        }
    }

    void everyInstructionSetGivesTheSameBits() {
        const RoundingKernels* sets[3] = {};
        const int count = roundingKernelSets(sets);
        QVERIFY(count >= 1);
        for (const int group : {7, 16, 33, 64, 231}) {
            const int cols = group * 3;
            const Matrix weight = pseudoRandom(1, static_cast<std::size_t>(cols));
            for (int bits = 2; bits <= 8; ++bits) {
                std::vector<std::vector<std::int8_t>> codes, zeros;
                std::vector<std::vector<float>> scales, values;
                std::vector<RowError> errors;
                for (int s = 0; s < count; ++s) {
                    codes.emplace_back(static_cast<std::size_t>(cols));
                    zeros.emplace_back(3);
                    scales.emplace_back(3);
                    values.emplace_back(static_cast<std::size_t>(cols));
                    QVERIFY(sets[s]->round({weight.data(), cols, group, bits, codes[static_cast<std::size_t>(s)].data(),
                                            scales[static_cast<std::size_t>(s)].data(), zeros[static_cast<std::size_t>(s)].data()}));
                    sets[s]->dequantize(codes.back().data(), scales.back().data(), zeros.back().data(), cols, group,
                                        values.back().data());
                    errors.push_back(
                        sets[s]->error(weight.data(), codes.back().data(), scales.back().data(), zeros.back().data(), cols, group));
                    QVERIFY(codes.back() == codes.front() && zeros.back() == zeros.front() && scales.back() == scales.front() &&
                            values.back() == values.front());
                    QCOMPARE(errors.back().squaredError, errors.front().squaredError);
                    QCOMPARE(errors.back().maxAbsolute, errors.front().maxAbsolute);
                }
            }
        }
    }

    /// Columns coded one after the other, as a plain loop over rows has it.
    void compensationIsTheSameInEverySet() {
        const RoundingKernels* sets[3] = {};
        const int count = roundingKernelSets(sets);
        constexpr int kColumns = 24, kEnd = 41, kGroups = 3;
        const Matrix weight = pseudoRandom(kTileRows, kEnd), factor = pseudoRandom(kEnd, kEnd), sizes = pseudoRandom(kTileRows, kGroups);
        std::vector<int> columns(kColumns);
        std::vector<std::int32_t> grids(kColumns);
        for (int i = 0; i < kColumns; ++i) {
            columns[static_cast<std::size_t>(i)] = (i * 7 + 3) % kColumns;
            grids[static_cast<std::size_t>(i)] = i % kGroups;
        }
        for (const int rows : {kTileRows, 5})
            for (const bool symmetric : {false, true})
                for (const int bits : {2, 4, 8}) {
                    std::vector<float> scales;
                    std::vector<std::int8_t> zeros;
                    for (int i = 0; i < rows * kGroups; ++i) {
                        scales.push_back(0.05F + std::fabs(sizes.data()[i]));
                        zeros.push_back(static_cast<std::int8_t>(i % 3 - 1));
                    }
                    const float lowest = -static_cast<float>(1 << (bits - 1));
                    std::vector<std::int8_t> expected(static_cast<std::size_t>(rows * kColumns));
                    Matrix left(static_cast<std::size_t>(rows), kEnd), missed(static_cast<std::size_t>(rows), kColumns);
                    for (std::size_t r = 0; r < left.rows(); ++r) {
                        std::copy_n(weight.row(r), kEnd, left.row(r));
                        for (std::size_t i = 0; i < kColumns; ++i) {
                            const std::size_t grid = r * kGroups + static_cast<std::size_t>(grids[i]);
                            const float zero = symmetric ? 0.0F : static_cast<float>(zeros[grid]);
                            const float code = std::nearbyint(std::clamp(left(r, i) / scales[grid] + zero, lowest, -lowest - 1.0F));
                            expected[r * kColumns + static_cast<std::size_t>(columns[i])] = static_cast<std::int8_t>(code);
                            const float error = (left(r, i) - (code - zero) * scales[grid]) / factor(i, i);
                            for (std::size_t j = i + 1; j < kEnd; ++j) left(r, j) -= error * factor(i, j);
                            missed(r, i) = -error;
                        }
                    }
                    for (int s = 0; s < count; ++s) {
                        std::vector<float> tiled(kEnd * kTileRows, 0.0F), errors(kColumns * kTileRows);
                        for (std::size_t r = 0; r < left.rows(); ++r)
                            for (std::size_t i = 0; i < kEnd; ++i) tiled[i * kTileRows + r] = weight(r, i);
                        std::vector<std::int8_t> codes(expected.size());
                        CompensatedTile tile{tiled.data(), rows, kColumns, kEnd, factor.data(), kEnd, columns.data(), grids.data(), scales.data(),
                                             symmetric ? nullptr : zeros.data(), kGroups, bits, codes.data(), kColumns, errors.data()};
                        sets[s]->compensate(tile);
                        QVERIFY(codes == expected);
                        for (std::size_t r = 0; r < left.rows(); ++r) {
                            for (std::size_t i = 0; i < kColumns; ++i) QVERIFY(errors[i * kTileRows + r] == missed(r, i));
                            for (std::size_t j = kColumns; j < kEnd; ++j) QVERIFY(tiled[j * kTileRows + r] == left(r, j));
                        }
                    }
                }
    }

    void threadsChangeNothing() {
        const Matrix weight = pseudoRandom(97, 128);
        const int threads = threadCount();
        setThreadCount(1);
        const QuantizedLinear one = roundToNearest(weight, schemeOf(3, 32, false));
        const double errorOfOne = quantizationError(weight, one).meanSquared;
        setThreadCount(5);
        const QuantizedLinear five = roundToNearest(weight, schemeOf(3, 32, false));
        const double errorOfFive = quantizationError(weight, five).meanSquared;
        setThreadCount(threads);
        QVERIFY(one.codes == five.codes && one.scales == five.scales && one.zeros == five.zeros);
        QCOMPARE(errorOfOne, errorOfFive);
    }

    void bitsPerWeightCountsTheGrid() {
        const Matrix weight = pseudoRandom(4, 128);
        QCOMPARE(roundToNearest(weight, schemeOf(4, 64, false)).bitsPerWeight(), 4.0 + 20.0 / 64.0);
        QCOMPARE(roundToNearest(weight, schemeOf(4, 64, true)).bitsPerWeight(), 4.0 + 16.0 / 64.0);
        QCOMPARE(roundToNearest(weight, schemeOf(8, -1, true)).bitsPerWeight(), 8.0 + 16.0 / 128.0);
    }

    void brokenArgumentsThrow() {
        const Matrix weight = pseudoRandom(4, 48);
        QVERIFY_EXCEPTION_THROWN(roundToNearest(weight, schemeOf(1, -1, true)), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(roundToNearest(weight, schemeOf(16, -1, true)), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(roundToNearest(weight, schemeOf(4, 32, true)), std::invalid_argument);
        for (const float broken : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                                   -std::numeric_limits<float>::infinity()}) {
            Matrix damaged = weight.clone();
            damaged(2, 47) = broken;
            QVERIFY_EXCEPTION_THROWN(roundToNearest(damaged, schemeOf(4, 16, true)), std::invalid_argument);
            QVERIFY_EXCEPTION_THROWN(roundToNearest(damaged, schemeOf(4, -1, false)), std::invalid_argument);
        }
        const QuantizedLinear q = roundToNearest(weight, schemeOf(4, 16, true));
        QVERIFY_EXCEPTION_THROWN(quantizationError(pseudoRandom(4, 32), q), std::invalid_argument);
        QuantizedLinear torn = q;
        torn.codes.pop_back();
        QVERIFY_EXCEPTION_THROWN(torn.dequantize(), std::invalid_argument);
        Matrix rows = pseudoRandom(2, 8);
        QVERIFY_EXCEPTION_THROWN(fakeQuantizeRows(rows, ActivationScheme{5, true}), std::invalid_argument);
    }

    void activationsEqualCompressedTensors() {
        for (const auto& reference : m_reference["activations"]) {
            const int bits = reference["bits"];
            Matrix rows = m_weights.clone();
            fakeQuantizeRows(rows, ActivationScheme{bits, true});
            const Matrix expected = matrixOf(reference["rows"], m_weights.rows(), m_weights.cols());
            // The same code on every element; the product with the scale may round the last bit otherwise: 2e-7 relative.
            for (std::size_t i = 0; i < rows.size(); ++i)
                QVERIFY2(std::abs(rows.data()[i] - expected.data()[i]) <= 2e-7F * std::abs(expected.data()[i]),
                         qPrintable(QString("bits %1, element %2: %3, need %4").arg(bits).arg(i).arg(rows.data()[i]).arg(expected.data()[i])));
        }
        Matrix untouched = m_weights.clone();
        fakeQuantizeRows(untouched, ActivationScheme{16, true});
        QVERIFY(std::memcmp(untouched.data(), m_weights.data(), m_weights.size() * sizeof(float)) == 0);
    }

private:
    nlohmann::json m_reference;
    Matrix m_weights;
};

QTEST_GUILESS_MAIN(TestRoundToNearest)
#include "test_round_to_nearest.moc"
