// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "core/base/random.h"
#include "core/quantize/hadamard.h"

using namespace safequant;

namespace {

/// Hidden and intermediate sizes of the model families, and their heads.
constexpr int kSizes[] = {576,  640,  960,  1024, 1536, 2048, 2304, 2560,  3072,  3584, 4096, 4864,
                          5120, 8960, 11008, 14336, 18944, 64,   80,   96,    128,   256};

std::vector<double> denseOf(const Rotation& rotation) {
    const auto n = static_cast<std::size_t>(rotation.size());
    std::vector<double> dense(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        dense[i * n + i] = 1.0;
        rotation.apply(dense.data() + i * n);
    }
    return dense;
}

/// Largest |Q Q^T - I|.
double departure(const std::vector<double>& q, std::size_t n) {
    double largest = 0.0;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) {
            double dot = 0.0;
            for (std::size_t k = 0; k < n; ++k) dot += q[i * n + k] * q[j * n + k];
            largest = std::max(largest, std::abs(dot - (i == j ? 1.0 : 0.0)));
        }
    return largest;
}

bool isHadamard(const std::vector<std::int8_t>& h, int order) {
    const auto n = static_cast<std::size_t>(order);
    if (h.size() != n * n) return false;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) {
            int dot = 0;
            for (std::size_t k = 0; k < n; ++k) dot += h[i * n + k] * h[j * n + k];
            if (dot != (i == j ? order : 0)) return false;
        }
    return std::ranges::all_of(h, [](std::int8_t entry) { return entry == 1 || entry == -1; });
}

std::vector<double> randomRow(int size) {
    RandomStream random(5, "row");
    std::vector<double> row(static_cast<std::size_t>(size));
    for (double& value : row) value = random.normal();
    return row;
}

}  // namespace

class TestRotation : public QObject {
    Q_OBJECT

private slots:
    void paleyMatrices() {
        const std::vector<std::int8_t> first = paleyMatrix(12);
        const std::vector<std::int8_t> expected = {-1, 1, -1, 1, -1, -1, -1, 1, 1, 1, -1, 1};
        QVERIFY(std::equal(expected.begin(), expected.end(), first.begin() + 12));
        // Of primes by both constructions, of 25 = 5^2, 27 = 3^3 and 343 = 7^3.
        for (const int order : {4, 8, 12, 20, 24, 28, 36, 44, 52, 60, 68, 72, 76, 84, 108, 140, 148, 344})
            QVERIFY2(isHadamard(paleyMatrix(order), order), qPrintable(QString::number(order)));
        for (const int order : {-4, 0, 1, 2, 3, 6, 92, 116, 156, 172}) QVERIFY(paleyMatrix(order).empty());
    }

    void familySizes() {
        for (const int size : kSizes) {
            const Rotation rotation(size, 1, "test");
            QVERIFY2(rotation.isHadamard(), qPrintable(QString::number(size)));
            const int core = rotation.coreSize();
            QVERIFY(size % core == 0 && std::has_single_bit(static_cast<unsigned>(size / core)));
            QVERIFY(core == 1 || isHadamard(paleyMatrix(core), core));
            // The Kronecker product with a Sylvester matrix is Hadamard when the core is; here that the transform is that product.
            const auto n = static_cast<std::size_t>(size), width = static_cast<std::size_t>(core);
            const auto h = core == 1 ? std::vector<std::int8_t>{1} : paleyMatrix(core);
            for (const std::size_t i : {std::size_t{0}, n / 3, n - 1}) {
                std::vector<double> row(n, 0.0);
                row[i] = 1.0;
                rotation.apply(row.data());
                const double sign = row[0] * h[i % width * width] > 0.0 ? 1.0 : -1.0;
                for (std::size_t j = 0; j < n; ++j) {
                    const double sylvester = std::popcount((i / width) & (j / width)) % 2 == 0 ? 1.0 : -1.0;
                    const double entry = sign * sylvester * h[i % width * width + j % width] / std::sqrt(static_cast<double>(size));
                    QVERIFY(std::abs(row[j] - entry) < 1e-14);
                }
            }
            const std::vector<double> before = randomRow(size);
            std::vector<double> row = before;
            rotation.apply(row.data());
            QVERIFY(std::abs(row[0] - before[0]) > 1e-3);
            rotation.applyInverse(row.data());
            for (std::size_t i = 0; i < n; ++i) QVERIFY(std::abs(row[i] - before[i]) < 1e-12);
        }
    }

    /// Sizes with and without a Hadamard matrix are orthogonal; fast and dense agree, also in float32.
    void fastIsDense() {
        for (const int size : {1, 2, 6, 7, 12, 24, 36, 64, 80, 86, 172, 576}) {
            const Rotation rotation(size, 7, "test");
            QCOMPARE(rotation.isHadamard(), size != 6 && size != 7 && size != 86 && size != 172);
            const auto n = static_cast<std::size_t>(size);
            const std::vector<double> dense = denseOf(rotation);
            QVERIFY2(departure(dense, n) < 1e-13, qPrintable(QString::number(size)));
            const std::vector<double> before = randomRow(size);
            std::vector<float> rows(2 * n);
            for (std::size_t i = 0; i < 2 * n; ++i) rows[i] = static_cast<float>(before[i % n]);
            rotation.apply(rows.data(), 2);
            std::vector<double> row = before;
            rotation.apply(row.data());
            for (std::size_t j = 0; j < n; ++j) {
                double product = 0.0;
                for (std::size_t i = 0; i < n; ++i) product += before[i] * dense[i * n + j];
                QVERIFY(std::abs(row[j] - product) < 1e-12);
                QVERIFY(std::abs(static_cast<double>(rows[n + j]) - product) < 1e-5);
            }
            rotation.applyInverse(rows.data(), 2);
            for (std::size_t i = 0; i < n; ++i) QVERIFY(std::abs(static_cast<double>(rows[n + i]) - before[i]) < 1e-5);
        }
        QVERIFY_EXCEPTION_THROWN(Rotation(0, 1, "test"), std::invalid_argument);
    }

    void seedsAndNames() {
        QVERIFY(denseOf(Rotation(96, 1, "a")) == denseOf(Rotation(96, 1, "a")));
        QVERIFY(denseOf(Rotation(96, 1, "a")) != denseOf(Rotation(96, 2, "a")));
        QVERIFY(denseOf(Rotation(96, 1, "a")) != denseOf(Rotation(96, 1, "b")));
        QVERIFY(denseOf(Rotation(14, 1, "a")) != denseOf(Rotation(14, 2, "a")));
    }
};

QTEST_GUILESS_MAIN(TestRotation)
#include "test_rotation.moc"
