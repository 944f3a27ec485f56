// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>

#include "core/base/random.h"
#include "core/base/statistics.h"

using namespace safequant;

namespace {

/// Made by tests/references/make_statistics.py.
nlohmann::json reference() {
    std::ifstream file(std::string(SAFEQUANT_TEST_DATA) + "/base/statistics.json");
    return nlohmann::json::parse(file);
}

}  // namespace

class TestStatistics : public QObject {
    Q_OBJECT

private slots:
    void wilsonAgreesWithScipy();
    void wilsonEdges();
    void rates();
    void areaAgreesWithScikitLearn();
    void areaByHand();
    void areaWithoutAClass();
    void areaOfIntervalClamped();
    void bootstrapAgreesWithAnotherImplementation();
    void bootstrapKeepsClustersWhole();
    void bootstrapIsDeterministic();
    void pairedTestsAgreeWithStatsmodels();
    void kappaAgreesWithScikitLearn();
    void badInput();
};

void TestStatistics::wilsonAgreesWithScipy() {
    for (const auto& row : reference()["wilson"]) {
        const auto interval = wilsonInterval(row["count"], row["total"]);
        QVERIFY(std::abs(interval.low - row["low"].get<double>()) < 1e-12);
        QVERIFY(std::abs(interval.high - row["high"].get<double>()) < 1e-12);
    }
}

void TestStatistics::wilsonEdges() {
    const auto some = wilsonInterval(45, 520);
    QVERIFY(std::abs(some.low - 0.0653036) < 5e-8);
    QVERIFY(std::abs(some.high - 0.1138374) < 5e-8);
    const auto none = wilsonInterval(0, 50);
    QCOMPARE(none.low, 0.0);
    QVERIFY(std::abs(none.high - 0.0713476) < 5e-8);
    QCOMPARE(wilsonInterval(50, 50).high, 1.0);
    QCOMPARE(wilsonInterval(0, 0).low, 0.0);
    QCOMPARE(wilsonInterval(0, 0).high, 1.0);
    QVERIFY(wilsonInterval(5, 10, 2.5758).low < wilsonInterval(5, 10).low);
}

void TestStatistics::rates() {
    const auto rate = rateOf(3, 4);
    QCOMPARE(rate.count, std::uint64_t{3});
    QCOMPARE(rate.total, std::uint64_t{4});
    QCOMPARE(rate.value, 0.75);
    QCOMPARE(rate.wilson.low, wilsonInterval(3, 4).low);
    QCOMPARE(rateOf(0, 0).value, 0.0);
    QCOMPARE(rateOf(0, 0).wilson.high, 1.0);
}

void TestStatistics::areaAgreesWithScikitLearn() {
    for (const auto& row : reference()["areas"]) {
        const std::vector<double> scores = row["scores"];
        const std::vector<bool> positive = row["positive"];
        QVERIFY(std::abs(areaUnderCurve(scores, positive) - row["area"].get<double>()) < 1e-12);
        const auto interval = areaUnderCurveInterval(scores, positive);
        QVERIFY(std::abs(interval.low - row["delong"][0].get<double>()) < 1e-12);
        QVERIFY(std::abs(interval.high - row["delong"][1].get<double>()) < 1e-12);
    }
}

void TestStatistics::areaByHand() {
    const std::vector<double> scores{.9, .8, .7, .6, .55, .5};
    QVERIFY(std::abs(areaUnderCurve(scores, {true, true, false, true, false, false}) - 8.0 / 9.0) < 1e-15);
    QCOMPARE(areaUnderCurve(std::vector<double>{1, 1, 1, 1}, {true, false, true, false}), 0.5);
    QCOMPARE(areaUnderCurve(std::vector<double>{1, 2, 2}, {false, false, true}), 0.75);
}

void TestStatistics::areaWithoutAClass() {
    const std::vector<double> scores{1, 2};
    QCOMPARE(areaUnderCurve(scores, {true, true}), 0.5);
    QCOMPARE(areaUnderCurve({}, {}), 0.5);
    QCOMPARE(areaUnderCurveInterval(scores, {false, false}).low, 0.0);
    QCOMPARE(areaUnderCurveInterval(scores, {false, false}).high, 1.0);
}

void TestStatistics::areaOfIntervalClamped() {
    const auto perfect = areaUnderCurveInterval(std::vector<double>{1, 2, 3, 4}, {false, false, true, true});
    QCOMPARE(perfect.low, 1.0);
    QCOMPARE(perfect.high, 1.0);
    const auto nearly = areaUnderCurveInterval(std::vector<double>{1, 3, 2, 4}, {false, false, true, true});
    QVERIFY(nearly.low >= 0.0 && nearly.low < 0.75);
    QCOMPARE(nearly.high, 1.0);
}

void TestStatistics::bootstrapAgreesWithAnotherImplementation() {
    const auto row = reference()["bootstrap"];
    const std::vector<double> values = row["values"];
    const std::vector<int> clusters = row["clusters"];
    const auto interval = clusterBootstrapMean(values, clusters, row["seed"], row["resamples"]);
    QVERIFY(std::abs(interval.low - row["interval"][0].get<double>()) < 1e-12);
    QVERIFY(std::abs(interval.high - row["interval"][1].get<double>()) < 1e-12);
}

void TestStatistics::bootstrapKeepsClustersWhole() {
    std::vector<double> values;
    std::vector<int> apart(200);
    std::vector<int> together;
    for (int i = 0; i < 200; ++i) {
        values.push_back((i / 20) % 2);
        together.push_back(i / 20);
    }
    std::iota(apart.begin(), apart.end(), 0);
    const auto narrow = clusterBootstrapMean(values, apart, 1);
    const auto wide = clusterBootstrapMean(values, together, 1);
    QVERIFY(wide.high - wide.low > 3.0 * (narrow.high - narrow.low));
    // Independent values: the normal approximation, 1.96 sqrt(0.25 / 200) to each side; 2000 resamples leave a few percent.
    QVERIFY(std::abs((narrow.high - narrow.low) / (2 * 1.96 * std::sqrt(0.25 / 200)) - 1.0) < 0.1);
    const std::vector<int> one(200, 7);
    QCOMPARE(clusterBootstrapMean(values, one, 1).low, 0.5);
    QCOMPARE(clusterBootstrapMean(values, one, 1).high, 0.5);
}

void TestStatistics::bootstrapIsDeterministic() {
    RandomStream random(3, "test");
    std::vector<double> values;
    std::vector<int> clusters;
    for (int i = 0; i < 50; ++i) {
        values.push_back(random.normal());
        clusters.push_back(i / 2);
    }
    const auto a = clusterBootstrapMean(values, clusters, 9);
    const auto b = clusterBootstrapMean(values, clusters, 9);
    const auto c = clusterBootstrapMean(values, clusters, 10);
    QCOMPARE(a.low, b.low);
    QCOMPARE(a.high, b.high);
    QVERIFY(a.low != c.low);
    QVERIFY(clusterBootstrapMean(values, clusters, 9, 2000, 0.5).high < a.high);
}

void TestStatistics::pairedTestsAgreeWithStatsmodels() {
    const auto expected = reference();
    for (const auto& row : expected["mcnemar"]) {
        const double p = mcnemarExact(row["only_first"], row["only_second"]);
        const double want = row["p"];
        QVERIFY2(std::abs(p - want) <= 1e-9 * want, row.dump().c_str());
        QCOMPARE(p, mcnemarExact(row["only_second"], row["only_first"]));
    }
    for (const auto& row : expected["holm"]) {
        const auto adjusted = holmAdjusted(row["p"].get<std::vector<double>>());
        const auto want = row["adjusted"].get<std::vector<double>>();
        QCOMPARE(adjusted.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) QVERIFY(std::abs(adjusted[i] - want[i]) < 1e-12);
    }
    QVERIFY(holmAdjusted({}).empty());
}

void TestStatistics::kappaAgreesWithScikitLearn() {
    for (const auto& row : reference()["kappa"]) {
        const auto first = row["first"].get<std::vector<int>>();
        const auto second = row["second"].get<std::vector<int>>();
        QVERIFY(std::abs(cohenKappa(first, second) - row["kappa"].get<double>()) < 1e-12);
        QCOMPARE(cohenKappa(first, first), 1.0);
    }
    const std::vector<int> same{2, 2, 2};
    QVERIFY(std::isnan(cohenKappa(same, same)));
    QVERIFY_EXCEPTION_THROWN(cohenKappa(same, std::vector<int>{1}), std::invalid_argument);
    QVERIFY_EXCEPTION_THROWN(cohenKappa({}, {}), std::invalid_argument);
}

void TestStatistics::badInput() {
    QVERIFY_THROWS_EXCEPTION(std::invalid_argument, wilsonInterval(3, 2));
    const std::vector<double> values{1, 2};
    const std::vector<int> clusters{1};
    QVERIFY_THROWS_EXCEPTION(std::invalid_argument, clusterBootstrapMean(values, clusters, 0));
    QVERIFY_THROWS_EXCEPTION(std::invalid_argument, clusterBootstrapMean({}, {}, 0));
    QVERIFY_THROWS_EXCEPTION(std::invalid_argument, clusterBootstrapMean(values, std::vector<int>{1, 2}, 0, 0));
    QVERIFY_THROWS_EXCEPTION(std::invalid_argument, areaUnderCurve(values, {true}));
    QVERIFY_THROWS_EXCEPTION(std::invalid_argument, areaUnderCurveInterval(values, {true}));
}

QTEST_GUILESS_MAIN(TestStatistics)
#include "test_statistics.moc"
