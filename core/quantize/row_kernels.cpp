// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/row_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/base/cpu.h"
#include "core/quantize/uniform_grid.h"

namespace safequant {
namespace {

constexpr int kLanes = 16;
constexpr float kRoundingShift = 12582912.0F;  // 1.5 * 2^23: adding it rounds |x| < 2^22 to a whole number, ties to even.
constexpr std::int32_t kShiftBits = 0x4B400000;
constexpr std::int32_t kMagnitudeMask = 0x7FFFFFFF;
constexpr std::int32_t kInfinityBits = 0x7F800000;

// Bodies are inlined into one wrapper per instruction set, so that the compiler vectorises each for its own.
#define SAFEQUANT_BODY [[gnu::always_inline]] inline

SAFEQUANT_BODY std::int32_t largestMagnitude(const float* x, int n) {
    std::int32_t largest = 0;
    for (int i = 0; i < n; ++i) largest = std::max(largest, std::bit_cast<std::int32_t>(x[i]) & kMagnitudeMask);
    return largest;
}

SAFEQUANT_BODY void range(const float* x, int n, float& low, float& high) {
    float lows[kLanes] = {}, highs[kLanes] = {};
    int i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (int k = 0; k < kLanes; ++k) {
            lows[k] = x[i + k] < lows[k] ? x[i + k] : lows[k];
            highs[k] = x[i + k] > highs[k] ? x[i + k] : highs[k];
        }
    }
    for (; i < n; ++i) {
        lows[0] = std::min(lows[0], x[i]);
        highs[0] = std::max(highs[0], x[i]);
    }
    low = *std::min_element(lows, lows + kLanes);
    high = *std::max_element(highs, highs + kLanes);
}

SAFEQUANT_BODY bool roundBody(const RoundingRow& row) {
    const float lowest = -static_cast<float>(1 << (row.bits - 1));
    const float highest = -lowest - 1.0F;
    const float steps = highest - lowest;
    const int groups = row.cols / row.group;
    for (int g = 0; g < groups; ++g) {
        const float* x = row.weights + static_cast<std::ptrdiff_t>(g) * row.group;
        std::int8_t* codes = row.codes + static_cast<std::ptrdiff_t>(g) * row.group;
        const std::int32_t magnitude = largestMagnitude(x, row.group);
        if (magnitude >= kInfinityBits) return false;
        float scale = 0.0F, zero = 0.0F;
        if (row.zeros == nullptr) {
            scale = storedScale(std::bit_cast<float>(magnitude) / (steps / 2.0F));
        } else {
            float low = 0.0F, high = 0.0F;
            range(x, row.group, low, high);
            scale = storedScale((high - low) / steps);
            zero = std::nearbyint(std::clamp(lowest - low / scale, lowest, highest));
            row.zeros[g] = static_cast<std::int8_t>(zero);
        }
        row.scales[g] = scale;
        for (int i = 0; i < row.group; ++i) {
            float position = x[i] / scale + zero;
            position = position < lowest ? lowest : position;
            position = position > highest ? highest : position;
            codes[i] = static_cast<std::int8_t>(std::bit_cast<std::int32_t>(position + kRoundingShift) - kShiftBits);
        }
    }
    return true;
}

SAFEQUANT_BODY void dequantizeBody(const std::int8_t* codes, const float* scales, const std::int8_t* zeros, int cols, int group,
                                   float* out) {
    const int groups = cols / group;
    for (int g = 0; g < groups; ++g) {
        const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(g) * group;
        const float scale = scales[g];
        const float zero = zeros != nullptr ? static_cast<float>(zeros[g]) : 0.0F;
        for (int i = 0; i < group; ++i) out[first + i] = (static_cast<float>(codes[first + i]) - zero) * scale;
    }
}

SAFEQUANT_BODY RowError errorBody(const float* weights, const std::int8_t* codes, const float* scales, const std::int8_t* zeros,
                                  int cols, int group) {
    double squaredError[kLanes] = {}, squaredWeight[kLanes] = {};
    float largest[kLanes] = {};
    const int groups = cols / group;
    for (int g = 0; g < groups; ++g) {
        const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(g) * group;
        const float scale = scales[g];
        const float zero = zeros != nullptr ? static_cast<float>(zeros[g]) : 0.0F;
        int i = 0;
        for (; i + kLanes <= group; i += kLanes) {
            for (int k = 0; k < kLanes; ++k) {
                const float w = weights[first + i + k];
                const float d = w - (static_cast<float>(codes[first + i + k]) - zero) * scale;
                squaredError[k] += static_cast<double>(d) * static_cast<double>(d);
                squaredWeight[k] += static_cast<double>(w) * static_cast<double>(w);
                const float magnitude = std::fabs(d);
                largest[k] = magnitude > largest[k] ? magnitude : largest[k];
            }
        }
        for (; i < group; ++i) {
            const float w = weights[first + i];
            const float d = w - (static_cast<float>(codes[first + i]) - zero) * scale;
            squaredError[0] += static_cast<double>(d) * static_cast<double>(d);
            squaredWeight[0] += static_cast<double>(w) * static_cast<double>(w);
            largest[0] = std::max(largest[0], std::fabs(d));
        }
    }
    RowError error;
    for (int k = 0; k < kLanes; ++k) {
        error.squaredError += squaredError[k];
        error.squaredWeight += squaredWeight[k];
        error.maxAbsolute = std::max(error.maxAbsolute, static_cast<double>(largest[k]));
    }
    return error;
}

/// A value of each row of a tile. Written out as a vector, for compilers prefer to vectorise the loop over columns, which costs shuffles.
typedef float TileLane __attribute__((vector_size(sizeof(float) * kTileRows), aligned(alignof(float)), may_alias));

SAFEQUANT_BODY void compensateBody(const CompensatedTile& tile) {
    const TileLane lowest = TileLane{} - static_cast<float>(1 << (tile.bits - 1));
    const TileLane highest = -lowest - 1.0F;
    TileLane scale = TileLane{} + 1.0F, zero{};
    TileLane* const weights = reinterpret_cast<TileLane*>(tile.weights);
    TileLane* const errors = reinterpret_cast<TileLane*>(tile.errors);
    for (int i = 0; i < tile.coded; ++i) {
        const std::ptrdiff_t grid = tile.grids[i];
        for (int r = 0; r < tile.rows; ++r) scale[r] = tile.scales[r * tile.groups + grid];
        if (tile.zeros != nullptr)
            for (int r = 0; r < tile.rows; ++r) zero[r] = static_cast<float>(tile.zeros[r * tile.groups + grid]);
        const float* spread = tile.factor + i * tile.stride;
        const TileLane exact = weights[i] / scale + zero;
        const TileLane raised = exact < lowest ? lowest : exact;
        const TileLane limited = raised > highest ? highest : raised;
        const TileLane code = (limited + kRoundingShift) - kRoundingShift;
        const TileLane error = (weights[i] - (code - zero) * scale) / spread[i];
        for (int r = 0; r < tile.rows; ++r) tile.codes[r * tile.cols + tile.columns[i]] = static_cast<std::int8_t>(code[r]);
        for (int j = i + 1; j < tile.end; ++j) weights[j] -= error * spread[j];
        errors[i] = -error;
    }
}

#define SAFEQUANT_KERNEL_SET(NAME, TARGET)                                                                                     \
    TARGET bool round##NAME(const RoundingRow& row) { return roundBody(row); }                                                 \
    TARGET void dequantize##NAME(const std::int8_t* codes, const float* scales, const std::int8_t* zeros, int cols, int group, \
                                 float* out) {                                                                                 \
        dequantizeBody(codes, scales, zeros, cols, group, out);                                                                \
    }                                                                                                                          \
    TARGET RowError error##NAME(const float* weights, const std::int8_t* codes, const float* scales, const std::int8_t* zeros, \
                                int cols, int group) {                                                                         \
        return errorBody(weights, codes, scales, zeros, cols, group);                                                          \
    }                                                                                                                          \
    TARGET void compensate##NAME(const CompensatedTile& tile) { compensateBody(tile); }                                          \
    constexpr RoundingKernels k##NAME{&round##NAME, &dequantize##NAME, &error##NAME, &compensate##NAME};

SAFEQUANT_KERNEL_SET(Baseline, )
#if defined(__x86_64__)
SAFEQUANT_KERNEL_SET(Avx2, [[gnu::target("avx2")]])
SAFEQUANT_KERNEL_SET(Avx512, [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")]])
#endif

#undef SAFEQUANT_KERNEL_SET
#undef SAFEQUANT_BODY

}  // namespace

int roundingKernelSets(const RoundingKernels* (&sets)[3]) {
    int count = 0;
    sets[count++] = &kBaseline;
#if defined(__x86_64__)
    if (cpuHasAvx2()) sets[count++] = &kAvx2;
    if (cpuHasAvx512()) sets[count++] = &kAvx512;
#endif
    return count;
}

const RoundingKernels& roundingKernels() {
    static const RoundingKernels* best = [] {
        const RoundingKernels* sets[3] = {};
        return sets[roundingKernelSets(sets) - 1];
    }();
    return *best;
}

}  // namespace safequant
