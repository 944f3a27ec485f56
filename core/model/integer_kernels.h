// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace safequant {

/// A tile of rows times some panels of 16 output features, by integer codes of both: for every group
/// y += rowScale * scale * sum (a - rowZero) (w - zero), the sum exact in int32.
struct IntegerTile {
    const std::int32_t* rows = nullptr;     ///< `[lanes][rowCount]`, each lane as packLane makes it with the offset.
    int rowCount = 0;
    const std::int32_t* weights = nullptr;  ///< Panel by panel, `[lanes][16]`, without the offset.
    std::size_t lanes = 0;                  ///< Of a row.
    std::size_t groupLanes = 0;             ///< Of a group; the last group may be padded with zeros.
    int panels = 0;
    int columns = 0;                        ///< At most 16 panels are written.
    const float* scales = nullptr;          ///< Panel by panel, `[groups][16]`.
    const std::int32_t* sums = nullptr;     ///< The same: sum of a group's codes.
    const std::int32_t* zeros = nullptr;    ///< The same, or null: all 0.
    const float* rowScales = nullptr;       ///< `[rowCount]`.
    const std::int32_t* rowZeros = nullptr; ///< `[rowCount]`.
    const std::int32_t* rowSums = nullptr;  ///< `[groups][rowCount]`: sum of (a - rowZero) over a group's columns; needed with zeros.
    const float* bias = nullptr;            ///< `[16 panels]` or null.
    float* y = nullptr;
    std::size_t stride = 0;
    bool accumulate = false;                ///< Adds to what is in y.
};

/// Products of 8-bit codes, compiled once per instruction set. Sums are exact, and groups are added in ascending order, so that a row's result
/// depends on nothing else.
struct IntegerKernels {
    const char* name = "";
    int tileRows = 1, tilePanels = 1;
    int lane = 2;    ///< Codes a lane of 32 bits holds.
    int offset = 0;  ///< What is added to a row's codes in their lanes.
    void (*multiply)(const IntegerTile& tile) = nullptr;
};

/// `count` of at most `lane` codes as 32 bits, the first lowest, the rest 0; `offset` is added to each of them.
std::int32_t packLane(int lane, const std::int8_t* codes, std::size_t count, int offset = 0);

/// The best kernels this machine runs: AVX-512 VNNI, AVX-512, AVX2 or SSE2.
const IntegerKernels& integerKernels();
/// Those of a name ("avx512_vnni", "avx512", "avx2", "baseline"); null when this machine cannot run them, or there are none.
const IntegerKernels* integerKernelsNamed(const char* name);

/// The tables of integer_<level>.cpp. Taking a reference is safe everywhere; calling its functions needs the instructions.
const IntegerKernels& baselineIntegers();
const IntegerKernels& avx2Integers();
const IntegerKernels& avx512Integers();
const IntegerKernels& vnniIntegers();

}  // namespace safequant
