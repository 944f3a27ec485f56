// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/model/activation_quantization.h"
#include "core/quantize/data_types.h"
#include "core/quantize/quantize_block.h"

using namespace safequant;

namespace {

/// The weights of tests/references/make_data_types.py.
Matrix weightOf(const nlohmann::json& reference) {
    Matrix weight(reference["rows"], reference["cols"]);
    auto state = reference["seed"].get<std::uint32_t>();
    const bool zeros = reference.value("zeros", false);
    for (float& out : weight.span()) {
        state = state * 1664525U + 1013904223U;
        const float value = static_cast<float>(state >> 8) / 16777216.0F - 0.5F;
        out = zeros ? 0.0F : value * value * value;
    }
    return weight;
}

std::vector<float> floatsOf(const nlohmann::json& values) {
    std::vector<float> floats;
    for (const auto& value : values) floats.push_back(static_cast<float>(value.get<double>()));
    return floats;
}

std::vector<float> valuesOf(const Matrix& matrix) { return {matrix.span().begin(), matrix.span().end()}; }

QuantizationScheme schemeWith(WeightFormat format) { return schemeOfFormat(format, 4); }

}  // namespace

class TestDataTypes : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() {
        std::ifstream file(SAFEQUANT_TEST_DATA "/quantize/data_types.json");
        m_reference = nlohmann::json::parse(file);
    }

    void levelsAreThoseOfBitsandbytes() {
        QCOMPARE(std::vector<float>(nf4Levels().begin(), nf4Levels().end()), floatsOf(m_reference["levels"]["nf4"]));
        QCOMPARE(std::vector<float>(fp4Levels().begin(), fp4Levels().end()), floatsOf(m_reference["levels"]["fp4"]));
        QCOMPARE(std::vector<float>(dynamicLevels().begin(), dynamicLevels().end()), floatsOf(m_reference["dynamic"]));
    }

    void weightsAreThoseOfBitsandbytes() {
        QCOMPARE(m_reference["weights"].size(), std::size_t{4});
        for (const auto& reference : m_reference["weights"]) {
            const Matrix weight = weightOf(reference);
            QCOMPARE(valuesOf(quantizeNf4(weight, false).values), floatsOf(reference["nf4"]));
            QCOMPARE(valuesOf(quantizeFp4(weight).values), floatsOf(reference["fp4"]));
            // bitsandbytes rounds weights to half precision before int8.
            Matrix half(weight.rows(), weight.cols());
            const auto halves = floatsOf(reference["half"]);
            std::copy(halves.begin(), halves.end(), half.data());
            QCOMPARE(valuesOf(quantizeInt8Rows(half).values), floatsOf(reference["int8"]));
        }
    }

    void doubleQuantizationKeepsTheScalesOfBitsandbytes() {
        for (const auto& reference : m_reference["doubled"]) {
            const Matrix weight = weightOf(reference), single = quantizeNf4(weight, false).values, twice = quantizeNf4(weight, true).values;
            const auto scales = floatsOf(reference["scales"]);
            QCOMPARE(scales.size(), (weight.size() + 63) / 64);
            double changed = 0.0;
            for (std::size_t b = 0; b < scales.size(); ++b) {
                float before = 0.0F, after = 0.0F;
                for (std::size_t i = b * 64; i < std::min(weight.size(), (b + 1) * 64); ++i) {
                    before = std::max(before, std::fabs(single.data()[i]));
                    after = std::max(after, std::fabs(twice.data()[i]));
                }
                // The mean taken off and put back is a float32 sum in another order: a few units in the last place.
                QVERIFY2(std::fabs(after - std::fabs(scales[b])) <= 1e-6F * before, QTest::toString(QString("%1: %2, not %3").arg(b).arg(after).arg(scales[b])));
                for (std::size_t i = b * 64; i < std::min(weight.size(), (b + 1) * 64); ++i)
                    QVERIFY(std::fabs(single.data()[i] / before - twice.data()[i] / scales[b]) <= 1e-5F);
                changed += static_cast<double>(std::fabs(after - before));
            }
            QVERIFY(changed > 0.0);
        }
    }

    void activationsAreThoseOfBitsandbytes() {
        QCOMPARE(m_reference["tokens"].size(), std::size_t{4});
        for (const auto& reference : m_reference["tokens"]) {
            std::vector<float> row = floatsOf(reference["input"]);
            quantizeActivationRows(row.data(), row.size(), 1, row.size(), {8, true, kOutlierMagnitude});
            QCOMPARE(row, floatsOf(reference["output"]));
        }
    }

    void aTokenDoesNotDependOnItsNeighbours() {
        const auto plain = floatsOf(m_reference["tokens"][0]["input"]), wild = floatsOf(m_reference["tokens"][1]["input"]);
        std::vector<float> rows = plain;
        rows.insert(rows.end(), wild.begin(), wild.end());
        quantizeActivationRows(rows.data(), plain.size(), 2, plain.size(), {8, true, kOutlierMagnitude});
        QCOMPARE(std::vector<float>(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(plain.size())), floatsOf(m_reference["tokens"][0]["output"]));
        QCOMPARE(std::vector<float>(rows.begin() + static_cast<std::ptrdiff_t>(plain.size()), rows.end()), floatsOf(m_reference["tokens"][1]["output"]));
    }

    void bitsCountScales() {
        const Matrix weight = Matrix::zeros(16, 128);
        QCOMPARE(quantizeNf4(weight, false).bitsPerWeight, 4.5);
        QCOMPARE(quantizeFp4(weight).bitsPerWeight, 4.5);
        // 32 scales of 8 bits, one scale and one mean for them in 32.
        QCOMPARE(quantizeNf4(weight, true).bitsPerWeight, 4.0 + (32 * 8 + 64) / 2048.0);
        QCOMPARE(quantizeInt8Rows(weight).bitsPerWeight, 8.25);
    }

    void quantizedLinearsHoldTheirValues() {
        const Matrix weight = weightOf(m_reference["weights"][0]);
        for (const WeightFormat format : {WeightFormat::Nf4, WeightFormat::Nf4Double, WeightFormat::Fp4, WeightFormat::Int8Rows}) {
            const QuantizedLinear linear = quantizeLinear(weight, schemeWith(format));
            QVERIFY(!linear.onGrid());
            QVERIFY(linear.codes.empty() && linear.scales.empty());
            QCOMPARE(linear.bitsPerWeight(), schemeBitsPerWeight(linear.scheme, linear.rows, linear.cols));
            const Matrix back = linear.dequantize();
            QCOMPARE(valuesOf(back), linear.values);
            const QuantizationError error = quantizationError(weight, linear);
            double squared = 0.0, whole = 0.0;
            for (std::size_t i = 0; i < weight.size(); ++i) {
                squared += std::pow(static_cast<double>(weight.data()[i]) - static_cast<double>(back.data()[i]), 2);
                whole += std::pow(static_cast<double>(weight.data()[i]), 2);
            }
            QVERIFY(std::fabs(error.relative - std::sqrt(squared / whole)) <= 1e-12);
            QVERIFY(error.relative > 1e-3 && error.relative < 0.3);
        }
        QVERIFY(quantizeLinear(weight, {4, 64, true, 16}).onGrid());
    }

    void saysWhatItCannotDo() {
        Matrix weight = Matrix::zeros(2, 64);
        QVERIFY_EXCEPTION_THROWN(quantizeToDataType(weight, {4, 64, true, 16}), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(quantizeToDataType(weight, schemeWith(WeightFormat::Codebooks)), std::invalid_argument);
        weight(1, 3) = std::numeric_limits<float>::quiet_NaN();
        QVERIFY_EXCEPTION_THROWN(quantizeNf4(weight, false), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(quantizeInt8Rows(weight), std::invalid_argument);
        QuantizedLinear broken = quantizeLinear(Matrix::zeros(2, 64), schemeWith(WeightFormat::Nf4));
        broken.values.pop_back();
        QVERIFY_EXCEPTION_THROWN(broken.dequantize(), std::invalid_argument);
        float row[4] = {};
        QVERIFY_EXCEPTION_THROWN(quantizeActivationRows(row, 4, 1, 4, {4, true, 6.0F}), std::invalid_argument);
    }

private:
    nlohmann::json m_reference;
};

QTEST_GUILESS_MAIN(TestDataTypes)
#include "test_data_types.moc"
