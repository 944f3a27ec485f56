// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/matrix.h"
#include "core/quantize/calibration_options.h"
#include "core/quantize/input_statistics.h"
#include "core/quantize/round_to_nearest.h"

namespace safequant {

class BlockCalibration;
enum class InputGroup : std::uint8_t;

/// The order in which columns are visited: as they stand, or by falling energy of their inputs.
std::vector<int> visitingOrder(const InputStatistics& inputs, ColumnOrder order);

/// Scales and zero points from the weights alone, codes left at 0: the range of each group, or with `search` the shrunk range
/// p = 1 - i / 100, i < 80, of the least sum of |w - q|^2.4 (GPTQ's reference quantizer).
QuantizedLinear gridsOf(const Matrix& weight, const QuantizationScheme& scheme, bool search);

/// Chooses codes column by column, each column's rounding error being spread over those not visited yet (arXiv 2210.17323, algorithm
/// 1). `factor` is InputStatistics::inverseFactor of `order`; `result` has the grids. With `renewGrids` (the order must visit groups one
/// after the other) each group's grid is made from the updated weights when its first column is reached; `search` as above.
/// `blockColumns`: columns between two updates of all that follow; makes no difference but for float rounding.
void chooseCodes(const Matrix& weight, const Matrix& factor, std::span<const int> order, int blockColumns, bool renewGrids, bool search,
                 QuantizedLinear& result);

/// The group of each column when groups are of columns that are visited one after the other.
std::vector<std::int32_t> groupsInOrder(std::span<const int> order, int groupSize);

/// The method "gptq" on one group of linears.
void calibrateGptq(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options);

}  // namespace safequant
