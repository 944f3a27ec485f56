// SPDX-License-Identifier: GPL-3.0-or-later
#include <immintrin.h>

#include "core/model/integer_kernels.h"
#include "core/model/simd_kernels.h"

// Everything below may use these instructions; headers stay above, so that no shared inline function does.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

namespace safequant {
namespace {
namespace integer_avx2 {

constexpr int kVectorBytes = 32;
constexpr int kTileRows = 6;
constexpr int kTilePanels = 1;
constexpr int kLane = 2;
constexpr int kOffset = 0;
constexpr const char* kName = "avx2";
using IntVec = int __attribute__((vector_size(kVectorBytes)));

/// Two products of signed 16-bit numbers in each lane.
inline IntVec dot(IntVec sum, IntVec a, IntVec w) { return sum + reinterpret_cast<IntVec>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(w))); }
#include "core/model/integer_kernels.inl"

}  // namespace integer_avx2
}  // namespace

const IntegerKernels& avx2Integers() { return integer_avx2::kKernels; }

}  // namespace safequant

#if defined(__clang__)
#pragma clang attribute pop
#endif
