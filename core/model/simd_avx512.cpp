// SPDX-License-Identifier: GPL-3.0-or-later
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/model/simd_levels.h"

// Everything below may use these instructions; headers stay above, so that no shared inline function does.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,prefer-vector-width=512")
#endif

namespace safequant {
namespace {
namespace avx512 {

constexpr SimdLevel kLevel = SimdLevel::Avx512;
constexpr int kVectorBytes = 64;
constexpr int kTileRows = 14;
constexpr int kTilePanels = 2;
using IntVec = int __attribute__((vector_size(kVectorBytes)));

/// The lowest byte of each number.
inline void storeBytes(std::int8_t* p, IntVec values) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_maskz_cvtepi32_epi8(0xFFFF, reinterpret_cast<__m512i>(values)));
}
#include "core/model/simd_kernels.inl"

}  // namespace avx512
}  // namespace

const SimdKernels& avx512Kernels() { return avx512::kKernels; }

}  // namespace safequant

#if defined(__clang__)
#pragma clang attribute pop
#endif
