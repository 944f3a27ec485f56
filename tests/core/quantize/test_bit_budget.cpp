// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>
#include <limits>

#include "core/base/random.h"
#include "core/model/decoder.h"
#include "core/quantize/round_to_nearest.h"
#include "core/quantize/sensitivity.h"
#include "tests/support/or_throw.h"
#include "tests/support/tiny_model.h"

using namespace safequant;

namespace {

using Items = std::vector<std::vector<BitOption>>;

Items randomItems(RandomStream& random, std::size_t count, bool convex) {
    Items items(count);
    for (auto& options : items) {
        const double size = 1.0 + static_cast<double>(random.below(20));
        double cost = 10.0 * random.uniform();
        for (const int bits : kBudgetBits) {
            options.push_back({bits, bits * size, cost});
            cost = convex ? cost * (0.1 + 0.2 * random.uniform()) : 10.0 * random.uniform();
        }
    }
    return items;
}

/// Every allocation tried.
struct Exhaustive {
    const Items& items;
    double budget;
    double best = std::numeric_limits<double>::infinity();

    void from(std::size_t item, double size, double cost) {
        if (size > budget || cost >= best) return;
        if (item == items.size()) {
            best = cost;
            return;
        }
        for (const BitOption& option : items[item]) from(item + 1, size + option.size, cost + option.cost);
    }
};

}  // namespace

class TestBitBudget : public QObject {
    Q_OBJECT

private slots:
    void againstEveryAllocation_data() {
        QTest::addColumn<bool>("convex");
        QTest::newRow("costs fall ever slower") << true;
        QTest::newRow("any costs") << false;
    }

    void againstEveryAllocation() {
        QFETCH(bool, convex);
        RandomStream random(5, convex ? "convex" : "any");
        int optimal = 0, tried = 0;
        for (int instance = 0; instance < 60; ++instance) {
            const Items items = randomItems(random, 5, convex);
            double least = 0.0, most = 0.0, step = 0.0;
            for (const auto& options : items) {
                least += options.front().size;
                most += options.back().size;
                for (const BitOption& a : options)
                    for (const BitOption& b : options) step = std::max(step, a.cost - b.cost);
            }
            for (const double share : {0.0, 0.15, 0.4, 0.7, 1.0}) {
                const double budget = least + share * (most - least);
                const auto found = allocateBits(items, budget);
                QVERIFY(found.has_value());
                double size = 0.0, cost = 0.0;
                for (std::size_t i = 0; i < items.size(); ++i) {
                    size += items[i][found->options[i]].size;
                    cost += items[i][found->options[i]].cost;
                }
                QVERIFY(size <= budget && std::abs(size - found->size) < 1e-9 && std::abs(cost - found->cost) < 1e-9);
                Exhaustive exhaustive{items, budget};
                exhaustive.from(0, 0.0, 0.0);
                QVERIFY2(found->cost >= exhaustive.best - 1e-9 && found->bound <= exhaustive.best + 1e-9,
                         qPrintable(QString("cost %1, best %2, bound %3").arg(found->cost).arg(exhaustive.best).arg(found->bound)));
                QVERIFY(found->cost - found->bound < step + 1e-9);
                optimal += found->cost <= exhaustive.best + 1e-9 ? 1 : 0;
                ++tried;
                // A budget that ends with a step is solved exactly.
                const auto again = allocateBits(items, found->size);
                if (again->cost - again->bound < 1e-9) {
                    Exhaustive exact{items, found->size};
                    exact.from(0, 0.0, 0.0);
                    QVERIFY(std::abs(again->cost - exact.best) < 1e-9);
                }
            }
        }
        qInfo("%d of %d are the best possible", optimal, tried);
        QVERIFY(optimal > tried / 2);
    }

    void stepsOfTheLagrangianAreExact() {
        RandomStream random(9, "steps");
        const Items items = randomItems(random, 5, true);
        // The budgets at which some multiplier's minimiser ends.
        for (const double multiplier : {0.001, 0.01, 0.05, 0.2, 1.0}) {
            double budget = 0.0, cost = 0.0;
            for (const auto& options : items) {
                const BitOption* best = &options.front();
                for (const BitOption& option : options)
                    if (option.cost + multiplier * option.size < best->cost + multiplier * best->size) best = &option;
                budget += best->size;
                cost += best->cost;
            }
            const auto found = allocateBits(items, budget);
            QVERIFY(std::abs(found->cost - cost) < 1e-9 && std::abs(found->bound - cost) < 1e-9);
        }
    }

    void edges() {
        const Items items{{{4, 40.0, 1.0}, {8, 80.0, 0.1}}};
        const auto refused = allocateBits(items, 39.0);
        QVERIFY(!refused && refused.error().kind == ErrorKind::BadInput);
        QCOMPARE(allocateBits(items, 40.0)->options, (std::vector<std::size_t>{0}));
        QCOMPARE(allocateBits(items, 1e9)->options, (std::vector<std::size_t>{1}));
        QCOMPARE(allocateBits({}, 0.0)->cost, 0.0);
        QVERIFY_EXCEPTION_THROWN((void)allocateBits(Items{{}}, 1.0), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN((void)allocateBits(Items{{{4, 1.0, std::numeric_limits<double>::quiet_NaN()}}}, 1.0), std::invalid_argument);
    }

    void weightErrorsOfAModel() {
        QTemporaryDir folder;
        const std::string path = folder.filePath("model").toStdString();
        testing::writeTinyModel(path);
        const auto checkpoint = testing::orThrow(openCheckpoint(path));
        const auto plan = testing::orThrow(planSchemes(checkpoint->config(), {4, 32, false, 16}, {{"v_proj$", {16, -1, false, 16}}}));
        std::uint64_t last = 0;
        Progress progress;
        progress.report = [&](std::uint64_t done, std::uint64_t total) {
            QCOMPARE(total, std::uint64_t{3});
            last = done;
        };
        const auto linears = testing::orThrow(measureWeightErrors(*checkpoint, plan, progress));
        QCOMPARE(last, std::uint64_t{2});
        QCOMPARE(linears.size(), plan.size());
        const BlockWeights block = testing::orThrow(loadBlock(*checkpoint, 1));
        for (std::size_t i = 0; i < kBudgetBits.size(); ++i) {
            // Down of block 1, from the definition.
            const Matrix& w = block[LinearRole::Down].weight;
            const Matrix q = roundToNearest(w, {kBudgetBits[i], 32, false, 16}).dequantize();
            double error = 0.0, whole = 0.0;
            for (std::size_t k = 0; k < w.size(); ++k) {
                error += std::pow(static_cast<double>(w.data()[k]) - static_cast<double>(q.data()[k]), 2);
                whole += std::pow(static_cast<double>(w.data()[k]), 2);
            }
            const LinearSensitivity& down = linears[13];
            QCOMPARE(down.name, std::string("model.layers.1.mlp.down_proj"));
            QVERIFY(std::abs(down.relativeError[i] - std::sqrt(error / whole)) < 1e-9);
            QVERIFY(std::abs(down.bitsPerWeight[i] - (kBudgetBits[i] + (16.0 + kBudgetBits[i]) / 32.0)) < 1e-12);
        }
        std::stop_source stop;
        stop.request_stop();
        Progress stopped;
        stopped.stop = stop.get_token();
        QCOMPARE(measureWeightErrors(*checkpoint, plan, stopped).error().kind, ErrorKind::Cancelled);

        double weights = 0.0;
        for (const auto& linear : linears) weights += linear.weights;
        for (const bool fused : {true, false}) {
            const auto solved = testing::orThrow(solveBudget(linears, 5.0 * weights, fused));
            QVERIFY(solved.size <= 5.0 * weights && solved.size > 4.5 * weights);
            QVERIFY(solved.bound <= solved.cost);
            double cost = 0.0;
            for (std::size_t i = 0; i < linears.size(); ++i) {
                const auto at = static_cast<std::size_t>(std::find(kBudgetBits.begin(), kBudgetBits.end(), solved.bits[i]) - kBudgetBits.begin());
                cost += std::pow(linears[i].relativeError[at], 2);
            }
            QVERIFY(std::abs(cost - solved.cost) < 1e-9);
            for (std::size_t i = 0; fused && i < linears.size(); i += 7) {
                QVERIFY(solved.bits[i] == solved.bits[i + 1] && solved.bits[i] == solved.bits[i + 2]);
                QCOMPARE(solved.bits[i + 4], solved.bits[i + 5]);
            }
        }
        QVERIFY(testing::orThrow(solveBudget(linears, 5.0 * weights, false)).cost <= testing::orThrow(solveBudget(linears, 5.0 * weights, true)).cost + 1e-3);
        QVERIFY(!solveBudget(linears, 1.0 * weights));

        // Rules that plan just these bits.
        const auto solved = testing::orThrow(solveBudget(linears, 5.0 * weights));
        const QuantizationScheme scheme{4, 32, false, 16};
        const auto planned = testing::orThrow(planSchemes(checkpoint->config(), scheme, rulesFor(linears, solved.bits, scheme)));
        for (std::size_t i = 0; i < planned.size(); ++i) QCOMPARE(planned[i].actual.weightBits, solved.bits[i]);
    }
};

QTEST_GUILESS_MAIN(TestBitBudget)
#include "test_bit_budget.moc"
