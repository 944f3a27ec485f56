// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "core/base/matrix.h"

namespace safequant {

/// One or more weights `[out, in]` that share their input, repacked into panels of 16 output features for `multiply`. Each part
/// starts at a panel of its own. Memory: the weights in float32.
class PackedWeight {
public:
    struct Part {
        const Matrix* weight = nullptr;  ///< `[out, in]`.
        std::span<const float> bias;     ///< `[out]` or empty.
    };
    PackedWeight() = default;
    /// Throws std::invalid_argument when the parts' inputs or a bias disagree.
    explicit PackedWeight(std::span<const Part> parts);
    explicit PackedWeight(std::initializer_list<Part> parts) : PackedWeight(std::span(parts.begin(), parts.size())) {}

    std::size_t in() const { return m_in; }
    /// Columns of a product: out of a single part; with several, the parts side by side, each rounded up to 16.
    std::size_t columns() const { return m_columns; }
    /// First column of a part.
    std::size_t offset(std::size_t part) const { return m_firstPanel[part] * 16; }

    std::size_t firstPanel(std::size_t part) const { return m_firstPanel[part]; }
    std::size_t panels() const { return m_firstPanel.empty() ? 0 : m_firstPanel.back(); }
    const float* panel(std::size_t p) const { return m_panels.data() + p * m_in * 16; }
    const float* bias(std::size_t p) const { return m_bias.empty() ? nullptr : m_bias.data() + p * 16; }
    /// The weights of a panel, `[16, in]`.
    void unpack(std::size_t p, Matrix& weights) const;

private:
    std::size_t m_in = 0;
    std::size_t m_columns = 0;
    std::vector<std::size_t> m_firstPanel;  // One entry a part, and the number of panels.
    Matrix m_panels;
    std::vector<float> m_bias;
};

/// y = x W^T + bias, or y += that: x is `[rows, in]`, y `[rows, columns()]`, rows `stride` floats apart. Every element of y is one
/// sum over `in` in ascending order, whatever the number of rows and threads: a row's result never depends on the others.
void multiply(const PackedWeight& weight, const float* x, std::size_t xStride, std::size_t rows, float* y, std::size_t yStride,
              bool accumulate = false);

/// The same for `parts` parts of a packed weight from `first` on; y points to the first one's first column.
void multiplyParts(const PackedWeight& weight, std::size_t first, std::size_t parts, const float* x, std::size_t xStride, std::size_t rows,
                   float* y, std::size_t yStride);

/// One row times one panel, 16 products: what `multiply` makes of that row there, to the bit.
void multiplyPanel(const PackedWeight& weight, std::size_t panel, const float* row, float* y);

}  // namespace safequant
