// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/fake_quantize_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/base/cpu.h"

namespace safequant {
namespace {

constexpr int kLanes = 16;
constexpr float kRoundingShift = 12582912.0F;  // 1.5 * 2^23: adding it rounds |x| < 2^22 to a whole number, ties to even.
constexpr float kEpsilon = 1.1920928955078125e-07F;

// Bodies are inlined into one wrapper per instruction set, so that the compiler vectorises each for its own.
#define SAFEQUANT_BODY [[gnu::always_inline]] inline

SAFEQUANT_BODY float rounded(float value) { return (value + kRoundingShift) - kRoundingShift; }

SAFEQUANT_BODY float storedScale(float scale) {
    const auto bits = std::bit_cast<std::uint32_t>(scale);
    const float stored = std::bit_cast<float>((bits + 0x7FFFU + ((bits >> 16) & 1U)) & 0xFFFF0000U);
    return stored == 0.0F ? kEpsilon : stored;
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

SAFEQUANT_BODY float sum(const float (&lanes)[kLanes]) {
    float total = 0.0F;
    for (const float lane : lanes) total += lane;
    return total;
}

/// The codes' grid of one group, and what it was made from.
struct Grid {
    float lowest = 0.0F, highest = 0.0F;  // Smallest and largest code.
    float low = 0.0F, high = 0.0F;        // Range of the values, holding 0, before it is shrunk.
    float upper = 1.0F, lower = 1.0F;     // What shrinks it.
    float scale = 1.0F, zero = 0.0F;
    bool zeroClamped = false;
};

SAFEQUANT_BODY Grid gridOf(const float* x, int n, int bits, bool symmetric, float upper, float lower, bool stored) {
    Grid grid;
    grid.lowest = -static_cast<float>(1 << (bits - 1));
    grid.highest = -grid.lowest - 1.0F;
    grid.upper = upper;
    grid.lower = lower;
    range(x, n, grid.low, grid.high);
    const float steps = grid.highest - grid.lowest;
    const float width = symmetric ? 2.0F * upper * std::max(grid.high, -grid.low) : upper * grid.high - lower * grid.low;
    const float scale = symmetric ? width / 2.0F / (steps / 2.0F) : width / steps;
    grid.scale = stored ? storedScale(scale) : std::max(scale, kEpsilon);
    if (symmetric) return grid;
    const float zero = grid.lowest - lower * grid.low / grid.scale;
    grid.zeroClamped = zero < grid.lowest || zero > grid.highest;
    grid.zero = rounded(std::clamp(zero, grid.lowest, grid.highest));
    return grid;
}

SAFEQUANT_BODY float codeOf(float x, float offset, const Grid& grid) {
    float position = x / grid.scale + offset + grid.zero;
    position = position < grid.lowest ? grid.lowest : position;
    position = position > grid.highest ? grid.highest : position;
    return rounded(position);
}

SAFEQUANT_BODY void quantize(const float* x, const float* offsets, int n, const Grid& grid, float* out) {
    for (int i = 0; i < n; ++i)
        out[i] = (codeOf(x[i], offsets != nullptr ? offsets[i] : 0.0F, grid) - grid.zero) * grid.scale;
}

/// Gradients through the codes: `dx` of the values at a fixed grid, sums for the scale and the zero point. Rounding passes gradients
/// on; beyond the ends of the codes the value is (end - zero) * scale.
SAFEQUANT_BODY void codesBackward(const float* x, const float* offsets, const float* gradient, int n, const Grid& grid, float* dx,
                                  float& scaleGradient, float& zeroGradient) {
    float scaleSums[kLanes] = {}, zeroSums[kLanes] = {};
    int i = 0;
    const auto element = [&](int at, int lane) {
        const float ratio = x[at] / grid.scale;
        const float position = ratio + (offsets != nullptr ? offsets[at] : 0.0F) + grid.zero;
        const bool below = position < grid.lowest, above = position > grid.highest;
        const float code = below ? grid.lowest : above ? grid.highest : rounded(position);
        const bool inside = !below && !above;
        const float g = gradient[at];
        dx[at] = inside ? g : 0.0F;
        scaleSums[lane] += g * ((code - grid.zero) - (inside ? ratio : 0.0F));
        zeroSums[lane] += inside ? 0.0F : g;
    };
    for (; i + kLanes <= n; i += kLanes)
        for (int k = 0; k < kLanes; ++k) element(i + k, k);
    for (; i < n; ++i) element(i, 0);
    scaleGradient = sum(scaleSums);
    zeroGradient = -grid.scale * sum(zeroSums);
}

/// Gradients of what the grid was made from: `upper`, `lower`, and the extreme values themselves, added to `dx`.
SAFEQUANT_BODY void gridBackward(const float* x, int n, bool symmetric, const Grid& grid, float scaleGradient, float zeroGradient,
                                 float* dx, float& upperGradient, float& lowerGradient) {
    const float steps = grid.highest - grid.lowest;
    const auto addAt = [&](float extreme, float gradient) {
        if (extreme != 0.0F) dx[std::find(x, x + n, extreme) - x] += gradient;
    };
    if (symmetric) {
        const float magnitude = std::max(grid.high, -grid.low);
        upperGradient = scaleGradient * magnitude / (steps / 2.0F);
        lowerGradient = 0.0F;
        const float gradient = scaleGradient * grid.upper / (steps / 2.0F);
        if (grid.high >= -grid.low) addAt(grid.high, gradient);
        else addAt(grid.low, -gradient);
        return;
    }
    const float passed = grid.zeroClamped ? 0.0F : zeroGradient;
    const float shrunkLow = grid.lower * grid.low;
    const float ofScale = scaleGradient + passed * shrunkLow / (grid.scale * grid.scale);
    const float ofHigh = ofScale / steps;
    const float ofLow = -ofScale / steps - passed / grid.scale;
    upperGradient = ofHigh * grid.high;
    lowerGradient = ofLow * grid.low;
    addAt(grid.high, ofHigh * grid.upper);
    addAt(grid.low, ofLow * grid.lower);
}

SAFEQUANT_BODY const float* scaledRow(const WeightRow& row, float* scratch) {
    if (row.inputScale == nullptr && row.outputScale == 1.0F) return row.weights;
    for (int i = 0; i < row.cols; ++i)
        scratch[i] = row.weights[i] * row.outputScale * (row.inputScale != nullptr ? row.inputScale[i] : 1.0F);
    return scratch;
}

SAFEQUANT_BODY Grid gridOfGroup(const WeightRow& row, const float* scaled, int g) {
    const float upper = row.upper != nullptr ? row.upper[g] : 1.0F;
    const float lower = row.lower != nullptr ? row.lower[g] : 1.0F;
    return gridOf(scaled + static_cast<std::ptrdiff_t>(g) * row.group, row.group, row.bits, row.symmetric, upper, lower, true);
}

SAFEQUANT_BODY void weightForwardBody(const WeightRow& row, float* scratch, float* out) {
    const float* scaled = scaledRow(row, scratch);
    for (int g = 0; g < row.cols / row.group; ++g) {
        const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(g) * row.group;
        quantize(scaled + first, row.offsets != nullptr ? row.offsets + first : nullptr, row.group, gridOfGroup(row, scaled, g),
                 out + first);
    }
}

SAFEQUANT_BODY void weightCodesBody(const WeightRow& row, float* scratch, const WeightRowCodes& out) {
    const float* scaled = scaledRow(row, scratch);
    for (int g = 0; g < row.cols / row.group; ++g) {
        const Grid grid = gridOfGroup(row, scaled, g);
        if (out.scales != nullptr) out.scales[g] = grid.scale;
        if (out.zeros != nullptr) out.zeros[g] = static_cast<std::int8_t>(grid.zero);
        for (int i = g * row.group; i < (g + 1) * row.group; ++i)
            out.codes[i] = static_cast<std::int8_t>(codeOf(scaled[i], row.offsets != nullptr ? row.offsets[i] : 0.0F, grid));
    }
}

SAFEQUANT_BODY void weightBackwardBody(const WeightRow& row, const WeightRowGradients& gradients) {
    const float* scaled = scaledRow(row, gradients.scratch);
    float* dx = gradients.scratch + row.cols;
    for (int g = 0; g < row.cols / row.group; ++g) {
        const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(g) * row.group;
        const Grid grid = gridOfGroup(row, scaled, g);
        float scaleGradient = 0.0F, zeroGradient = 0.0F, upperGradient = 0.0F, lowerGradient = 0.0F;
        codesBackward(scaled + first, row.offsets != nullptr ? row.offsets + first : nullptr, gradients.output + first, row.group, grid,
                      dx + first, scaleGradient, zeroGradient);
        if (gradients.offsets != nullptr)
            for (int i = 0; i < row.group; ++i) gradients.offsets[first + i] = dx[first + i] * grid.scale;
        gridBackward(scaled + first, row.group, row.symmetric, grid, scaleGradient, zeroGradient, dx + first, upperGradient,
                     lowerGradient);
        if (gradients.upper != nullptr) gradients.upper[g] = upperGradient;
        if (gradients.lower != nullptr) gradients.lower[g] = lowerGradient;
    }
    if (gradients.weights != nullptr)
        for (int i = 0; i < row.cols; ++i)
            gradients.weights[i] = dx[i] * row.outputScale * (row.inputScale != nullptr ? row.inputScale[i] : 1.0F);
    if (gradients.inputScale != nullptr)
        for (int i = 0; i < row.cols; ++i) gradients.inputScale[i] += dx[i] * row.weights[i] * row.outputScale;
    if (gradients.outputScale != nullptr) {
        float lanes[kLanes] = {};
        for (int i = 0; i < row.cols; ++i)
            lanes[i % kLanes] += dx[i] * row.weights[i] * (row.inputScale != nullptr ? row.inputScale[i] : 1.0F);
        *gradients.outputScale = sum(lanes);
    }
}

SAFEQUANT_BODY void activationForwardBody(const float* x, int n, int bits, bool symmetric, float* out) {
    quantize(x, nullptr, n, gridOf(x, n, bits, symmetric, 1.0F, 1.0F, false), out);
}

SAFEQUANT_BODY void activationBackwardBody(const float* x, const float* gradient, int n, int bits, bool symmetric, float* out) {
    const Grid grid = gridOf(x, n, bits, symmetric, 1.0F, 1.0F, false);
    float scaleGradient = 0.0F, zeroGradient = 0.0F, upperGradient = 0.0F, lowerGradient = 0.0F;
    codesBackward(x, nullptr, gradient, n, grid, out, scaleGradient, zeroGradient);
    gridBackward(x, n, symmetric, grid, scaleGradient, zeroGradient, out, upperGradient, lowerGradient);
}

#define SAFEQUANT_KERNEL_SET(NAME, TARGET)                                                                                       \
    TARGET void weightForward##NAME(const WeightRow& row, float* scratch, float* out) { weightForwardBody(row, scratch, out); }  \
    TARGET void weightCodes##NAME(const WeightRow& row, float* scratch, const WeightRowCodes& out) {                             \
        weightCodesBody(row, scratch, out);                                                                                      \
    }                                                                                                                            \
    TARGET void weightBackward##NAME(const WeightRow& row, const WeightRowGradients& gradients) {                                \
        weightBackwardBody(row, gradients);                                                                                      \
    }                                                                                                                            \
    TARGET void activationForward##NAME(const float* x, int n, int bits, bool symmetric, float* out) {                           \
        activationForwardBody(x, n, bits, symmetric, out);                                                                       \
    }                                                                                                                            \
    TARGET void activationBackward##NAME(const float* x, const float* gradient, int n, int bits, bool symmetric, float* out) {   \
        activationBackwardBody(x, gradient, n, bits, symmetric, out);                                                            \
    }                                                                                                                            \
    constexpr FakeQuantizeKernels k##NAME{&weightForward##NAME, &weightCodes##NAME, &weightBackward##NAME,                       \
                                          &activationForward##NAME, &activationBackward##NAME};

SAFEQUANT_KERNEL_SET(Baseline, )
#if defined(__x86_64__)
SAFEQUANT_KERNEL_SET(Avx2, [[gnu::target("avx2")]])
SAFEQUANT_KERNEL_SET(Avx512, [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")]])
#endif

#undef SAFEQUANT_KERNEL_SET
#undef SAFEQUANT_BODY

}  // namespace

int fakeQuantizeKernelSets(const FakeQuantizeKernels* (&sets)[3]) {
    int count = 0;
    sets[count++] = &kBaseline;
#if defined(__x86_64__)
    if (cpuHasAvx2()) sets[count++] = &kAvx2;
    if (cpuHasAvx512()) sets[count++] = &kAvx512;
#endif
    return count;
}

const FakeQuantizeKernels& fakeQuantizeKernels() {
    static const FakeQuantizeKernels* best = [] {
        const FakeQuantizeKernels* sets[3] = {};
        return sets[fakeQuantizeKernelSets(sets) - 1];
    }();
    return *best;
}

}  // namespace safequant
