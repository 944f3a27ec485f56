// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/blas_core.h"

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string_view>

#include "core/base/cpu.h"

// Of OpenBLAS with DYNAMIC_ARCH; absent in any other BLAS. The last two choose the core anew.
extern "C" {
[[gnu::weak]] char* openblas_get_corename();
[[gnu::weak]] void gotoblas_dynamic_quit();
[[gnu::weak]] void gotoblas_dynamic_init();
}

namespace safequant {
namespace {

constexpr const char* kCoreVariable = "OPENBLAS_CORETYPE";
constexpr std::string_view kWithAvx512[] = {"SkylakeX", "Cooperlake", "Sapphirerapids", "SapphireRapids"};
constexpr std::string_view kWithAvx2[] = {"Haswell", "Zen", "Excavator"};

bool among(std::string_view name, std::span<const std::string_view> names) { return std::ranges::find(names, name) != names.end(); }

}  // namespace

std::string useProcessorsBlas() {
    if (openblas_get_corename == nullptr || gotoblas_dynamic_quit == nullptr || gotoblas_dynamic_init == nullptr) return {};
    const std::string now = openblas_get_corename();
    const bool fits = among(now, kWithAvx512) || (!cpuHasAvx512() && (among(now, kWithAvx2) || !cpuHasAvx2()));
    if (fits || std::getenv(kCoreVariable) != nullptr) return now;
    ::setenv(kCoreVariable, cpuHasAvx512() ? "SkylakeX" : "Haswell", 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    ::unsetenv(kCoreVariable);
    return openblas_get_corename();
}

}  // namespace safequant
