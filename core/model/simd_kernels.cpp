// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/simd_kernels.h"

#include <string>

#include "core/base/cpu.h"
#include "core/model/decoder.h"
#include "core/model/simd_levels.h"

namespace safequant {
namespace {

bool supports(SimdLevel level) {
    switch (level) {
        case SimdLevel::Avx512: return cpuHasAvx512();
        case SimdLevel::Avx2: return cpuHasAvx2();
        case SimdLevel::Baseline: break;
    }
    return true;
}

const SimdKernels& chooseKernels() {
    if (supports(SimdLevel::Avx512)) return avx512Kernels();
    return supports(SimdLevel::Avx2) ? avx2Kernels() : baselineKernels();
}

}  // namespace

const SimdKernels* simdKernels(SimdLevel level) {
    if (!supports(level)) return nullptr;
    switch (level) {
        case SimdLevel::Avx512: return &avx512Kernels();
        case SimdLevel::Avx2: return &avx2Kernels();
        case SimdLevel::Baseline: break;
    }
    return &baselineKernels();
}

const SimdKernels& simdKernels() {
    static const SimdKernels& kernels = chooseKernels();
    return kernels;
}

std::string cpuFeatures() {
    std::string features;
    const auto add = [&features](const char* name) { features += features.empty() ? name : std::string(" ") + name; };
    const SimdLevel level = simdKernels().level;
    if (level == SimdLevel::Avx512) {
        if (cpuHasAvx512Vnni()) add("avx512_vnni");
        add("avx512f");
    }
    if (level != SimdLevel::Baseline) {
        add("avx2");
        add("fma");
    }
    add("sse2");
    return features;
}

}  // namespace safequant
