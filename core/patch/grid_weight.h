// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/base/matrix.h"
#include "core/quantize/round_to_nearest.h"

namespace safequant {

/// A weight whose codes learn while scales and zero points stay those of a quantized linear, on the processor: its codes are
/// round(latent / scale) + zero, so that it starts as the quantized linear and ends on the same grid.
class GridWeight {
public:
    /// `weight` `[out, in]` is what was quantized. The latent weight is the point nearest to it that `quantized` still codes: a weight on a grid
    /// point would swallow every small change. `scaled`: the method moved scales between layers before it coded; `weight` is scaled likewise
    /// first, rows and columns by what fits the codes best. Throws std::invalid_argument on shapes that do not fit.
    GridWeight(const Matrix& weight, const QuantizedLinear& quantized, bool scaled = false);

    /// The weight as the codes of latent + delta stand for it, `[out, in]`. `delta` `[out, in]` float32 counts where `mask` (uint8, or undefined:
    /// everywhere) is 1. `passes`, unless null, becomes uint8 `[out, in]`: 1 where a gradient goes straight through, as it does where the mask
    /// is 1 and the code is not beyond its ends.
    at::Tensor rounded(const at::Tensor& delta, const at::Tensor& mask, at::Tensor* passes = nullptr) const;
    /// The quantized linear of latent + delta.
    QuantizedLinear coded(const at::Tensor& delta, const at::Tensor& mask) const;

    /// ||W - Q|| / ||W|| of a quantized linear on the same grid, W the weight that was coded: `weight`, scaled where it was.
    double relativeError(const Matrix& weight, const QuantizedLinear& quantized) const;

    const at::Tensor& latent() const { return m_latent; }  ///< `[out, in]` float32.
    const QuantizedLinear& start() const { return m_start; }

private:
    /// Calls `visit(row, latent, scales, zeros)` for every row; scales and zeros one a column.
    template <typename Visit>
    void eachRow(const Visit& visit) const;

    /// `weight` as it was coded.
    Matrix codedWeight(const Matrix& weight) const;

    QuantizedLinear m_start;
    bool m_scaled = false;
    std::vector<std::int32_t> m_groupOf;  // Group of every column.
    at::Tensor m_latent;
};

}  // namespace safequant
