// SPDX-License-Identifier: GPL-3.0-or-later
#include <immintrin.h>

#include "core/model/integer_kernels.h"
#include "core/model/simd_kernels.h"

// Everything below may use these instructions; headers stay above, so that no shared inline function does.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma,prefer-vector-width=512")
#endif

namespace safequant {
namespace {
namespace integer_vnni {

constexpr int kVectorBytes = 64;
constexpr int kTileRows = 14;
constexpr int kTilePanels = 2;
constexpr int kLane = 4;
constexpr int kOffset = 128;
constexpr const char* kName = "avx512_vnni";
using IntVec = int __attribute__((vector_size(kVectorBytes)));

/// Four products of an unsigned and a signed byte in each lane.
inline IntVec dot(IntVec sum, IntVec a, IntVec w) { return reinterpret_cast<IntVec>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(w))); }
#include "core/model/integer_kernels.inl"

}  // namespace integer_vnni
}  // namespace

const IntegerKernels& vnniIntegers() { return integer_vnni::kKernels; }

}  // namespace safequant

#if defined(__clang__)
#pragma clang attribute pop
#endif
