// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

namespace safequant {

/// One row of a weight and where its grid goes. `group` divides `cols`.
struct RoundingRow {
    const float* weights = nullptr;  ///< `[cols]`.
    int cols = 0;
    int group = 0;
    int bits = 0;
    std::int8_t* codes = nullptr;  ///< `[cols]`.
    float* scales = nullptr;       ///< `[cols / group]`.
    std::int8_t* zeros = nullptr;  ///< `[cols / group]`; null: symmetric.
};

/// Rows that are coded side by side.
inline constexpr int kTileRows = 16;

/// Columns of some rows of a weight that are coded one after the other, each one's error being spread over those behind it.
struct CompensatedTile {
    float* weights = nullptr;          ///< `[end, kTileRows]`, in the order columns are visited in; those behind the coded ones are made up to.
    int rows = kTileRows;              ///< That there are; the others must hold finite values.
    int coded = 0, end = 0;
    const float* factor = nullptr;     ///< Upper triangle `[coded, end]`, its diagonal first.
    std::ptrdiff_t stride = 0;         ///< From one row of it to the next.
    const int* columns = nullptr;      ///< `[coded]`: where each one's codes go.
    const std::int32_t* grids = nullptr;  ///< `[coded]`: each one's grid.
    const float* scales = nullptr;     ///< `[rows, groups]`.
    const std::int8_t* zeros = nullptr;  ///< The same; null: symmetric.
    std::ptrdiff_t groups = 0;
    int bits = 0;
    std::int8_t* codes = nullptr;      ///< `[rows, cols]`.
    std::ptrdiff_t cols = 0;
    float* errors = nullptr;           ///< `[coded, kTileRows]`: minus what columns beyond `end` have to make up for.
};

/// Sums over one row.
struct RowError {
    double squaredError = 0.0;
    double squaredWeight = 0.0;
    double maxAbsolute = 0.0;
};

/// The inner loops for one instruction set. All give the same bits.
struct RoundingKernels {
    /// False when a weight is not finite; codes are then undefined.
    bool (*round)(const RoundingRow& row) = nullptr;
    /// out = (code - zero) * scale; `zeros` may be null.
    void (*dequantize)(const std::int8_t* codes, const float* scales, const std::int8_t* zeros, int cols, int group,
                       float* out) = nullptr;
    RowError (*error)(const float* weights, const std::int8_t* codes, const float* scales, const std::int8_t* zeros, int cols,
                      int group) = nullptr;
    void (*compensate)(const CompensatedTile& tile) = nullptr;
};

/// The best kernels this processor runs.
const RoundingKernels& roundingKernels();
/// Every set this processor runs, the baseline first, for tests of their agreement.
int roundingKernelSets(const RoundingKernels* (&sets)[3]);

}  // namespace safequant
