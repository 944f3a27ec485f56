// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/model/decoder.h"

namespace safequant {

/// The integer grid of a weight while it is learned.
struct WeightGrid {
    int bits = 8;      ///< 2 to 8.
    int group = -1;    ///< Columns that share a scale, a divisor of them; -1: one scale a row.
    bool symmetric = true;

    std::int64_t groups(std::int64_t cols) const { return group > 0 ? cols / group : 1; }
};

/// What may be learned about rounding a weight W `[out, in]`; undefined: not there. All float32, on the weight's device.
struct WeightTerms {
    at::Tensor inputScale;   ///< `[in]`: W_ij becomes W_ij * inputScale_j (equivalent transformation, OmniQuant section 3.3).
    at::Tensor outputScale;  ///< `[out]`: the same for rows.
    at::Tensor upper;        ///< `[out, groups]`: shrinks a group's largest value (learnable weight clipping), or with a symmetric grid its absmax.
    at::Tensor lower;        ///< `[out, groups]`: shrinks a group's smallest value; asymmetric grids alone.
    at::Tensor offsets;      ///< `[out, in]`: added to W / scale before rounding (SignRound, arXiv 2309.05516).
};

/// The weight as its codes stand for it, `[out, in]`, with the grid of `roundToNearest` (scales rounded to bfloat16, range widened to
/// hold 0, ties to even), so that what is learned is what is stored. Differentiable in the weight and all terms: rounding of codes,
/// zero points and scales passes gradients on (straight-through), codes beyond their ends do not, and the extreme values a scale is
/// made from get its gradient. One fused pass each way on the processor. Throws std::invalid_argument on shapes that do not fit.
at::Tensor fakeQuantizeWeight(const at::Tensor& weight, const WeightTerms& terms, const WeightGrid& grid);

/// The codes of fakeQuantizeWeight's result.
struct WeightCodes {
    std::vector<std::int8_t> codes;  ///< `[out, in]`, signed.
    std::vector<float> scales;       ///< `[out, groups]`, bfloat16 values.
    std::vector<std::int8_t> zeros;  ///< `[out, groups]`, signed; empty when symmetric.
};
WeightCodes weightCodes(const at::Tensor& weight, const WeightTerms& terms, const WeightGrid& grid);

/// Activations `[tokens, features]` as their codes stand for them, one grid a token (see ActivationScheme), differentiable in the same
/// way. 16 bits: x itself.
at::Tensor fakeQuantizeActivations(const at::Tensor& x, const ActivationScheme& scheme);

/// The same functions of ATen's operations, for devices other than the processor, and to check the fused ones against.
at::Tensor composeFakeQuantizeWeight(const at::Tensor& weight, const WeightTerms& terms, const WeightGrid& grid);
at::Tensor composeFakeQuantizeActivations(const at::Tensor& x, const ActivationScheme& scheme);

}  // namespace safequant
