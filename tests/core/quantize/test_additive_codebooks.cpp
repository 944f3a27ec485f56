// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/quantize/additive_codebooks.h"
#include "core/quantize/gptq.h"
#include "core/quantize/input_statistics.h"

using namespace safequant;

namespace {

/// The layer of tests/references/make_aqlm.py and its inputs.
struct CorrelatedLayer {
    Matrix weight, inputs, hessian;

    CorrelatedLayer(std::size_t rows, std::size_t columns, std::size_t count) : weight(rows, columns), inputs(count, columns), hessian(columns, columns) {
        std::uint32_t state = 7;
        const auto uniform = [&] {
            state = state * 1664525U + 1013904223U;
            return static_cast<float>(state >> 8) / 16777216.0F - 0.5F;
        };
        for (float& value : weight.span()) {
            value = uniform();
            value += uniform();
            value += uniform();
        }
        for (float& value : inputs.span()) value = uniform();
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t c = 1; c < columns; ++c) inputs(r, c) += 0.9F * inputs(r, c - 1);
        for (std::size_t i = 0; i < columns; ++i)
            for (std::size_t j = 0; j < columns; ++j) {
                double sum = 0.0;
                for (std::size_t r = 0; r < count; ++r) sum += static_cast<double>(inputs(r, i)) * static_cast<double>(inputs(r, j));
                hessian(i, j) = static_cast<float>(sum / static_cast<double>(count));
            }
    }

    /// tr(D H D^T), in double.
    double energy(const Matrix& difference) const {
        double sum = 0.0;
        for (std::size_t r = 0; r < difference.rows(); ++r)
            for (std::size_t i = 0; i < difference.cols(); ++i)
                for (std::size_t j = 0; j < difference.cols(); ++j)
                    sum += static_cast<double>(difference(r, i)) * static_cast<double>(hessian(i, j)) * static_cast<double>(difference(r, j));
        return sum;
    }
    double relativeError(const Matrix& values) const {
        Matrix difference(weight.rows(), weight.cols());
        for (std::size_t i = 0; i < weight.size(); ++i) difference.data()[i] = weight.data()[i] - values.data()[i];
        return std::sqrt(energy(difference) / energy(weight));
    }
};

}  // namespace

class TestAdditiveCodebooks : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() {
        std::ifstream file(SAFEQUANT_TEST_DATA "/quantize/aqlm.json");
        m_reference = nlohmann::json::parse(file);
        m_layer = std::make_unique<CorrelatedLayer>(m_reference["rows"], m_reference["columns"], m_reference["inputs"]);
        double trace = 0.0, sum = 0.0;
        for (std::size_t i = 0; i < m_layer->hessian.rows(); ++i) trace += static_cast<double>(m_layer->hessian(i, i));
        for (const float value : m_layer->weight.span()) sum += static_cast<double>(value);
        QVERIFY(std::fabs(trace - m_reference["trace"].get<double>()) < 1e-4);
        QVERIFY(std::fabs(sum - m_reference["weight_sum"].get<double>()) < 1e-2);
    }

    void fitsAsWellAsThePlainImplementation() {
        for (const auto& reference : m_reference["fits"]) {
            std::vector<double> errors;
            const auto fitted = fitAdditiveCodebooks(m_layer->weight, m_layer->hessian, reference["codebooks"], {}, "layer", &errors);
            const double error = m_layer->relativeError(fitted.dequantize());
            // k-means of other random numbers: a few hundredths.
            QVERIFY2(error <= 1.03 * reference["final"].get<double>(), std::to_string(error).c_str());
            const double whole = m_layer->energy(m_layer->weight);
            QVERIFY(std::fabs(std::sqrt(errors.front() / whole) - reference["initial"].get<double>()) <= 0.05 * reference["initial"].get<double>());
            // What it says of itself, in float32.
            QVERIFY(std::fabs(std::sqrt(errors.back() / whole) - error) <= 1e-3 * error);
        }
    }

    void noStepMakesItWorse() {
        for (const std::size_t codebooks : {1U, 2U, 4U}) {
            std::vector<double> errors;
            (void)fitAdditiveCodebooks(m_layer->weight, m_layer->hessian, codebooks, {}, "layer", &errors);
            QVERIFY(errors.size() >= 6);
            // The last follows the rounding of tables and scales to bfloat16.
            for (std::size_t i = 1; i + 1 < errors.size(); ++i)
                QVERIFY2(errors[i] <= errors[i - 1] * (1.0 + 1e-4), (std::to_string(i) + ": " + std::to_string(errors[i]) + " after " + std::to_string(errors[i - 1])).c_str());
            QVERIFY(errors.back() <= errors.front());
            QVERIFY(errors.back() <= errors[errors.size() - 2] * 1.02);
        }
    }

    void beatsGptqAtTwoBits() {
        InputStatistics inputs(m_layer->inputs.cols());
        inputs.add(m_layer->inputs.data(), m_layer->inputs.cols(), m_layer->inputs.rows());
        QuantizedLinear gptq = gridsOf(m_layer->weight, {2, 64, false, 16}, false);
        const std::vector<int> order = visitingOrder(inputs, ColumnOrder::Static);
        chooseCodes(m_layer->weight, *inputs.inverseFactor(order, 0.01), order, 128, false, false, gptq);
        const double other = m_layer->relativeError(gptq.dequantize());
        const auto fitted = fitAdditiveCodebooks(m_layer->weight, m_layer->hessian, 2, {}, "layer");
        const double own = m_layer->relativeError(fitted.dequantize());
        QVERIFY2(own < 0.8 * other, (std::to_string(own) + ", GPTQ " + std::to_string(other)).c_str());
    }

    void searchFindsTheBestCodes() {
        // Two codebooks and a beam as wide as a codebook: every combination is looked at.
        std::vector<float> tables(2 * kCodebookSize);
        std::uint32_t state = 3;
        const auto uniform = [&] {
            state = state * 1664525U + 1013904223U;
            return static_cast<float>(state >> 8) / 16777216.0F - 0.5F;
        };
        for (float& value : tables) value = uniform();
        HessianTile tile{};
        for (std::size_t i = 0; i < 8; ++i)
            for (std::size_t j = 0; j < 8; ++j) tile[i * 8 + j] = (i == j ? 1.5F : 0.0F) + 0.4F / static_cast<float>(1 + (i > j ? i - j : j - i));
        float target[8];
        for (float& value : target) value = 3.0F * uniform();
        const auto cost = [&](std::size_t a, std::size_t b) {
            double sum = 0.0;
            for (std::size_t i = 0; i < 8; ++i) {
                const double q = static_cast<double>(tables[a * 8 + i]) + static_cast<double>(tables[kCodebookSize + b * 8 + i]);
                sum -= 2.0 * q * static_cast<double>(target[i]);
                for (std::size_t j = 0; j < 8; ++j)
                    sum += q * static_cast<double>(tile[i * 8 + j]) * (static_cast<double>(tables[a * 8 + j]) + static_cast<double>(tables[kCodebookSize + b * 8 + j]));
            }
            return sum;
        };
        double least = cost(0, 0), beamed = 0.0;
        for (std::size_t a = 0; a < 256; ++a)
            for (std::size_t b = 0; b < 256; ++b) least = std::min(least, cost(a, b));
        for (const std::size_t width : {64U, 8U}) {
            GroupSearch search(tables.data(), 2, width);
            search.prepare(tile);
            std::uint8_t codes[2] = {0, 0};
            QVERIFY(search.choose(target, codes));
            beamed = cost(codes[0], codes[1]);
            QVERIFY(beamed <= cost(0, 0) && beamed >= least - 1e-6);
            if (width == 64U) QVERIFY2(beamed <= least + 0.02 * std::fabs(least), std::to_string(beamed - least).c_str());
            // Codes that are the best known stay.
            QVERIFY(!search.choose(target, codes));
        }
        QVERIFY_EXCEPTION_THROWN(GroupSearch(tables.data(), 0, 8), std::invalid_argument);
    }

    void zeroRowsStayZero() {
        Matrix weight = m_layer->weight.clone();
        std::fill_n(weight.row(3), weight.cols(), 0.0F);
        const Matrix values = fitAdditiveCodebooks(weight, m_layer->hessian, 2, {}, "layer").dequantize();
        for (const float value : values.rowSpan(3)) QCOMPARE(value, 0.0F);
    }

    void isTheSameForOneSeed() {
        AqlmOptions options;
        options.rounds = 1;
        const auto first = fitAdditiveCodebooks(m_layer->weight, m_layer->hessian, 2, options, "layer");
        const auto again = fitAdditiveCodebooks(m_layer->weight, m_layer->hessian, 2, options, "layer");
        QCOMPARE(first.codes, again.codes);
        QCOMPARE(first.tables, again.tables);
        options.seed = 1;
        QVERIFY(fitAdditiveCodebooks(m_layer->weight, m_layer->hessian, 2, options, "layer").codes != first.codes);
        // Tables and scales are bfloat16 values.
        for (const float value : first.tables) QCOMPARE(std::bit_cast<std::uint32_t>(value) & 0xFFFFU, 0U);
        for (const float value : first.scales) QCOMPARE(std::bit_cast<std::uint32_t>(value) & 0xFFFFU, 0U);
    }

    void saysWhatItCannotFit() {
        const Matrix narrow = Matrix::zeros(4, 12), hessian = Matrix::zeros(12, 12);
        QVERIFY_EXCEPTION_THROWN(fitAdditiveCodebooks(narrow, hessian, 2, {}, "x"), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(fitAdditiveCodebooks(m_layer->weight, hessian, 2, {}, "x"), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(fitAdditiveCodebooks(m_layer->weight, m_layer->hessian, 5, {}, "x"), std::invalid_argument);
    }

private:
    nlohmann::json m_reference;
    std::unique_ptr<CorrelatedLayer> m_layer;
};

QTEST_GUILESS_MAIN(TestAdditiveCodebooks)
#include "test_additive_codebooks.moc"
