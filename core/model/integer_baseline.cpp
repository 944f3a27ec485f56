// SPDX-License-Identifier: GPL-3.0-or-later
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/model/integer_kernels.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {
namespace integer_baseline {

constexpr int kVectorBytes = 16;
constexpr int kTileRows = 3;
constexpr int kTilePanels = 1;
constexpr int kLane = 2;
constexpr int kOffset = 0;
constexpr const char* kName = "baseline";
using IntVec = int __attribute__((vector_size(kVectorBytes)));

/// Two products of signed 16-bit numbers in each lane.
inline IntVec dot(IntVec sum, IntVec a, IntVec w) {
#if defined(__SSE2__)
    return sum + reinterpret_cast<IntVec>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(w)));
#else
    return sum + ((a << 16) >> 16) * ((w << 16) >> 16) + (a >> 16) * (w >> 16);
#endif
}
#include "core/model/integer_kernels.inl"

}  // namespace integer_baseline
}  // namespace

const IntegerKernels& baselineIntegers() { return integer_baseline::kKernels; }

}  // namespace safequant
