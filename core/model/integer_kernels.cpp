// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/integer_kernels.h"

#include <array>
#include <string_view>

#include "core/base/cpu.h"

namespace safequant {
namespace {

struct Level {
    const IntegerKernels& (*kernels)();
    bool (*runs)();
};
/// Best first.
constexpr std::array<Level, 4> kLevels{{{&vnniIntegers, &cpuHasAvx512Vnni},
                                        {&avx512Integers, &cpuHasAvx512},
                                        {&avx2Integers, &cpuHasAvx2},
                                        {&baselineIntegers, [] { return true; }}}};

const IntegerKernels& chooseIntegers() {
    for (const Level& level : kLevels)
        if (level.runs()) return level.kernels();
    return baselineIntegers();
}

}  // namespace

std::int32_t packLane(int lane, const std::int8_t* codes, std::size_t count, int offset) {
    const int bits = 32 / lane;
    const std::uint32_t mask = (1U << bits) - 1U;
    std::uint32_t packed = 0;
    for (std::size_t i = 0; i < count; ++i) packed |= (static_cast<std::uint32_t>(codes[i] + offset) & mask) << (i * static_cast<std::size_t>(bits));
    return static_cast<std::int32_t>(packed);
}

const IntegerKernels* integerKernelsNamed(const char* name) {
    for (const Level& level : kLevels)
        if (std::string_view(level.kernels().name) == name) return level.runs() ? &level.kernels() : nullptr;
    return nullptr;
}

const IntegerKernels& integerKernels() {
    static const IntegerKernels& kernels = chooseIntegers();
    return kernels;
}

}  // namespace safequant
