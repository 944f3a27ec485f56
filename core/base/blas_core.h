// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace safequant {

/// Lets OpenBLAS compute with its kernels for this processor. One that is older than the processor takes it for another, at worst for one
/// without AVX, and is then several times slower. Call it first in a program, before anything computes. A core that the environment names
/// (OPENBLAS_CORETYPE) stays. Returns the core in use as OpenBLAS names it; empty where the BLAS is none with a choice of cores.
std::string useProcessorsBlas();

}  // namespace safequant
