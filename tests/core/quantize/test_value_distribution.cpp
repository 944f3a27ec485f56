// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "core/base/random.h"
#include "core/quantize/value_distribution.h"

using namespace safequant;

class TestValueDistribution : public QObject {
    Q_OBJECT

private slots:
    void valuesFallIntoTheirBins() {
        const std::vector<float> values{-1.0F, -0.5F, 0.0F, 0.24F, 0.25F, 1.0F, 1.5F, -2.0F, -3.0F};
        const auto histogram = histogramOf(values, -1.0, 1.0, 8);
        QCOMPARE(histogram.counts, (std::vector<std::uint64_t>{1, 0, 1, 0, 2, 1, 0, 1}));
        QCOMPARE(histogram.below, std::uint64_t{2});
        QCOMPARE(histogram.above, std::uint64_t{1});
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)histogramOf(values, 1.0, 1.0, 8));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)histogramOf(values, 0.0, 1.0, 0));
    }

    void gridUseByHand() {
        // One row, two groups of four: scales 0.5 and 0.25, zero 1 in the second.
        QuantizedLinear quantized;
        quantized.scheme = {2, 4, false, 16};
        quantized.rows = 1;
        quantized.cols = 8;
        quantized.codes = {-2, -1, 0, 1, 1, 1, -2, 0};
        quantized.scales = {0.5F, 0.25F};
        quantized.zeros = {0, 1};
        Matrix weight(1, 8);
        const float values[] = {-1.5F, -0.5F, 0.1F, 0.5F, 0.0F, 0.5F, -0.7F, -0.25F};
        std::copy(std::begin(values), std::end(values), weight.data());
        const auto use = gridUse(weight, quantized, 1);
        QCOMPARE(use.lowestCode, -2);
        QCOMPARE(use.highestCode, 1);
        QCOMPARE(use.codes, (std::vector<std::uint64_t>{2, 1, 2, 3}));
        // In steps: -3, -1, 0.2, 1 | 1, 3, -1.8, 0.
        QCOMPARE(use.clipped, std::uint64_t{2});
        QCOMPARE(use.steps.low, -3.5);
        QCOMPARE(use.steps.high, 2.5);
        QCOMPARE(use.steps.counts, (std::vector<std::uint64_t>{1, 1, 1, 2, 2, 0}));
        QCOMPARE(use.steps.above, std::uint64_t{1});
        QCOMPARE(use.medianScale, 0.5);
        QCOMPARE(use.medianZero, 0.0F);
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)gridUse(Matrix(1, 4), quantized, 1));
    }

    /// Rounding to nearest puts no weight further than half a step from its code, and counts are complete.
    void roundedWeightsLieOnTheirGrid() {
        RandomStream random(3, "weights");
        Matrix weight(24, 64);
        for (float& value : weight.span()) value = static_cast<float>(random.normal());
        for (const bool symmetric : {false, true}) {
            const auto quantized = roundToNearest(weight, {4, 16, symmetric, 16});
            const auto use = gridUse(weight, quantized, 8);
            QCOMPARE(std::accumulate(use.codes.begin(), use.codes.end(), std::uint64_t{0}), std::uint64_t{24 * 64});
            QCOMPARE(std::accumulate(use.steps.counts.begin(), use.steps.counts.end(), std::uint64_t{0}) + use.steps.below + use.steps.above,
                     std::uint64_t{24 * 64});
            QVERIFY(use.clipped < 24 * 4);
            std::vector<float> scales = quantized.scales;
            std::sort(scales.begin(), scales.end());
            QCOMPARE(use.medianScale, static_cast<double>(scales[scales.size() / 2]));
        }
    }

    void outliersAreToldByTheirRatio() {
        const std::vector<float> largest{1.0F, 2.0F, 1.5F, 30.0F, 0.5F, 9.1F, 1.0F, 1.5F};
        QCOMPARE(medianOf(largest), 1.5);
        QCOMPARE(medianOf(std::vector<float>{3.0F, 1.0F, 2.0F, 10.0F}), 2.5);
        const auto outliers = outlierChannels(largest);
        QCOMPARE(outliers.size(), std::size_t{2});
        QCOMPARE(outliers[0].channel, 3);
        QCOMPARE(outliers[0].ratio, 20.0);
        QCOMPARE(outliers[1].channel, 5);
        QVERIFY(outlierChannels({}).empty());
        QVERIFY(outlierChannels(std::vector<float>{0.0F, 0.0F, 5.0F}).empty());
    }
};

QTEST_APPLESS_MAIN(TestValueDistribution)
#include "test_value_distribution.moc"
