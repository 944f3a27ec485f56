// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstddef>
#include <cstdint>

#include "core/model/simd_levels.h"

namespace safequant {
namespace {
namespace baseline {

constexpr SimdLevel kLevel = SimdLevel::Baseline;
constexpr int kVectorBytes = 16;
constexpr int kTileRows = 3;
constexpr int kTilePanels = 1;
using IntVec = int __attribute__((vector_size(kVectorBytes)));

/// The lowest byte of each number.
inline void storeBytes(std::int8_t* p, IntVec values) {
    for (int i = 0; i < kVectorBytes / 4; ++i) p[i] = static_cast<std::int8_t>(values[i]);
}
#include "core/model/simd_kernels.inl"

}  // namespace baseline
}  // namespace

const SimdKernels& baselineKernels() { return baseline::kKernels; }

}  // namespace safequant
