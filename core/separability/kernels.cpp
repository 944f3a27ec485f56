// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/kernels.h"

#include <algorithm>
#include <cstring>

#include "core/base/cpu.h"

namespace safequant {
namespace {

// Vectors of two, four and eight doubles. The bodies below are written once and inlined into functions compiled for one
// instruction set each.
using Double2 = double __attribute__((vector_size(16)));
using Double4 = double __attribute__((vector_size(32)));
using Double8 = double __attribute__((vector_size(64)));
using Float2 = float __attribute__((vector_size(8)));
using Float4 = float __attribute__((vector_size(16)));
using Float8 = float __attribute__((vector_size(32)));

template <typename V>
inline constexpr std::size_t kLanes = sizeof(V) / sizeof(double);

#define SAFEQUANT_INLINE __attribute__((always_inline)) inline

template <typename V>
SAFEQUANT_INLINE void load(V& into, const double* from) {
    std::memcpy(&into, from, sizeof(V));
}

template <typename V>
SAFEQUANT_INLINE double sumOf(const V& v) {
    double sum = 0.0;
    for (std::size_t i = 0; i < kLanes<V>; ++i) sum += v[i];
    return sum;
}

template <typename V>
SAFEQUANT_INLINE double dotBody(const double* a, const double* b, std::size_t n) {
    V sum0{};
    V sum1{};
    for (std::size_t k = 0; k < n; k += 2 * kLanes<V>) {
        V a0, b0, a1, b1;
        load(a0, a + k);
        load(b0, b + k);
        load(a1, a + k + kLanes<V>);
        load(b1, b + k + kLanes<V>);
        sum0 += a0 * b0;
        sum1 += a1 * b1;
    }
    sum0 += sum1;
    return sumOf(sum0);
}

template <typename V>
SAFEQUANT_INLINE void addScaledBody(double factor, const double* x, double* y, std::size_t n) {
    for (std::size_t k = 0; k < n; k += kLanes<V>) {
        V xs, ys;
        load(xs, x + k);
        load(ys, y + k);
        ys += xs * factor;
        std::memcpy(y + k, &ys, sizeof(V));
    }
}

template <typename V, typename F, std::size_t Columns>
SAFEQUANT_INLINE void columnDotsTile(const float* columns, std::size_t n, const double* r, double* out) {
    V sums[Columns] = {};
    for (std::size_t k = 0; k < n; k += kLanes<V>) {
        V weight;
        load(weight, r + k);
        for (std::size_t c = 0; c < Columns; ++c) {
            F narrow;
            std::memcpy(&narrow, columns + c * n + k, sizeof(F));
            sums[c] += __builtin_convertvector(narrow, V) * weight;
        }
    }
    for (std::size_t c = 0; c < Columns; ++c) out[c] = sumOf(sums[c]);
}

template <typename V, typename F>
SAFEQUANT_INLINE void columnDotsBody(const float* columns, std::size_t count, std::size_t n, const double* r, double* out) {
    constexpr std::size_t kTile = 4;
    std::size_t c = 0;
    for (; c + kTile <= count; c += kTile) columnDotsTile<V, F, kTile>(columns + c * n, n, r, out + c);
    for (; c < count; ++c) columnDotsTile<V, F, 1>(columns + c * n, n, r, out + c);
}

template <typename V, std::size_t Rows, std::size_t Cols>
SAFEQUANT_INLINE void productTile(const double* const* a, const double* const* b, std::size_t n, double* out,
                                  std::size_t stride, std::size_t row, std::size_t col) {
    V sums[Rows][Cols] = {};
    for (std::size_t k = 0; k < n; k += kLanes<V>) {
        V right[Cols];
        for (std::size_t j = 0; j < Cols; ++j) load(right[j], b[col + j] + k);
        for (std::size_t i = 0; i < Rows; ++i) {
            V left;
            load(left, a[row + i] + k);
            for (std::size_t j = 0; j < Cols; ++j) sums[i][j] += left * right[j];
        }
    }
    for (std::size_t i = 0; i < Rows; ++i)
        for (std::size_t j = 0; j < Cols; ++j)
            out[(row + i) * stride + col + j] = out[(col + j) * stride + row + i] = sumOf(sums[i][j]);
}

template <typename V, std::size_t Rows, std::size_t Cols>
SAFEQUANT_INLINE void symmetricProductsBody(const double* const* a, const double* const* b, std::size_t count, std::size_t n,
                                            double* out, std::size_t stride) {
    for (std::size_t i = 0; i < count; i += Rows) {
        const std::size_t rows = std::min(Rows, count - i);
        for (std::size_t j = 0; j < i + rows; j += Cols) {
            if (rows == Rows && j + Cols <= count) {
                productTile<V, Rows, Cols>(a, b, n, out, stride, i, j);
                continue;
            }
            for (std::size_t r = i; r < i + rows; ++r)
                for (std::size_t c = j; c < std::min(j + Cols, r + 1); ++c) productTile<V, 1, 1>(a, b, n, out, stride, r, c);
        }
    }
}

#define SAFEQUANT_KERNELS(NAME, TARGET, V, F, ROWS, COLS)                                                               \
    TARGET void columnDots##NAME(const float* columns, std::size_t count, std::size_t n, const double* r, double* out) { \
        columnDotsBody<V, F>(columns, count, n, r, out);                                                                \
    }                                                                                                                   \
    TARGET double dot##NAME(const double* a, const double* b, std::size_t n) { return dotBody<V>(a, b, n); }            \
    TARGET void addScaled##NAME(double factor, const double* x, double* y, std::size_t n) {                             \
        addScaledBody<V>(factor, x, y, n);                                                                              \
    }                                                                                                                   \
    TARGET void symmetricProducts##NAME(const double* const* a, const double* const* b, std::size_t count,              \
                                        std::size_t n, double* out, std::size_t stride) {                               \
        symmetricProductsBody<V, ROWS, COLS>(a, b, count, n, out, stride);                                              \
    }                                                                                                                   \
    constexpr Kernels k##NAME{&columnDots##NAME, &dot##NAME, &addScaled##NAME, &symmetricProducts##NAME};

SAFEQUANT_KERNELS(Plain, , Double2, Float2, 2, 4)
#if defined(__x86_64__)
SAFEQUANT_KERNELS(Avx2, __attribute__((target("avx2,fma"))), Double4, Float4, 2, 4)
SAFEQUANT_KERNELS(Avx512, __attribute__((target("avx512f,avx512vl,avx512dq"))), Double8, Float8, 4, 4)
#endif

#undef SAFEQUANT_KERNELS
#undef SAFEQUANT_INLINE

const Kernels& best() {
#if defined(__x86_64__)
    if (cpuHasAvx512()) return kAvx512;
    if (cpuHasAvx2()) return kAvx2;
#endif
    return kPlain;
}

}  // namespace

const Kernels& kernels() {
    static const Kernels& chosen = best();
    return chosen;
}

}  // namespace safequant
