// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/cpu.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace safequant {

#if defined(__x86_64__)
namespace {

enum class Limit : std::uint8_t { Baseline, Avx2, Avx512, None };

Limit limit() {
    static const Limit kLimit = [] {
        const char* text = std::getenv("SAFEQUANT_SIMD");
        const std::string_view wanted = text != nullptr ? text : "";
        if (wanted == "baseline") return Limit::Baseline;
        if (wanted == "avx2") return Limit::Avx2;
        return wanted == "avx512" ? Limit::Avx512 : Limit::None;
    }();
    return kLimit;
}

}  // namespace

bool cpuHasAvx2() { return limit() >= Limit::Avx2 && __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }

bool cpuHasAvx512() {
    return limit() >= Limit::Avx512 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 && cpuHasAvx2();
}

bool cpuHasAvx512Vnni() { return limit() == Limit::None && __builtin_cpu_supports("avx512vnni") != 0 && cpuHasAvx512(); }
#else
bool cpuHasAvx2() { return false; }

bool cpuHasAvx512() { return false; }

bool cpuHasAvx512Vnni() { return false; }
#endif

}  // namespace safequant
