// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/checkpoint/decoder_config.h"

namespace safequant {

/// Weights are stored in panels of this many output features: panel p holds, for every input feature k, the 16 values
/// W[16 p .. 16 p + 15, k] side by side, one cache line.
inline constexpr int kPanelWidth = 16;

/// Keys are stored in tiles of this many positions: tile t holds, for every dimension d, the 16 values of positions
/// 16 t .. 16 t + 15 side by side.
inline constexpr int kTilePositions = 16;

/// Instruction sets the kernels exist for.
enum class SimdLevel { Baseline, Avx2, Avx512 };

/// Causal attention of consecutive queries of one sequence, for the query heads that share one key and value head.
struct AttentionTask {
    const float* queries = nullptr;       ///< First query, first head; heads follow each other, `headDim` apart.
    std::size_t queryStride = 0;          ///< Floats from one query to the next.
    int queryCount = 0;
    int firstPosition = 0;                ///< Absolute position of the first query.
    int heads = 1;                        ///< Query heads of this key and value head.
    int headDim = 0;
    int valueStride = 0;                  ///< Floats from one position's values to the next: headDim rounded up to 16.
    float scale = 1.0F;                   ///< Of the scores, mostly 1 / sqrt(headDim).
    float softcap = 0.0F;                 ///< Above 0: scaled scores become softcap * tanh(score / softcap).
    int window = 0;                       ///< Above 0: a query sees this many positions, its own being the last.
    const float* prefixKeys = nullptr;    ///< Tiles [0, prefixTiles).
    const float* prefixValues = nullptr;  ///< Positions [0, 16 prefixTiles).
    int prefixTiles = 0;
    const float* keys = nullptr;          ///< Tiles from prefixTiles on.
    const float* values = nullptr;        ///< Positions from 16 prefixTiles on.
    float* output = nullptr;              ///< Laid out as the queries.
    std::size_t outputStride = 0;
    float* scores = nullptr;              ///< Scratch: 4 rows of the positions rounded up to 16.
    std::size_t scoreStride = 0;          ///< Floats a scratch row has.
};

/// A tile of rows times some panels whose weights are codes: for every group of inputs y += scale * sum x (code - zero).
struct CodeTile {
    const float* rows = nullptr;          ///< `[in][rowCount]`, as packRows leaves them.
    int rowCount = 0;
    std::size_t in = 0;
    std::size_t groupSize = 0;            ///< Inputs that share a scale; of whole lanes, unless it is all of them.
    const std::int32_t* codes = nullptr;  ///< Panel by panel, `[lanes][16]`: signed codes of consecutive inputs in a lane of 32 bits, the first lowest.
    int bits = 8;                         ///< Of a code in its lane, 8 or 4; 32: `values` stand instead of codes.
    const float* values = nullptr;        ///< Panel by panel, `[in][16]`: codes less their zeros, as unpackCodes leaves them.
    int panels = 0;
    int columns = 0;                      ///< At most 16 panels are written.
    const float* scales = nullptr;        ///< Panel by panel, `[groups][16]`.
    const float* zeros = nullptr;         ///< The same, or null: all 0.
    const float* bias = nullptr;          ///< `[16 panels]` or null.
    float* y = nullptr;
    std::size_t stride = 0;
    bool accumulate = false;              ///< Adds to what is in y.
};

/// The grid that a row of activations is rounded to: value = (code - zero) * scale.
struct RowGrid {
    float scale = 0.0F;
    int zero = 0;
};

/// The inner loops, compiled once per instruction set. Every result depends on its own row alone and is summed in one fixed
/// order, so that batching, packing and threads never change a bit of it.
struct SimdKernels {
    SimdLevel level = SimdLevel::Baseline;
    int tileRows = 1;    ///< Rows a packed input tile holds.
    int tilePanels = 1;  ///< Panels multiplied at once.

    /// Packs up to `tileRows` rows of x as `[in][rows]`.
    void (*packRows)(const float* x, std::size_t stride, int rows, std::size_t in, float* packed) = nullptr;
    /// y[rows, columns] = packed rows times `panels` consecutive panels, plus bias (`[16 panels]` or null), plus y when
    /// `accumulate`. `columns` <= 16 panels are written.
    void (*multiplyTile)(const float* packedRows, int rows, std::size_t in, const float* weights, int panels, int columns,
                         const float* bias, float* y, std::size_t stride, bool accumulate) = nullptr;
    /// The same by codes, one scale a group.
    void (*multiplyCodes)(const CodeTile& tile) = nullptr;
    /// The codes of a tile's panels less their zeros, `[panels][in][16]`: for many rows they are unpacked once.
    void (*unpackCodes)(const CodeTile& tile, float* values) = nullptr;
    void (*attend)(const AttentionTask& task) = nullptr;
    /// y = x / sqrt(mean(x^2) + epsilon) * weight.
    void (*rmsNorm)(const float* x, const float* weight, std::size_t n, float epsilon, float* y) = nullptr;
    /// y += x / sqrt(mean(x^2) + epsilon) * weight.
    void (*addRmsNorm)(const float* x, const float* weight, std::size_t n, float epsilon, float* y) = nullptr;
    /// gate = act(gate) * up, one for each Activation.
    void (*swiGlu)(float* gate, const float* up, std::size_t n) = nullptr;
    void (*geGluTanh)(float* gate, const float* up, std::size_t n) = nullptr;
    void (*geGlu)(float* gate, const float* up, std::size_t n) = nullptr;
    /// x = cap * tanh(x / cap).
    void (*softcap)(float* x, std::size_t n, float cap) = nullptr;
    /// Rotates pairs (d, d + half) of one head by the angles whose cosines and sines are given (`[half]` each).
    void (*rotate)(float* head, const float* cosines, const float* sines, std::size_t half) = nullptr;
    /// Rounds a row to the integer grid of `bits` bits and back (ActivationScheme's convention).
    void (*fakeQuantize)(float* x, std::size_t n, int bits, bool symmetric) = nullptr;
    /// The codes that it rounds to, of at most 8 bits, and their grid.
    RowGrid (*quantize)(const float* x, std::size_t n, int bits, bool symmetric, std::int8_t* codes) = nullptr;
    /// Rounds the entries of a row below a magnitude to 127 steps of their absmax and back; the others stay (LLM.int8()).
    void (*fakeQuantizeOrdinary)(float* x, std::size_t n, float keptFrom) = nullptr;
    float (*maximum)(const float* x, std::size_t n) = nullptr;
    /// Sum of exp(x - shift), in double.
    double (*sumOfExponentials)(const float* x, std::size_t n, float shift) = nullptr;

    /// The function of a gated feed-forward layer.
    auto gate(Activation activation) const {
        switch (activation) {
            case Activation::GeluTanh: return geGluTanh;
            case Activation::Gelu: return geGlu;
            case Activation::Silu: break;
        }
        return swiGlu;
    }
};

/// The kernels of one level; null when this machine cannot run them.
const SimdKernels* simdKernels(SimdLevel level);

/// The best level this machine runs, found at run time.
const SimdKernels& simdKernels();

}  // namespace safequant
