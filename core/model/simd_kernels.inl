// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of simd_kernels.h for one instruction set. Included once by each simd_<level>.cpp, inside a namespace of its own
// and after the target pragma, with kVectorBytes, kTileRows, kTilePanels, kLevel, IntVec and storeBytes() defined.

#include "core/model/simd_vectors.inl"

/// Subtracting zero is the identity, so that nothing but the broadcast is left of it.
inline Vec fill(float value) { return value - Vec{}; }

inline Vec larger(Vec a, Vec b) { return a > b ? a : b; }
inline Vec smaller(Vec a, Vec b) { return a < b ? a : b; }
inline float larger(float a, float b) { return a > b ? a : b; }
inline float smaller(float a, float b) { return a < b ? a : b; }
inline int smaller(int a, int b) { return a < b ? a : b; }
inline int larger(int a, int b) { return a > b ? a : b; }

inline float sumOf(Vec v) {
    float lanes[kLanes];
    store(lanes, v);
    float sum = 0.0F;
    for (int i = 0; i < kLanes; ++i) sum += lanes[i];
    return sum;
}

inline float maximumOf(Vec v) {
    float lanes[kLanes];
    store(lanes, v);
    float best = lanes[0];
    for (int i = 1; i < kLanes; ++i) best = larger(best, lanes[i]);
    return best;
}

/// Nearest integer, ties to even, of |x| < 2^22: the addition itself rounds.
inline Vec roundToEven(Vec x) {
    const Vec magic = fill(12582912.0F);
    return (x + magic) - magic;
}

/// e^x with a relative error below 1.2e-7 on [-87.3, 88]; 0 below, clamped above. Range reduction by ln 2 in two parts, then the
/// minimax polynomial of Cephes' expf.
inline Vec exponential(Vec x) {
    const Vec lowest = fill(-87.3365F);
    const Vec clamped = smaller(larger(x, lowest), fill(88.0F));
    const Vec n = roundToEven(clamped * 1.44269504088896341F);
    const Vec r = (clamped - n * 0.693359375F) - n * -2.12194440e-4F;
    Vec p = fill(1.9875691500e-4F);
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    const Vec e = p * (r * r) + r + 1.0F;
    const IntVec exponent = (__builtin_convertvector(n, IntVec) + 127) << 23;
    Vec power;
    __builtin_memcpy(&power, &exponent, sizeof power);
    return x < lowest ? Vec{} : e * power;
}

inline Vec select(IntVec condition, Vec a, Vec b) { return condition ? a : b; }

/// tanh with a relative error below 3e-7: Cephes' polynomial below 0.625, else by the exponential.
inline Vec hyperbolicTangent(Vec x) {
    const Vec size = larger(x, -x);
    const Vec z = x * x;
    Vec p = fill(-5.70498872745e-3F);
    p = p * z + 2.06390887954e-2F;
    p = p * z - 5.37397155531e-2F;
    p = p * z + 1.33314422036e-1F;
    p = p * z - 3.33332819422e-1F;
    const Vec near = p * z * x + x;
    const Vec far = 1.0F - 2.0F / (exponential(size + size) + 1.0F);
    return select(size < fill(0.625F), near, select(x < Vec{}, -far, far));
}

/// x times the cumulative normal distribution, with a relative error below 2e-6: erfc(z) = t exp(-z^2 + p(t)), t = 1 / (1 + z/2),
/// where p is a least-squares fit of its exact counterpart.
inline Vec gelu(Vec x) {
    const Vec z = larger(x, -x) * 0.70710678118654752F;
    const Vec t = 1.0F / (1.0F + 0.5F * z);
    const Vec u = 2.0F * t - 1.25F;
    Vec p = fill(5.30110381e-4F);
    p = p * u - 1.27324369e-3F;
    p = p * u - 1.72471825e-3F;
    p = p * u + 8.46649893e-3F;
    p = p * u + 1.53443438e-3F;
    p = p * u - 5.1005844e-2F;
    p = p * u + 9.90532432e-3F;
    p = p * u + 6.87083006e-1F;
    p = p * u - 5.0143677e-1F;
    const Vec tail = 0.5F * t * exponential(p - z * z);
    return x * select(x < Vec{}, tail, 1.0F - tail);
}

/// GELU's tanh formula: x (1 + tanh(u)) / 2 is x / (1 + exp(-2 u)), which keeps its precision for negative x.
inline Vec geluTanh(Vec x) {
    const Vec u = 0.79788456080286536F * (x + 0.044715F * x * x * x);
    return x / (1.0F + exponential(-2.0F * u));
}

/// Applies a vector function to n values, the last ones through a padded copy.
template <typename Function>
inline void forEachVector(std::size_t n, const Function& function) {
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) function(i, kLanes);
    if (i < n) function(i, static_cast<int>(n - i));
}

void packRows(const float* x, std::size_t stride, int rows, std::size_t in, float* packed) {
    for (std::size_t k = 0; k < in; ++k)
        for (int r = 0; r < rows; ++r) packed[k * static_cast<std::size_t>(rows) + static_cast<std::size_t>(r)] = x[static_cast<std::size_t>(r) * stride + k];
}

template <int kRows, int kPanels>
void multiplyExact(const float* x, std::size_t in, const float* weights, int columns, const float* bias, float* y,
                   std::size_t stride, bool accumulate) {
    constexpr int kVectors = kPanels * kPanelVectors;
    Vec sums[kRows][kVectors];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[r][v] = Vec{};
    const std::size_t panelFloats = in * kPanelWidth;
    for (std::size_t k = 0; k < in; ++k) {
        Vec w[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v)
            w[v] = load(weights + static_cast<std::size_t>(v / kPanelVectors) * panelFloats + k * kPanelWidth + (v % kPanelVectors) * kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
            const Vec a = fill(x[k * kRows + static_cast<std::size_t>(r)]);
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) sums[r][v] += a * w[v];
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            const int count = smaller(columns - v * kLanes, kLanes);
            if (count <= 0) continue;
            float* target = y + static_cast<std::size_t>(r) * stride + v * kLanes;
            Vec sum = sums[r][v];
            if (bias != nullptr) sum += load(bias + v * kLanes);
            if (accumulate) sum += loadPart(target, count, 0.0F);
            storePart(target, sum, count);
        }
}

template <int kRows>
void multiplyRows(const float* x, int rows, std::size_t in, const float* weights, int panels, int columns, const float* bias,
                  float* y, std::size_t stride, bool accumulate) {
    if constexpr (kRows > 1) {
        if (rows < kRows)
            return multiplyRows<kRows - 1>(x, rows, in, weights, panels, columns, bias, y, stride, accumulate);
    }
    if (panels == kTilePanels)
        multiplyExact<kRows, kTilePanels>(x, in, weights, columns, bias, y, stride, accumulate);
    else
        multiplyExact<kRows, 1>(x, in, weights, columns, bias, y, stride, accumulate);
}

void multiplyTile(const float* packedRows, int rows, std::size_t in, const float* weights, int panels, int columns,
                  const float* bias, float* y, std::size_t stride, bool accumulate) {
    multiplyRows<kTileRows>(packedRows, rows, in, weights, panels, columns, bias, y, stride, accumulate);
}

/// Adds the products of one input of all rows.
template <int kRows, int kVectors>
inline void addProducts(const float* x, const Vec (&w)[kVectors], Vec (&sums)[kRows][kVectors]) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
        const Vec a = fill(x[r]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[r][v] += a * w[v];
    }
}

/// Lanes of 32 bits from the `first` on.
inline IntVec lanesAt(const void* stored, std::size_t first) {
    IntVec lanes;
    __builtin_memcpy(&lanes, static_cast<const char*>(stored) + first * 4, sizeof lanes);
    return lanes;
}

/// A code of each lane as a float; 32 bits are one.
template <int kBits>
inline Vec codeOf(IntVec lane, int code) {
    if constexpr (kBits == 32) {
        Vec values;
        __builtin_memcpy(&values, &lane, sizeof values);
        return values;
    } else {
        return __builtin_convertvector((lane << (32 - kBits * (code + 1))) >> (32 - kBits), Vec);
    }
}

template <int kBits>
void unpackCodesOf(const CodeTile& tile, float* values) {
    constexpr std::size_t kCodes = 32 / kBits;
    const std::size_t groups = tile.in / tile.groupSize, lanes = (tile.in + kCodes - 1) / kCodes;
    const auto unpackGroup = [&](std::size_t panel, std::size_t group, std::size_t column) {
        const Vec zero = tile.zeros != nullptr ? load(tile.zeros + (panel * groups + group) * kPanelWidth + column) : Vec{};
        float* target = values + panel * tile.in * kPanelWidth + column;
        const std::size_t last = (group + 1) * tile.groupSize;
        for (std::size_t k = group * tile.groupSize; k < last; k += kCodes) {
            const IntVec lane = lanesAt(tile.codes, (panel * lanes + k / kCodes) * kPanelWidth + column);
            if (k + kCodes <= last) {
#pragma GCC unroll 8
                for (int code = 0; code < static_cast<int>(kCodes); ++code) store(target + (k + static_cast<std::size_t>(code)) * kPanelWidth, codeOf<kBits>(lane, code) - zero);
            } else {
                for (std::size_t code = 0; k + code < last; ++code) store(target + (k + code) * kPanelWidth, codeOf<kBits>(lane, static_cast<int>(code)) - zero);
            }
        }
    };
    for (std::size_t panel = 0; panel < static_cast<std::size_t>(tile.panels); ++panel)
        for (std::size_t group = 0; group < groups; ++group)
            for (std::size_t column = 0; column < kPanelWidth; column += kLanes) unpackGroup(panel, group, column);
}

void unpackCodes(const CodeTile& tile, float* values) { tile.bits == 4 ? unpackCodesOf<4>(tile, values) : unpackCodesOf<8>(tile, values); }

template <int kRows, int kPanels, int kBits, bool kZeros>
void multiplyCodesExact(const CodeTile& tile) {
    constexpr int kVectors = kPanels * kPanelVectors;
    constexpr std::size_t kCodes = 32 / kBits;  // Of a lane.
    const std::size_t groups = tile.in / tile.groupSize;
    const std::size_t lanes = (tile.in + kCodes - 1) / kCodes;
    const void* stored = kBits == 32 ? static_cast<const void*>(tile.values) : tile.codes;
    for (std::size_t group = 0; group < groups; ++group) {
        const std::size_t last = (group + 1) * tile.groupSize;
        Vec sums[kRows][kVectors], zeros[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v)
            if constexpr (kZeros) zeros[v] = load(tile.zeros + (static_cast<std::size_t>(v / kPanelVectors) * groups + group) * kPanelWidth + (v % kPanelVectors) * kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) sums[r][v] = Vec{};
        const auto takeCode = [&](const IntVec(&lane)[kVectors], int code, std::size_t k) {
            Vec w[kVectors];
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) {
                w[v] = codeOf<kBits>(lane[v], code);
                if constexpr (kZeros) w[v] -= zeros[v];
            }
            addProducts<kRows, kVectors>(tile.rows + k * kRows, w, sums);
        };
        for (std::size_t k = group * tile.groupSize; k < last; k += kCodes) {
            IntVec lane[kVectors];
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v)
                lane[v] = lanesAt(stored, (static_cast<std::size_t>(v / kPanelVectors) * lanes + k / kCodes) * kPanelWidth + static_cast<std::size_t>(v % kPanelVectors) * kLanes);
            if (k + kCodes <= last) {
#pragma GCC unroll 8
                for (int code = 0; code < static_cast<int>(kCodes); ++code) takeCode(lane, code, k + static_cast<std::size_t>(code));
            } else {
                for (std::size_t code = 0; k + code < last; ++code) takeCode(lane, static_cast<int>(code), k + code);
            }
        }
        for (int v = 0; v < kVectors; ++v) {
            const int count = smaller(tile.columns - v * kLanes, kLanes);
            if (count <= 0) continue;
            const Vec scale = load(tile.scales + (static_cast<std::size_t>(v / kPanelVectors) * groups + group) * kPanelWidth + (v % kPanelVectors) * kLanes);
#pragma GCC unroll 16
            for (int r = 0; r < kRows; ++r) {
                float* target = tile.y + static_cast<std::size_t>(r) * tile.stride + v * kLanes;
                Vec value = sums[r][v] * scale;
                if (group > 0 || tile.accumulate) value += loadPart(target, count, 0.0F);
                if (group == 0 && tile.bias != nullptr) value += load(tile.bias + v * kLanes);
                storePart(target, value, count);
            }
        }
    }
}

template <int kRows, int kPanels>
void multiplyCodesOf(const CodeTile& tile) {
    if (tile.bits == 32) return multiplyCodesExact<kRows, kPanels, 32, false>(tile);
    if (tile.bits == 4) return tile.zeros != nullptr ? multiplyCodesExact<kRows, kPanels, 4, true>(tile) : multiplyCodesExact<kRows, kPanels, 4, false>(tile);
    tile.zeros != nullptr ? multiplyCodesExact<kRows, kPanels, 8, true>(tile) : multiplyCodesExact<kRows, kPanels, 8, false>(tile);
}

template <int kRows>
void multiplyCodeRows(const CodeTile& tile) {
    if constexpr (kRows > 1) {
        if (tile.rowCount < kRows) return multiplyCodeRows<kRows - 1>(tile);
    }
    tile.panels == kTilePanels ? multiplyCodesOf<kRows, kTilePanels>(tile) : multiplyCodesOf<kRows, 1>(tile);
}

void multiplyCodes(const CodeTile& tile) { multiplyCodeRows<kTileRows>(tile); }

/// Turns scores into exponentials of their distance to the maximum; returns their sum.
inline float softmaxNumerators(float* scores, int padded) {
    Vec best = load(scores);
    for (int i = kLanes; i < padded; i += kLanes) best = larger(best, load(scores + i));
    const Vec shift = fill(maximumOf(best));
    Vec sum{};
    for (int i = 0; i < padded; i += kLanes) {
        const Vec e = exponential(load(scores + i) - shift);
        sum += e;
        store(scores + i, e);
    }
    return sumOf(sum);
}

/// Weighted sum of values over positions [begin, end) for a strip of kStrip vectors of the head, added to `sums`. `values` is
/// that of position `begin`.
template <int kHeads, int kStrip>
inline void addValues(const AttentionTask& task, const float* values, int begin, int end, const float* weights,
                      Vec (&sums)[kHeads][kStrip]) {
    for (int position = begin; position < end; ++position) {
        Vec v[kStrip];
#pragma GCC unroll 8
        for (int s = 0; s < kStrip; ++s) v[s] = load(values + s * kLanes);
        values += task.valueStride;
#pragma GCC unroll 4
        for (int h = 0; h < kHeads; ++h) {
            const Vec w = fill(weights[static_cast<std::size_t>(h) * task.scoreStride + static_cast<std::size_t>(position)]);
#pragma GCC unroll 8
            for (int s = 0; s < kStrip; ++s) sums[h][s] += w * v[s];
        }
    }
}

template <int kHeads, int kStrip>
inline void combineStrip(const AttentionTask& task, int first, int visible, int dim, const float (&norms)[kHeads], float* output) {
    Vec sums[kHeads][kStrip];
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h)
#pragma GCC unroll 8
        for (int s = 0; s < kStrip; ++s) sums[h][s] = Vec{};
    const int prefix = task.prefixTiles * kTilePositions;
    const int shared = smaller(visible, prefix);
    if (first < shared)
        addValues<kHeads, kStrip>(task, task.prefixValues + first * task.valueStride + dim, first, shared, task.scores, sums);
    const int own = larger(first, shared);
    addValues<kHeads, kStrip>(task, task.values + (own - prefix) * task.valueStride + dim, own, visible, task.scores, sums);
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h)
#pragma GCC unroll 8
        for (int s = 0; s < kStrip; ++s) {
            const int count = smaller(task.headDim - dim - s * kLanes, kLanes);
            if (count > 0) storePart(output + h * task.headDim + dim + s * kLanes, sums[h][s] * norms[h], count);
        }
}

template <int kHeads>
inline void attendHeads(const AttentionTask& task, const float* query, int visible, float* output) {
    const int first = task.window > 0 ? larger(visible - task.window, 0) : 0;
    const int firstTile = first / kTilePositions;
    const int tiles = (visible + kTilePositions - 1) / kTilePositions;
    const std::size_t tileFloats = static_cast<std::size_t>(task.headDim) * kTilePositions;
    constexpr int kTileVectors = kTilePositions / kLanes;
    for (int t = firstTile; t < tiles; ++t) {
        const float* keys = t < task.prefixTiles ? task.prefixKeys + static_cast<std::size_t>(t) * tileFloats
                                                 : task.keys + static_cast<std::size_t>(t - task.prefixTiles) * tileFloats;
        Vec sums[kHeads][kTileVectors];
#pragma GCC unroll 4
        for (int h = 0; h < kHeads; ++h)
#pragma GCC unroll 4
            for (int v = 0; v < kTileVectors; ++v) sums[h][v] = Vec{};
        for (int d = 0; d < task.headDim; ++d) {
            Vec k[kTileVectors];
#pragma GCC unroll 4
            for (int v = 0; v < kTileVectors; ++v) k[v] = load(keys + d * kTilePositions + v * kLanes);
#pragma GCC unroll 4
            for (int h = 0; h < kHeads; ++h) {
                const Vec q = fill(query[h * task.headDim + d]);
#pragma GCC unroll 4
                for (int v = 0; v < kTileVectors; ++v) sums[h][v] += q * k[v];
            }
        }
#pragma GCC unroll 4
        for (int h = 0; h < kHeads; ++h)
#pragma GCC unroll 4
            for (int v = 0; v < kTileVectors; ++v) {
                Vec score = sums[h][v] * task.scale;
                if (task.softcap > 0.0F) score = task.softcap * hyperbolicTangent(score / task.softcap);
                store(task.scores + static_cast<std::size_t>(h) * task.scoreStride + t * kTilePositions + v * kLanes, score);
            }
    }
    const int begin = firstTile * kTilePositions;
    float norms[kHeads];
    for (int h = 0; h < kHeads; ++h) {
        float* row = task.scores + static_cast<std::size_t>(h) * task.scoreStride;
        for (int i = begin; i < first; ++i) row[i] = -__builtin_inff();
        for (int i = visible; i < tiles * kTilePositions; ++i) row[i] = -__builtin_inff();
        norms[h] = 1.0F / softmaxNumerators(row + begin, tiles * kTilePositions - begin);
    }
    constexpr int kWide = 64 / kLanes < 4 ? 64 / kLanes : 4;
    int dim = 0;
    for (; dim + kWide * kLanes <= task.valueStride; dim += kWide * kLanes)
        combineStrip<kHeads, kWide>(task, first, visible, dim, norms, output);
    for (; dim < task.valueStride; dim += kLanes) combineStrip<kHeads, 1>(task, first, visible, dim, norms, output);
}

void attend(const AttentionTask& task) {
    for (int i = 0; i < task.queryCount; ++i) {
        const float* query = task.queries + static_cast<std::size_t>(i) * task.queryStride;
        float* output = task.output + static_cast<std::size_t>(i) * task.outputStride;
        const int visible = task.firstPosition + i + 1;
        int h = 0;
        for (; h + 3 <= task.heads && task.heads - h != 4; h += 3)
            attendHeads<3>(task, query + h * task.headDim, visible, output + h * task.headDim);
        for (; h + 2 <= task.heads; h += 2)
            attendHeads<2>(task, query + h * task.headDim, visible, output + h * task.headDim);
        if (h < task.heads) attendHeads<1>(task, query + h * task.headDim, visible, output + h * task.headDim);
    }
}

inline float rmsFactor(const float* x, std::size_t n, float epsilon) {
    Vec squares{};
    forEachVector(n, [&](std::size_t i, int count) {
        const Vec v = loadPart(x + i, count, 0.0F);
        squares += v * v;
    });
    return 1.0F / __builtin_sqrtf(sumOf(squares) / static_cast<float>(n) + epsilon);
}

void rmsNorm(const float* x, const float* weight, std::size_t n, float epsilon, float* y) {
    const float factor = rmsFactor(x, n, epsilon);
    forEachVector(n, [&](std::size_t i, int count) {
        storePart(y + i, loadPart(x + i, count, 0.0F) * factor * loadPart(weight + i, count, 0.0F), count);
    });
}

void addRmsNorm(const float* x, const float* weight, std::size_t n, float epsilon, float* y) {
    const float factor = rmsFactor(x, n, epsilon);
    forEachVector(n, [&](std::size_t i, int count) {
        const Vec normed = loadPart(x + i, count, 0.0F) * factor * loadPart(weight + i, count, 0.0F);
        storePart(y + i, loadPart(y + i, count, 0.0F) + normed, count);
    });
}

void geGluTanh(float* gate, const float* up, std::size_t n) {
    forEachVector(n, [&](std::size_t i, int count) {
        storePart(gate + i, geluTanh(loadPart(gate + i, count, 0.0F)) * loadPart(up + i, count, 0.0F), count);
    });
}

void geGlu(float* gate, const float* up, std::size_t n) {
    forEachVector(n, [&](std::size_t i, int count) {
        storePart(gate + i, gelu(loadPart(gate + i, count, 0.0F)) * loadPart(up + i, count, 0.0F), count);
    });
}

void softcap(float* x, std::size_t n, float cap) {
    forEachVector(n, [&](std::size_t i, int count) {
        storePart(x + i, cap * hyperbolicTangent(loadPart(x + i, count, 0.0F) / cap), count);
    });
}

void swiGlu(float* gate, const float* up, std::size_t n) {
    forEachVector(n, [&](std::size_t i, int count) {
        const Vec g = loadPart(gate + i, count, 0.0F);
        storePart(gate + i, g / (1.0F + exponential(-g)) * loadPart(up + i, count, 0.0F), count);
    });
}

void rotate(float* head, const float* cosines, const float* sines, std::size_t half) {
    float* second = head + half;
    forEachVector(half, [&](std::size_t i, int count) {
        const Vec a = loadPart(head + i, count, 0.0F);
        const Vec b = loadPart(second + i, count, 0.0F);
        const Vec c = loadPart(cosines + i, count, 0.0F);
        const Vec s = loadPart(sines + i, count, 0.0F);
        storePart(head + i, a * c - b * s, count);
        storePart(second + i, b * c + a * s, count);
    });
}

/// A row's grid in ActivationScheme's convention.
struct FloatGrid {
    float scale, zero, lowest, highest;
};

inline FloatGrid gridOf(const float* x, std::size_t n, int bits, bool symmetric) {
    Vec low{};
    Vec high{};
    forEachVector(n, [&](std::size_t i, int count) {
        const Vec v = loadPart(x + i, count, 0.0F);
        low = smaller(low, v);
        high = larger(high, v);
    });
    const float lowest = -maximumOf(-low);
    const float highest = maximumOf(high);
    const float levels = static_cast<float>((1 << bits) - 1);
    const float codeMin = static_cast<float>(-(1 << (bits - 1)));
    const float codeMax = -codeMin - 1.0F;
    const float range = symmetric ? 2.0F * larger(-lowest, highest) : highest - lowest;
    float scale = symmetric ? 0.5F * range / (levels / 2.0F) : range / levels;
    if (scale == 0.0F) scale = 1.1920928955078125e-7F;
    float zero = 0.0F;
    if (!symmetric) {
        zero = codeMin - lowest / scale;
        zero = __builtin_rintf(smaller(larger(zero, codeMin), codeMax));
    }
    return {scale, zero, codeMin, codeMax};
}

inline Vec codesOn(const FloatGrid& grid, Vec x) {
    return roundToEven(smaller(larger(x / grid.scale + grid.zero, fill(grid.lowest)), fill(grid.highest)));
}

void fakeQuantize(float* x, std::size_t n, int bits, bool symmetric) {
    const FloatGrid grid = gridOf(x, n, bits, symmetric);
    forEachVector(n, [&](std::size_t i, int count) {
        storePart(x + i, (codesOn(grid, loadPart(x + i, count, 0.0F)) - grid.zero) * grid.scale, count);
    });
}

RowGrid quantize(const float* x, std::size_t n, int bits, bool symmetric, std::int8_t* codes) {
    const FloatGrid grid = gridOf(x, n, bits, symmetric);
    forEachVector(n, [&](std::size_t i, int count) {
        std::int8_t found[kLanes];
        storeBytes(found, __builtin_convertvector(codesOn(grid, loadPart(x + i, count, 0.0F)), IntVec));
        __builtin_memcpy(codes + i, found, static_cast<std::size_t>(count));
    });
    return {grid.scale, static_cast<int>(grid.zero)};
}

void fakeQuantizeOrdinary(float* x, std::size_t n, float keptFrom) {
    const Vec line = fill(keptFrom);
    Vec largest{};
    forEachVector(n, [&](std::size_t i, int count) {
        const Vec v = loadPart(x + i, count, 0.0F);
        const Vec size = larger(v, -v);
        largest = larger(largest, select(size < line, size, Vec{}));
    });
    const float absmax = maximumOf(largest);
    if (absmax == 0.0F) return;
    const Vec factor = fill(127.0F / absmax);
    const Vec limit = fill(127.0F);
    forEachVector(n, [&](std::size_t i, int count) {
        const Vec v = loadPart(x + i, count, 0.0F);
        // The limits change nothing; they keep the product from being fused with the addition that rounds it.
        const Vec code = roundToEven(smaller(larger(v * factor, -limit), limit));
        storePart(x + i, select(larger(v, -v) < line, code * absmax * 7.874015718698502e-3F, v), count);
    });
}

float maximum(const float* x, std::size_t n) {
    Vec best = fill(-__builtin_inff());
    forEachVector(n, [&](std::size_t i, int count) { best = larger(best, loadPart(x + i, count, -__builtin_inff())); });
    return maximumOf(best);
}

double sumOfExponentials(const float* x, std::size_t n, float shift) {
    constexpr std::size_t kRun = 1024;
    double total = 0.0;
    for (std::size_t first = 0; first < n; first += kRun) {
        Vec sum{};
        const std::size_t run = n - first < kRun ? n - first : kRun;
        forEachVector(run, [&](std::size_t i, int count) {
            sum += exponential(loadPart(x + first + i, count, -__builtin_inff()) - shift);
        });
        total += static_cast<double>(sumOf(sum));
    }
    return total;
}

constexpr SimdKernels kKernels{kLevel, kTileRows, kTilePanels, &packRows, &multiplyTile, &multiplyCodes, &unpackCodes, &attend, &rmsNorm, &addRmsNorm, &swiGlu,
                               &geGluTanh, &geGlu, &softcap, &rotate, &fakeQuantize, &quantize, &fakeQuantizeOrdinary, &maximum, &sumOfExponentials};
