// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/base/pareto.h"
#include "core/separability/probe_quality.h"

using namespace safequant;

namespace {

constexpr double kClose = 1e-12;

/// tests/data/separability/probe_quality.json, made by tests/references/make_probe_quality.py.
nlohmann::json reference() {
    std::ifstream file(std::string(SAFEQUANT_TEST_DATA) + "/separability/probe_quality.json");
    return nlohmann::json::parse(file);
}

bool agrees(const std::vector<ReliabilityBin>& bins, const nlohmann::json& expected) {
    if (bins.size() != expected["counts"].size()) return false;
    std::size_t filled = 0;
    for (std::size_t i = 0; i < bins.size(); ++i) {
        if (bins[i].malicious.total != expected["counts"][i].get<std::uint64_t>()) return false;
        if (bins[i].malicious.total == 0) continue;
        // The reference has filled bins alone.
        if (std::fabs(bins[i].malicious.value - expected["share"][filled].get<double>()) > kClose) return false;
        if (std::fabs(bins[i].meanProbability - expected["mean"][filled].get<double>()) > kClose) return false;
        ++filled;
    }
    return filled == expected["share"].size();
}

}  // namespace

class TestProbeQuality : public QObject {
    Q_OBJECT

private slots:
    void agreesWithScikitLearn() {
        for (const auto& expected : reference()) {
            const auto logits = expected["logits"].get<std::vector<double>>();
            const auto positive = expected["positive"].get<std::vector<bool>>();
            std::vector<double> probabilities;
            for (const double logit : logits) probabilities.push_back(probabilityOf(logit));
            const auto width = reliabilityBins(probabilities, positive, 10, Binning::EqualWidth);
            QVERIFY(agrees(width, expected["width"]));
            QVERIFY(std::fabs(expectedCalibrationError(width) - expected["width"]["error"].get<double>()) < kClose);
            QVERIFY(std::fabs(brierScore(probabilities, positive) - expected["brier"].get<double>()) < kClose);
            if (expected.contains("count")) {
                const auto count = reliabilityBins(probabilities, positive, 10, Binning::EqualCount);
                QVERIFY(agrees(count, expected["count"]));
                QVERIFY(std::fabs(expectedCalibrationError(count) - expected["count"]["error"].get<double>()) < kClose);
            }
            const auto curve = rocCurve(logits, positive);
            const auto& roc = expected["roc"];
            QCOMPARE(curve.size(), roc["false"].size());
            double area = 0.0;
            for (std::size_t i = 0; i < curve.size(); ++i) {
                QVERIFY(std::fabs(curve[i].falsePositives - roc["false"][i].get<double>()) < kClose);
                QVERIFY(std::fabs(curve[i].truePositives - roc["true"][i].get<double>()) < kClose);
                if (i == 0) continue;
                QCOMPARE(curve[i].threshold, roc["threshold"][i - 1].get<double>());
                area += (curve[i].falsePositives - curve[i - 1].falsePositives) * 0.5 * (curve[i].truePositives + curve[i - 1].truePositives);
            }
            QVERIFY(std::isinf(curve.front().threshold));
            QVERIFY(std::fabs(area - expected["auc"].get<double>()) < kClose);
            QVERIFY(std::fabs(areaUnderCurve(logits, positive) - area) < kClose);
        }
    }

    void equalProbabilitiesStayTogether() {
        const std::vector<double> probabilities{0.2, 0.9, 0.2, 0.2, 0.2, 0.7};
        const std::vector<bool> positive{false, true, false, true, false, true};
        const auto bins = reliabilityBins(probabilities, positive, 3, Binning::EqualCount);
        QCOMPARE(bins.size(), std::size_t{2});
        QCOMPARE(bins[0].malicious.total, std::uint64_t{4});
        QCOMPARE(bins[0].malicious.count, std::uint64_t{1});
        QCOMPARE(bins[0].low, 0.2);
        QCOMPARE(bins[0].high, 0.2);
        QCOMPARE(bins[1].malicious.total, std::uint64_t{2});
        QCOMPARE(bins[1].meanProbability, 0.8);
    }

    void boundsBelongToTheBinAbove() {
        const std::vector<double> probabilities{0.0, 0.5, 1.0};
        const auto bins = reliabilityBins(probabilities, {false, true, true}, 2, Binning::EqualWidth);
        QCOMPARE(bins[0].malicious.total, std::uint64_t{1});
        QCOMPARE(bins[1].malicious.total, std::uint64_t{2});
    }

    void nothingToMeasure() {
        const auto bins = reliabilityBins({}, {}, 4, Binning::EqualWidth);
        QCOMPARE(bins.size(), std::size_t{4});
        QCOMPARE(expectedCalibrationError(bins), 0.0);
        QVERIFY(reliabilityBins({}, {}, 4, Binning::EqualCount).empty());
        QCOMPARE(brierScore({}, {}), 0.0);
        QVERIFY(rocCurve(std::vector<double>{1.0, 2.0}, {true, true}).empty());
    }

    void badInput() {
        const std::vector<double> half{0.5}, beyond{1.5};
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)reliabilityBins(half, {true}, 0, Binning::EqualWidth));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)reliabilityBins(beyond, {true}, 4, Binning::EqualWidth));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)reliabilityBins(half, {}, 4, Binning::EqualCount));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)brierScore(half, {}));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)rocCurve(half, {}));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, (void)nonDominated(half, {}));
    }

    /// Against the definition, pair by pair.
    void nonDominatedPointsByTheirDefinition() {
        const double nan = std::numeric_limits<double>::quiet_NaN();
        const std::vector<double> x{3, 1, 2, 2, 4, 1, 5, nan, 0.5}, y{1, 4, 2, 3, 1, 4, 0.5, 0, 9};
        std::vector<std::size_t> expected;
        for (std::size_t i = 0; i < x.size(); ++i) {
            bool dominated = std::isnan(x[i]);
            for (std::size_t j = 0; j < x.size(); ++j)
                dominated = dominated || (x[j] <= x[i] && y[j] <= y[i] && (x[j] < x[i] || y[j] < y[i]));
            if (!dominated) expected.push_back(i);
        }
        auto found = nonDominated(x, y);
        QVERIFY(std::is_sorted(found.begin(), found.end(), [&](auto a, auto b) { return x[a] < x[b]; }));
        std::sort(found.begin(), found.end());
        QCOMPARE(found, expected);
        QCOMPARE(found, (std::vector<std::size_t>{0, 1, 2, 5, 6, 8}));
    }
};

QTEST_APPLESS_MAIN(TestProbeQuality)
#include "test_probe_quality.moc"
