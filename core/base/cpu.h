// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace safequant {

// SAFEQUANT_SIMD=avx512 (without VNNI), avx2 or baseline in the environment hides what is beyond it.

/// Whether this processor, and the system on it, run code compiled for AVX2 with FMA.
bool cpuHasAvx2();
/// The same for AVX-512 F, BW, VL and DQ, with AVX2 and FMA.
bool cpuHasAvx512();
/// The same with AVX-512 VNNI, products of bytes.
bool cpuHasAvx512Vnni();

}  // namespace safequant
