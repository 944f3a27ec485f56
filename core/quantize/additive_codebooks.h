// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <stop_token>
#include <string_view>
#include <vector>

#include "core/base/matrix.h"
#include "core/quantize/calibration_options.h"
#include "core/quantize/codebook_search.h"

namespace safequant {

class BlockCalibration;
enum class InputGroup : std::uint8_t;
class InputStatistics;

/// A weight whose groups of eight columns are sums of codebook entries times one scale a row (AQLM, arXiv 2401.06118).
struct AdditiveWeight {
    std::size_t rows = 0, cols = 0, codebooks = 0;
    std::vector<float> tables;        ///< `[codebooks, 256, 8]`.
    std::vector<float> scales;        ///< `[rows]`.
    std::vector<std::uint8_t> codes;  ///< `[rows, cols / 8, codebooks]`.

    Matrix dequantize() const;  ///< `[rows, cols]`.
};

/// Fits a weight `[out, in]` by so many codebooks, so that sum over rows of (w - q)^T H (w - q) gets small; `hessian` `[in, in]`, symmetric and
/// positive semidefinite. Codebooks begin with a seeded k-means of what the ones before leave (stream `name` of the options' seed). Then in turn:
/// all entries by conjugate gradients, codes by beam search group after group of all rows, and rows' scales in closed form. Tables and scales end
/// as bfloat16 values, and codes are searched once more for these. `errors` gets the sum after the beginning and each step; none but the
/// rounding of tables raises it. What it leaves after a stop is of no use. Throws std::invalid_argument on columns that are no multiple of 8,
/// on sizes that disagree, and on 0 or more than 4 codebooks.
AdditiveWeight fitAdditiveCodebooks(const Matrix& weight, const Matrix& hessian, std::size_t codebooks, const AqlmOptions& options,
                                    std::string_view name, std::vector<double>* errors = nullptr, const std::stop_token& stop = {});

/// The method "aqlm" on one group of linears.
void calibrateAqlm(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options);

}  // namespace safequant
