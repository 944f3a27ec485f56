// SPDX-License-Identifier: GPL-3.0-or-later
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/model/simd_levels.h"

// Everything below may use these instructions; headers stay above, so that no shared inline function does.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

namespace safequant {
namespace {
namespace avx2 {

constexpr SimdLevel kLevel = SimdLevel::Avx2;
constexpr int kVectorBytes = 32;
constexpr int kTileRows = 6;
constexpr int kTilePanels = 1;
using IntVec = int __attribute__((vector_size(kVectorBytes)));

/// The lowest byte of each number.
inline void storeBytes(std::int8_t* p, IntVec values) {
    const __m256i words = _mm256_packs_epi32(reinterpret_cast<__m256i>(values), reinterpret_cast<__m256i>(values));
    const __m256i bytes = _mm256_packs_epi16(words, words);
    const int low = _mm256_extract_epi32(bytes, 0), high = _mm256_extract_epi32(bytes, 4);
    __builtin_memcpy(p, &low, sizeof low);
    __builtin_memcpy(p + sizeof low, &high, sizeof high);
}
#include "core/model/simd_kernels.inl"

}  // namespace avx2
}  // namespace

const SimdKernels& avx2Kernels() { return avx2::kKernels; }

}  // namespace safequant

#if defined(__clang__)
#pragma clang attribute pop
#endif
