// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/cpu.h"

namespace safequant {

#if defined(__x86_64__)
bool cpuHasAvx2() { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }

bool cpuHasAvx512() {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
           __builtin_cpu_supports("avx512dq") != 0 && cpuHasAvx2();
}

bool cpuHasAvx512Vnni() { return __builtin_cpu_supports("avx512vnni") != 0 && cpuHasAvx512(); }
#else
bool cpuHasAvx2() { return false; }

bool cpuHasAvx512() { return false; }

bool cpuHasAvx512Vnni() { return false; }
#endif

}  // namespace safequant
