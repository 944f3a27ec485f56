// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel of integer_kernels.h for one instruction set. Included once by each integer_<level>.cpp, inside a namespace of its own and after the
// target pragma, with kVectorBytes, kTileRows, kTilePanels, kLane, kOffset, kName and dot() defined.

#include "core/model/simd_vectors.inl"

inline IntVec loadLanes(const std::int32_t* p) {
    IntVec v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

/// Adds one group's sums to y.
template <int kRows, int kVectors>
inline void addGroup(const IntegerTile& tile, std::size_t group, std::size_t groups, const IntVec (&sums)[kRows][kVectors]) {
    for (int v = 0; v < kVectors; ++v) {
        const int column = v * kLanes;
        const int count = tile.columns - column < kLanes ? tile.columns - column : kLanes;
        if (count <= 0) continue;
        const std::size_t at = (static_cast<std::size_t>(v / kPanelVectors) * groups + group) * kPanelWidth + static_cast<std::size_t>(column % kPanelWidth);
        const IntVec weightSums = loadLanes(tile.sums + at);
        const Vec scale = load(tile.scales + at);
        for (int r = 0; r < kRows; ++r) {
            IntVec sum = sums[r][v] - (tile.rowZeros[r] + kOffset) * weightSums;
            if (tile.zeros != nullptr) sum -= loadLanes(tile.zeros + at) * tile.rowSums[group * kRows + static_cast<std::size_t>(r)];
            Vec value = __builtin_convertvector(sum, Vec) * (scale * tile.rowScales[r]);
            float* target = tile.y + static_cast<std::size_t>(r) * tile.stride + column;
            if (group > 0 || tile.accumulate) value += loadPart(target, count, 0.0F);
            if (group == 0 && tile.bias != nullptr) value += load(tile.bias + column);
            storePart(target, value, count);
        }
    }
}

template <int kRows, int kPanels>
void multiplyExact(const IntegerTile& tile) {
    constexpr int kVectors = kPanels * kPanelVectors;
    const std::size_t groups = (tile.lanes + tile.groupLanes - 1) / tile.groupLanes;
    for (std::size_t group = 0; group < groups; ++group) {
        const std::size_t first = group * tile.groupLanes;
        const std::size_t last = first + tile.groupLanes < tile.lanes ? first + tile.groupLanes : tile.lanes;
        IntVec sums[kRows][kVectors];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) sums[r][v] = IntVec{};
        for (std::size_t k = first; k < last; ++k) {
            IntVec w[kVectors];
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v)
                w[v] = loadLanes(tile.weights + (static_cast<std::size_t>(v / kPanelVectors) * tile.lanes + k) * kPanelWidth + (v % kPanelVectors) * kLanes);
#pragma GCC unroll 16
            for (int r = 0; r < kRows; ++r) {
                const IntVec a = tile.rows[k * kRows + static_cast<std::size_t>(r)] + IntVec{};
#pragma GCC unroll 4
                for (int v = 0; v < kVectors; ++v) sums[r][v] = dot(sums[r][v], a, w[v]);
            }
        }
        addGroup<kRows, kVectors>(tile, group, groups, sums);
    }
}

template <int kRows>
void multiplyRows(const IntegerTile& tile) {
    if constexpr (kRows > 1) {
        if (tile.rowCount < kRows) return multiplyRows<kRows - 1>(tile);
    }
    if (tile.panels == kTilePanels)
        multiplyExact<kRows, kTilePanels>(tile);
    else
        multiplyExact<kRows, 1>(tile);
}

void multiply(const IntegerTile& tile) { multiplyRows<kTileRows>(tile); }

constexpr IntegerKernels kKernels{kName, kTileRows, kTilePanels, kLane, kOffset, &multiply};
