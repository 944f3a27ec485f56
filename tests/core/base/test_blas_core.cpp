// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <vector>

#include "core/base/blas_core.h"
#include "core/base/cpu.h"

extern "C" void dgemm_(const char* transA, const char* transB, const int* m, const int* n, const int* k, const double* alpha, const double* a,
                       const int* lda, const double* b, const int* ldb, const double* beta, double* c, const int* ldc);

using namespace safequant;

namespace {

/// Largest difference of the library's product from sums of our own.
double worstOfProduct() {
    const int n = 150;
    std::vector<double> a(n * n), b(n * n), c(n * n);
    for (int i = 0; i < n * n; ++i) {
        a[static_cast<std::size_t>(i)] = (i * 37 % 101 - 50) / 16.0;
        b[static_cast<std::size_t>(i)] = (i * 53 % 97 - 48) / 32.0;
    }
    const double one = 1.0, none = 0.0;
    dgemm_("N", "N", &n, &n, &n, &one, a.data(), &n, b.data(), &n, &none, c.data(), &n);
    double worst = 0.0;
    for (int row = 0; row < n; ++row)
        for (int col = 0; col < n; ++col) {
            double sum = 0.0;
            for (int k = 0; k < n; ++k) sum += a[static_cast<std::size_t>(row + k * n)] * b[static_cast<std::size_t>(k + col * n)];
            worst = std::max(worst, std::abs(sum - c[static_cast<std::size_t>(row + col * n)]));
        }
    return worst;
}

}  // namespace

class TestBlasCore : public QObject {
    Q_OBJECT

private slots:
    void theCoreIsOneForThisProcessor() {
        qunsetenv("OPENBLAS_CORETYPE");
        QCOMPARE(worstOfProduct(), 0.0);
        const std::string core = useProcessorsBlas();
        if (core.empty()) QSKIP("This BLAS has no choice of cores.");
        qInfo("%s", core.c_str());
        if (cpuHasAvx2()) QVERIFY2(core != "Prescott" && core != "Core2" && core != "Nehalem" && core != "Sandybridge", core.c_str());
        if (cpuHasAvx512()) QVERIFY2(core != "Haswell" && core != "Zen", core.c_str());
        QCOMPARE(worstOfProduct(), 0.0);
        QCOMPARE(useProcessorsBlas(), core);
        QVERIFY(!qEnvironmentVariableIsSet("OPENBLAS_CORETYPE"));
    }
};

QTEST_GUILESS_MAIN(TestBlasCore)
#include "test_blas_core.moc"
