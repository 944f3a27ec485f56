// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest/QtTest>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "core/base/random.h"
#include "core/model/decoder.h"
#include "core/model/matmul.h"
#include "core/model/simd_kernels.h"

using namespace safequant;

namespace {

std::vector<float> normals(std::size_t n, std::uint64_t seed) {
    RandomStream random(seed, "kernels");
    std::vector<float> values(n);
    for (float& value : values) value = static_cast<float>(random.normal());
    return values;
}

}  // namespace

/// Every instruction set this machine has, against plain double arithmetic.
class TestKernels : public QObject {
    Q_OBJECT

    void levels() {
        QTest::addColumn<SimdLevel>("level");
        for (const auto& [level, name] : {std::pair{SimdLevel::Baseline, "baseline"}, {SimdLevel::Avx2, "avx2"}, {SimdLevel::Avx512, "avx512"}})
            if (simdKernels(level) != nullptr) QTest::newRow(name) << level;
    }

private slots:
    void bestLevelIsSupported() {
        QVERIFY(simdKernels(SimdLevel::Baseline) != nullptr);
        QVERIFY(simdKernels(simdKernels().level) == &simdKernels());
        QVERIFY(cpuFeatures().find("sse2") != std::string::npos);
    }

    void products_data() { levels(); }
    void products() {
        QFETCH(SimdLevel, level);
        const SimdKernels& kernels = *simdKernels(level);
        const std::size_t stride = 40;
        for (int rows = 1; rows <= kernels.tileRows; ++rows)
            for (const int panels : {1, kernels.tilePanels})
                for (int columns = 1; columns <= 16 * panels; ++columns)
                    for (const std::size_t in : {1U, 2U, 37U}) {
                        const bool accumulate = columns % 2 == 0;
                        const bool biased = columns % 3 != 0;
                        const auto x = normals(static_cast<std::size_t>(rows) * in, 1);
                        const auto w = normals(static_cast<std::size_t>(panels) * 16 * in, 2);
                        const auto bias = normals(static_cast<std::size_t>(panels) * 16, 3);
                        auto y = normals(static_cast<std::size_t>(rows) * stride, 4);
                        const auto before = y;
                        std::vector<float> packed(x.size());
                        kernels.packRows(x.data(), in, rows, in, packed.data());
                        kernels.multiplyTile(packed.data(), rows, in, w.data(), panels, columns, biased ? bias.data() : nullptr, y.data(),
                                             stride, accumulate);
                        for (int r = 0; r < rows; ++r)
                            for (std::size_t c = 0; c < stride; ++c) {
                                const std::size_t at = static_cast<std::size_t>(r) * stride + c;
                                if (c >= static_cast<std::size_t>(columns)) {
                                    QCOMPARE(y[at], before[at]);
                                    continue;
                                }
                                double sum = (biased ? static_cast<double>(bias[c]) : 0.0) + (accumulate ? static_cast<double>(before[at]) : 0.0);
                                for (std::size_t k = 0; k < in; ++k)
                                    sum += static_cast<double>(x[static_cast<std::size_t>(r) * in + k]) *
                                           static_cast<double>(w[(c / 16) * 16 * in + k * 16 + c % 16]);
                                QVERIFY(std::abs(static_cast<double>(y[at]) - sum) < 1e-5);
                            }
                    }
    }

    void exponentials_data() { levels(); }
    void exponentials() {
        QFETCH(SimdLevel, level);
        const SimdKernels& kernels = *simdKernels(level);
        double worst = 0.0;
        for (double x = -87.0; x <= 87.0; x += 0.0137) {
            const auto value = static_cast<float>(x);
            const double expected = std::exp(static_cast<double>(value));
            worst = std::max(worst, std::abs(kernels.sumOfExponentials(&value, 1, 0.0F) - expected) / expected);
        }
        QVERIFY2(worst < 1.5e-7, qPrintable(QString::number(worst)));
        const float far[] = {-200.0F, -INFINITY};
        QCOMPARE(kernels.sumOfExponentials(far, 2, 0.0F), 0.0);
        for (const std::size_t n : {1U, 3U, 5U, 15U, 16U, 17U, 63U, 1023U, 1024U, 1025U, 3001U}) {
            const auto values = normals(n, 11);
            double sum = 0.0;
            for (const float v : values) sum += std::exp(static_cast<double>(v) - 1.5);
            QVERIFY(std::abs(kernels.sumOfExponentials(values.data(), n, 1.5F) - sum) < 1e-6 * sum);
        }
    }

    void elementWise_data() { levels(); }
    void elementWise() {
        QFETCH(SimdLevel, level);
        const SimdKernels& kernels = *simdKernels(level);
        const auto square = [](float v) { return static_cast<double>(v) * static_cast<double>(v); };
        // Every tail of the longest vectors, behind none to three whole ones.
        for (std::size_t n = 1; n <= 70; ++n) {
            const auto x = normals(n, 5);
            const auto w = normals(n, 6);
            const auto y = normals(n, 12);
            const double factor =
                1.0 / std::sqrt(std::accumulate(x.begin(), x.end(), 0.0, [&](double sum, float v) { return sum + square(v); }) /
                                    static_cast<double>(n) + 1e-5);
            // Runs an operation on a copy of `start`, followed by floats that must stay as they are.
            const auto check = [&](const std::vector<float>& start, double tolerance, auto&& run, auto&& expected) {
                constexpr float kGuard = 12345.0F;
                std::vector<float> values = start;
                values.resize(start.size() + 16, kGuard);
                run(values.data());
                bool good = std::all_of(values.begin() + static_cast<std::ptrdiff_t>(start.size()), values.end(),
                                        [](float v) { return v == kGuard; });
                for (std::size_t i = 0; i < start.size(); ++i) {
                    const double wanted = expected(i);
                    good = good && std::abs(static_cast<double>(values[i]) - wanted) <= tolerance * (1.0 + std::abs(wanted));
                }
                return good;
            };
            const auto at = [](const std::vector<float>& v, std::size_t i) { return static_cast<double>(v[i]); };
            QVERIFY(check(y, 2e-6, [&](float* out) { kernels.rmsNorm(x.data(), w.data(), n, 1e-5F, out); },
                          [&](std::size_t i) { return at(x, i) * factor * at(w, i); }));
            QVERIFY(check(y, 2e-6, [&](float* out) { kernels.addRmsNorm(x.data(), w.data(), n, 1e-5F, out); },
                          [&](std::size_t i) { return at(y, i) + at(x, i) * factor * at(w, i); }));
            QVERIFY(check(x, 1e-6, [&](float* gate) { kernels.swiGlu(gate, w.data(), n); },
                          [&](std::size_t i) { return at(x, i) / (1.0 + std::exp(-at(x, i))) * at(w, i); }));
            QVERIFY(check(x, 4e-6, [&](float* gate) { kernels.geGlu(gate, w.data(), n); }, [&](std::size_t i) {
                return at(x, i) * 0.5 * std::erfc(-at(x, i) / std::sqrt(2.0)) * at(w, i);
            }));
            QVERIFY(check(x, 4e-6, [&](float* gate) { kernels.geGluTanh(gate, w.data(), n); }, [&](std::size_t i) {
                const double v = at(x, i);
                return 0.5 * v * (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (v + 0.044715 * v * v * v))) * at(w, i);
            }));
            QVERIFY(check(x, 1e-6, [&](float* values) { kernels.softcap(values, n, 0.7F); },
                          [&](std::size_t i) { return 0.7 * std::tanh(at(x, i) / 0.7); }));
            QCOMPARE(kernels.maximum(x.data(), n), *std::max_element(x.begin(), x.end()));
            const auto negative = std::vector<float>(n, -3.0F);
            QCOMPARE(kernels.maximum(negative.data(), n), -3.0F);

            const auto head = normals(2 * n, 7);
            std::vector<float> cosines(n), sines(n);
            for (std::size_t i = 0; i < n; ++i) {
                cosines[i] = std::cos(x[i]);
                sines[i] = std::sin(x[i]);
            }
            QVERIFY(check(head, 1e-6, [&](float* values) { kernels.rotate(values, cosines.data(), sines.data(), n); },
                          [&](std::size_t i) {
                              const std::size_t k = i % n;
                              return i < n ? at(head, k) * at(cosines, k) - at(head, k + n) * at(sines, k)
                                           : at(head, k + n) * at(cosines, k) + at(head, k) * at(sines, k);
                          }));
            // Every result is a code of the grid, and none lies nearer.
            for (const bool symmetric : {false, true}) {
                double low = 0.0, high = 0.0;
                for (const float v : x) low = std::min(low, static_cast<double>(v)), high = std::max(high, static_cast<double>(v));
                const double scale = symmetric ? std::max(-low, high) / 7.5 : (high - low) / 15.0;
                const double zero = symmetric ? 0.0 : std::nearbyint(std::clamp(-8.0 - low / scale, -8.0, 7.0));
                auto rounded = x;
                kernels.fakeQuantize(rounded.data(), n, 4, symmetric);
                for (std::size_t i = 0; i < n; ++i) {
                    const double code = at(rounded, i) / scale + zero;
                    QVERIFY(std::abs(code - std::nearbyint(code)) < 1e-4 && code > -8.01 && code < 7.01);
                    QVERIFY(std::abs(code - std::clamp(at(x, i) / scale + zero, -8.0, 7.0)) < 0.5 + 1e-4);
                }
            }
        }
    }

    void attention_data() { levels(); }
    void attention() {
        QFETCH(SimdLevel, level);
        const SimdKernels& kernels = *simdKernels(level);
        struct Shape {
            int positions, prefixTiles, window;
            float softcap;
        };
        for (const Shape& shape : {Shape{43, 1, 0, 0.0F}, Shape{43, 2, 0, 2.0F}, Shape{43, 0, 5, 0.0F}, Shape{43, 2, 20, 0.0F},
                                   Shape{3, 0, 0, 0.0F}, Shape{16, 0, 0, 1.5F}, Shape{19, 1, 1, 0.0F}, Shape{48, 1, 33, 3.0F}})
            for (const int headDim : {1, 6, 16, 17, 24, 64, 80})
                for (int heads = 1; heads <= 7; ++heads) {
                    const int positions = shape.positions;
                    const int stride = (headDim + 15) / 16 * 16;
                    const auto q = normals(static_cast<std::size_t>(3 * heads * headDim), 8);
                    const auto k = normals(static_cast<std::size_t>(48 * headDim), 9);
                    const auto v = normals(static_cast<std::size_t>(48 * stride), 10);
                    std::vector<float> out(q.size());
                    std::vector<float> scores(4 * 48);
                    AttentionTask task;
                    task.queries = q.data();
                    task.queryStride = static_cast<std::size_t>(heads * headDim);
                    task.queryCount = 3;
                    task.firstPosition = positions - 3;
                    task.heads = heads;
                    task.headDim = headDim;
                    task.valueStride = stride;
                    task.scale = 0.3F;
                    task.softcap = shape.softcap;
                    task.window = shape.window;
                    task.prefixTiles = shape.prefixTiles;
                    task.prefixKeys = k.data();
                    task.prefixValues = v.data();
                    task.keys = k.data() + 16 * shape.prefixTiles * headDim;
                    task.values = v.data() + 16 * shape.prefixTiles * stride;
                    task.output = out.data();
                    task.outputStride = task.queryStride;
                    task.scores = scores.data();
                    task.scoreStride = 48;
                    kernels.attend(task);
                    for (int row = 0; row < 3; ++row)
                        for (int h = 0; h < heads; ++h) {
                            const float* query = q.data() + (row * heads + h) * headDim;
                            std::vector<double> mixed(static_cast<std::size_t>(headDim));
                            double norm = 0.0;
                            const int last = task.firstPosition + row;
                            for (int p = shape.window > 0 ? std::max(0, last + 1 - shape.window) : 0; p <= last; ++p) {
                                double score = 0.0;
                                for (int d = 0; d < headDim; ++d)
                                    score += static_cast<double>(query[d]) *
                                             static_cast<double>(k[static_cast<std::size_t>((p / 16) * 16 * headDim + d * 16 + p % 16)]);
                                score *= static_cast<double>(task.scale);
                                if (shape.softcap > 0.0F) {
                                    const auto cap = static_cast<double>(shape.softcap);
                                    score = cap * std::tanh(score / cap);
                                }
                                const double weight = std::exp(score);
                                norm += weight;
                                for (int d = 0; d < headDim; ++d)
                                    mixed[static_cast<std::size_t>(d)] += weight * static_cast<double>(v[static_cast<std::size_t>(p * stride + d)]);
                            }
                            for (int d = 0; d < headDim; ++d)
                                QVERIFY(std::abs(static_cast<double>(out[static_cast<std::size_t>((row * heads + h) * headDim + d)]) -
                                                 mixed[static_cast<std::size_t>(d)] / norm) < 1e-5);
                        }
                }
    }

    void activationGrid_data() { levels(); }
    void activationGrid() {
        QFETCH(SimdLevel, level);
        const SimdKernels& kernels = *simdKernels(level);
        // Scale 2 exactly: ties go to even codes, the largest value is clamped to code 127 and 7.
        std::vector<float> row{255.0F, -255.0F, 3.0F, 5.0F, -3.0F, 1.0F, 0.0F, 253.9F};
        kernels.fakeQuantize(row.data(), row.size(), 8, true);
        QCOMPARE(row, (std::vector<float>{254, -256, 4, 4, -4, 0, 0, 254}));
        row = {15.0F, -15.0F, 3.0F, 5.0F, 1.0F};
        kernels.fakeQuantize(row.data(), row.size(), 4, true);
        QCOMPARE(row, (std::vector<float>{14, -16, 4, 4, 0}));
        // Range [-85, 170] in 8 bits: scale 1, zero point -128 + 85 = -43.
        row = {170.0F, -85.0F, 0.5F, 1.5F, 0.0F, 42.4F};
        kernels.fakeQuantize(row.data(), row.size(), 8, false);
        QCOMPARE(row, (std::vector<float>{170, -85, 1, 1, 0, 42}));
        row.assign(19, 0.0F);
        kernels.fakeQuantize(row.data(), row.size(), 8, true);
        QCOMPARE(row, std::vector<float>(19, 0.0F));
        // Positive rows: the asymmetric range is widened to hold 0.
        row = {10.0F, 255.0F, 77.2F};
        kernels.fakeQuantize(row.data(), row.size(), 8, false);
        QCOMPARE(row, (std::vector<float>{10, 255, 77}));
    }

    void activationsWithOutliers_data() { levels(); }
    void activationsWithOutliers() {
        QFETCH(SimdLevel, level);
        const SimdKernels& kernels = *simdKernels(level);
        // What is below 6 has absmax 4: steps of 4 / 127. 6 itself and more stay.
        std::vector<float> row{6.0F, -9.25F, 4.0F, -4.0F, 1.0F, 0.0F, 0.016F, 5e-3F, 100.0F, -1.0F, 2.0F, 3.0F, 0.5F, 0.25F, -0.125F, 1.5F, -6.0F, -3.99F};
        const std::vector<float> before = row;
        kernels.fakeQuantizeOrdinary(row.data(), row.size(), 6.0F);
        for (std::size_t i = 0; i < row.size(); ++i) {
            const float code = std::nearbyint(before[i] * (127.0F / 4.0F));
            QCOMPARE(row[i], std::fabs(before[i]) >= 6.0F ? before[i] : code * 4.0F * 7.874015718698502e-3F);
        }
        row.assign(19, 0.0F);
        kernels.fakeQuantizeOrdinary(row.data(), row.size(), 6.0F);
        QCOMPARE(row, std::vector<float>(19, 0.0F));
        row.assign(5, -7.0F);
        kernels.fakeQuantizeOrdinary(row.data(), row.size(), 6.0F);
        QCOMPARE(row, std::vector<float>(5, -7.0F));
    }

    void packedWeights() {
        Matrix a(21, 10), b(5, 10), x(30, 10);
        const auto fill = [](Matrix& m, std::uint64_t seed) {
            const auto values = normals(m.size(), seed);
            std::copy(values.begin(), values.end(), m.data());
        };
        fill(a, 1);
        fill(b, 2);
        fill(x, 3);
        const std::vector<float> bias = normals(5, 4);
        const PackedWeight packed{{&a, {}}, {&b, bias}};
        QCOMPARE(packed.offset(1), std::size_t{32});
        QCOMPARE(packed.columns(), std::size_t{48});
        Matrix y(30, 48);
        multiply(packed, x.data(), 10, 30, y.data(), 48);
        Matrix part(30, 16);
        multiplyParts(packed, 1, 1, x.data(), 10, 30, part.data(), 16);
        for (std::size_t r = 0; r < 30; ++r) {
            for (std::size_t c = 0; c < 5; ++c) {
                double sum = static_cast<double>(bias[c]);
                for (std::size_t k = 0; k < 10; ++k) sum += static_cast<double>(x(r, k)) * static_cast<double>(b(c, k));
                QVERIFY(std::abs(static_cast<double>(y(r, 32 + c)) - sum) < 1e-5);
                QCOMPARE(part(r, c), y(r, 32 + c));
            }
            QCOMPARE(y(r, 47), 0.0F);
        }
        QVERIFY_EXCEPTION_THROWN((PackedWeight{{&a, bias}}), std::invalid_argument);
        const Matrix wrong = Matrix::zeros(3, 9);
        QVERIFY_EXCEPTION_THROWN((PackedWeight{{&a, {}}, {&wrong, {}}}), std::invalid_argument);
    }
};

QTEST_GUILESS_MAIN(TestKernels)
#include "test_kernels.moc"
