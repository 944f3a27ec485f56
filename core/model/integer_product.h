// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/matrix.h"
#include "core/model/decoder.h"
#include "core/model/simd_kernels.h"
#include "core/checkpoint/integer_weight.h"

namespace safequant {

/// One or more weights on integer grids that share their input, their codes packed into panels of 16 output features. Each part starts at a
/// panel of its own. Rows that are quantized are multiplied code by code, sums exact in int32; others by codes that become floats in registers.
/// Memory: 4 or 8 bits a weight; 16 for quantized rows where the processor has no products of bytes.
class PackedIntegers {
public:
    struct Part {
        const IntegerWeight* weight = nullptr;
        std::span<const float> bias;  ///< `[out]` or empty.
    };
    PackedIntegers() = default;
    /// `input`: how rows are quantized. Throws std::invalid_argument when parts cannot be multiplied together, see `fit`, or a bias disagrees.
    PackedIntegers(std::span<const Part> parts, const ActivationScheme& input);

    /// Whether codes of these weights can be multiplied together with rows quantized so: one number of inputs, one size of groups, bits that both
    /// can be stored in; rows in at most 8 bits without outliers kept apart, or in floats.
    static bool fit(std::span<const Part> parts, const ActivationScheme& input);

    bool empty() const { return m_in == 0; }
    std::size_t in() const { return m_in; }
    /// As PackedWeight has them.
    std::size_t columns() const { return m_columns; }
    std::size_t offset(std::size_t part) const { return m_firstPanel[part] * 16; }

    /// y = x W^T + bias, or y += that, of `parts` parts from `first` on: x is `[rows, in]` before it is quantized, y points to the first part's first
    /// column. A row's result never depends on the others.
    void multiply(std::size_t first, std::size_t parts, const float* x, std::size_t xStride, std::size_t rows, float* y, std::size_t yStride,
                  bool accumulate = false) const;

    /// The weights of a panel, `[16, in]`; rows beyond the last column are 0.
    void unpack(std::size_t panel, Matrix& weights) const;
    /// One row times one panel, 16 products: what `multiply` makes of that row there, to the bit. Of rows that are not quantized.
    void multiplyPanel(std::size_t panel, const float* row, float* y) const;

private:
    /// The tile of some panels, without rows and what they give.
    CodeTile codeTile(std::size_t panel, int panels) const;
    void packPart(const Part& part, std::size_t firstPanel);
    void multiplyFloats(std::size_t firstPanel, std::size_t lastPanel, std::size_t columns, const float* x, std::size_t xStride, std::size_t rows, float* y,
                        std::size_t yStride, bool accumulate) const;
    void multiplyCodes(std::size_t firstPanel, std::size_t lastPanel, std::size_t columns, const float* x, std::size_t xStride, std::size_t rows, float* y,
                       std::size_t yStride, bool accumulate) const;
    bool byCodes() const { return m_input.bits <= 8; }
    std::size_t panels() const { return m_firstPanel.empty() ? 0 : m_firstPanel.back(); }

    ActivationScheme m_input;
    std::size_t m_in = 0, m_columns = 0, m_groupSize = 0, m_groups = 0;
    std::vector<std::size_t> m_firstPanel;  // One entry a part, and the number of panels.
    int m_codesOfLane = 4;                  // How many codes of weights share 32 bits.
    std::size_t m_lanes = 0, m_groupLanes = 0;
    std::vector<std::int32_t> m_codes;         // See CodeTile and IntegerTile.
    std::vector<std::int32_t> m_sums, m_zeros;  // For rows of codes; no zeros: empty.
    std::vector<float> m_scales, m_floatZeros, m_bias;
};

}  // namespace safequant
