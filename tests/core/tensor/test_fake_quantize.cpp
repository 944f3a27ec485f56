// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest/QtTest>
#include <random>

#include "core/model/activation_quantization.h"
#include "core/quantize/round_to_nearest.h"
#include "core/tensor/fake_quantize.h"
#include "core/tensor/fake_quantize_kernels.h"
#include "core/tensor/tensor_conversion.h"

using namespace safequant;

namespace {

Matrix randomMatrix(std::size_t rows, std::size_t cols, unsigned seed, float deviation = 1.0F) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0F, deviation);
    Matrix matrix(rows, cols);
    for (float& value : matrix.span()) value = normal(random);
    return matrix;
}

at::Tensor uniform(at::IntArrayRef shape, double low, double high, std::uint64_t seed) {
    at::manual_seed(seed);
    return at::rand(shape) * (high - low) + low;
}

double relativeDifference(const at::Tensor& a, const at::Tensor& b) {
    const double norm = b.norm().item<double>();
    return (a - b).norm().item<double>() / (norm > 0.0 ? norm : 1.0);
}

/// A weight and all its terms as leaves that want gradients.
struct Leaves {
    at::Tensor weight;
    WeightTerms terms;

    Leaves(std::int64_t out, std::int64_t in, const WeightGrid& grid)
        : weight(tensorOf(randomMatrix(static_cast<std::size_t>(out), static_cast<std::size_t>(in), 1, 0.1F), at::kCPU)) {
        const std::int64_t groups = grid.groups(in);
        terms = {uniform({in}, 0.5, 2.0, 2), uniform({out}, 0.5, 2.0, 3), uniform({out, groups}, 0.6, 1.0, 4),
                 uniform({out, groups}, 0.6, 1.0, 5), uniform({out, in}, -0.5, 0.5, 6)};
        for (at::Tensor* leaf : all()) leaf->requires_grad_(true);
    }
    std::vector<at::Tensor*> all() {
        return {&weight, &terms.inputScale, &terms.outputScale, &terms.upper, &terms.lower, &terms.offsets};
    }
    /// Gradients of a weighted sum of the result, in the order of all(); undefined ones become zeros.
    std::vector<at::Tensor> gradients(const at::Tensor& result) {
        for (at::Tensor* leaf : all()) leaf->mutable_grad().reset();
        (result * uniform(result.sizes(), -1.0, 1.0, 7)).sum().backward();
        std::vector<at::Tensor> gradients;
        for (at::Tensor* leaf : all()) gradients.push_back(leaf->grad().defined() ? leaf->grad().clone() : at::zeros_like(*leaf));
        return gradients;
    }
};

}  // namespace

class TestFakeQuantize : public QObject {
    Q_OBJECT

private slots:
    void grids_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("group");
        QTest::addColumn<bool>("symmetric");
        for (const int bits : {2, 3, 4, 8})
            for (const int group : {-1, 8, 24})
                for (const bool symmetric : {true, false})
                    QTest::addRow("W%d g%d %s", bits, group, symmetric ? "symmetric" : "asymmetric") << bits << group << symmetric;
    }

    /// The fused pass and the one composed of ATen's operations, which differentiates itself.
    void agreesWithComposition_data() { grids_data(); }
    void agreesWithComposition() {
        QFETCH(int, bits);
        QFETCH(int, group);
        QFETCH(bool, symmetric);
        const WeightGrid grid{bits, group, symmetric};
        Leaves leaves(37, 72, grid);
        const at::Tensor fused = fakeQuantizeWeight(leaves.weight, leaves.terms, grid);
        const at::Tensor composed = composeFakeQuantizeWeight(leaves.weight, leaves.terms, grid);
        QVERIFY(relativeDifference(fused.detach(), composed.detach()) < 1e-6);
        const auto a = leaves.gradients(fused), b = leaves.gradients(composed);
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (!(symmetric && i == 4)) QVERIFY2(b[i].norm().item<double>() > 0.0, qPrintable(QString::number(i)));
            const double difference = relativeDifference(a[i], b[i]);
            QVERIFY2(difference < 1e-4, qPrintable(QString("gradient %1: %2").arg(i).arg(difference)));
        }
    }

    /// Each term alone, the others undefined.
    void takesTermsOneByOne() {
        const WeightGrid grid{4, 24, false};
        for (std::size_t i = 0; i < 6; ++i) {
            Leaves leaves(9, 48, grid);
            const auto all = leaves.all();
            for (std::size_t k = 0; k < 6; ++k)
                if (k == 0) all[0]->requires_grad_(i == 0);
                else if (k != i) all[k]->reset();
            (fakeQuantizeWeight(leaves.weight, leaves.terms, grid) * uniform({9, 48}, -1.0, 1.0, 8)).sum().backward();
            const at::Tensor fused = all[i]->grad().clone();
            all[i]->mutable_grad().reset();
            (composeFakeQuantizeWeight(leaves.weight, leaves.terms, grid) * uniform({9, 48}, -1.0, 1.0, 8)).sum().backward();
            QVERIFY2(relativeDifference(fused, all[i]->grad()) < 1e-4, qPrintable(QString::number(i)));
        }
    }

    /// Without terms the codes are those that rounding to nearest stores; with terms the result is what its codes stand for.
    void codesAreThoseStored_data() { grids_data(); }
    void codesAreThoseStored() {
        QFETCH(int, bits);
        QFETCH(int, group);
        QFETCH(bool, symmetric);
        const WeightGrid grid{bits, group, symmetric};
        const Matrix weight = randomMatrix(33, 72, 11);
        const QuantizedLinear expected = roundToNearest(weight, {bits, group, symmetric, 16});
        const WeightCodes codes = weightCodes(tensorOf(weight, at::kCPU), {}, grid);
        QVERIFY(codes.codes == expected.codes);
        QVERIFY(codes.scales == expected.scales);
        QVERIFY(codes.zeros == expected.zeros);

        Leaves leaves(33, 72, grid);
        const WeightCodes learned = weightCodes(leaves.weight, leaves.terms, grid);
        QuantizedLinear linear{{bits, group, symmetric, 16}, 33, 72, learned.codes, learned.scales, learned.zeros};
        const at::Tensor values = fakeQuantizeWeight(leaves.weight, leaves.terms, grid).detach();
        QVERIFY(at::equal(values, tensorOf(linear.dequantize(), at::kCPU)));
    }

    void activationsAgree_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<bool>("symmetric");
        for (const int bits : {4, 6, 8})
            for (const bool symmetric : {true, false})
                QTest::addRow("A%d %s", bits, symmetric ? "symmetric" : "asymmetric") << bits << symmetric;
    }

    /// LLM.int8()'s activations as the forward pass that runs models has them, with gradients that pass through.
    void activationsWithOutliersAgree() {
        Matrix rows = randomMatrix(19, 70, 21, 3.0F);
        std::fill_n(rows.row(4), rows.cols(), 0.0F);
        rows(5, 3) = 12.0F;
        rows(6, 0) = -6.0F;
        at::Tensor x = tensorOf(rows, at::kCPU).requires_grad_(true);
        const ActivationScheme scheme{8, true, kOutlierMagnitude};
        const at::Tensor rounded = fakeQuantizeActivations(x, scheme);
        quantizeActivationRows(rows.data(), rows.cols(), rows.rows(), rows.cols(), scheme);
        QVERIFY(relativeDifference(rounded.detach(), tensorOf(rows, at::kCPU)) < 1e-6);
        QCOMPARE(rounded.detach()[5][3].item<float>(), 12.0F);
        rounded.sum().backward();
        QVERIFY(at::equal(x.grad(), at::ones_like(x)));
    }

    /// With the forward pass that runs models, bit for bit, and with the composition's gradient.
    void activationsAgree() {
        QFETCH(int, bits);
        QFETCH(bool, symmetric);
        Matrix rows = randomMatrix(19, 70, 21, 3.0F);
        std::fill_n(rows.row(4), rows.cols(), 0.0F);
        at::Tensor x = tensorOf(rows, at::kCPU).requires_grad_(true);
        const ActivationScheme scheme{bits, symmetric};
        const at::Tensor fused = fakeQuantizeActivations(x, scheme);
        quantizeActivationRows(rows.data(), rows.cols(), rows.rows(), rows.cols(), scheme);
        QVERIFY(at::equal(fused.detach(), tensorOf(rows, at::kCPU)));

        const at::Tensor weights = uniform(x.sizes(), -1.0, 1.0, 22);
        (fused * weights).sum().backward();
        const at::Tensor gradient = x.grad().clone();
        x.mutable_grad().reset();
        (composeFakeQuantizeActivations(x, scheme) * weights).sum().backward();
        // A row of zeros sits on a corner, where any of its gradients will do.
        const at::Tensor usual = at::cat({at::arange(0, 4), at::arange(5, 19)});
        QVERIFY(relativeDifference(gradient.index_select(0, usual), x.grad().index_select(0, usual)) < 1e-4);
        QVERIFY(at::isfinite(gradient).all().item<bool>());
    }

    void instructionSetsAgree() {
        const FakeQuantizeKernels* sets[3] = {};
        const int count = fakeQuantizeKernelSets(sets);
        const Matrix weights = randomMatrix(1, 75, 31), gradients = randomMatrix(1, 75, 32), offsets = randomMatrix(1, 75, 33, 0.2F);
        for (const bool symmetric : {true, false}) {
            WeightRow row;
            row.weights = weights.data();
            row.offsets = offsets.data();
            row.cols = 75;
            row.group = 25;
            row.bits = 4;
            row.symmetric = symmetric;
            std::vector<std::vector<float>> results;
            for (int i = 0; i < count; ++i) {
                std::vector<float> result(75 * 3), scratch(150);
                float upper[3], lower[3];
                sets[i]->weightForward(row, scratch.data(), result.data());
                WeightRowGradients wanted;
                wanted.output = gradients.data();
                wanted.weights = result.data() + 75;
                wanted.offsets = result.data() + 150;
                wanted.upper = upper;
                wanted.lower = lower;
                wanted.scratch = scratch.data();
                sets[i]->weightBackward(row, wanted);
                result.insert(result.end(), {upper[0], upper[1], upper[2]});
                results.push_back(result);
            }
            for (const auto& result : results)
                for (std::size_t k = 0; k < result.size(); ++k)
                    QVERIFY(std::abs(result[k] - results[0][k]) <= 1e-5F * (1.0F + std::abs(results[0][k])));
        }
    }

    void refusesWhatDoesNotFit() {
        const at::Tensor weight = at::ones({4, 10});
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, fakeQuantizeWeight(weight, {}, {4, 3, true}));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, fakeQuantizeWeight(weight, {}, {9, -1, true}));
        WeightTerms terms;
        terms.upper = at::ones({4, 2});
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, fakeQuantizeWeight(weight, terms, {4, -1, true}));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, fakeQuantizeActivations(weight, {12, true}));
    }
};

QTEST_APPLESS_MAIN(TestFakeQuantize)
#include "test_fake_quantize.moc"
