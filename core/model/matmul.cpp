// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/matmul.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/model/panel_tasks.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

/// Input rows in tiles, kept from call to call: products of one thread follow each other.
float* packedInput(std::size_t floats) {
    thread_local Matrix buffer;
    if (buffer.size() < floats) buffer = Matrix(1, floats);
    return buffer.data();
}

void multiplyPanels(const PackedWeight& weight, std::size_t firstPanel, std::size_t lastPanel, std::size_t columns,
                    const float* x, std::size_t xStride, std::size_t rows, float* y, std::size_t yStride, bool accumulate) {
    if (rows == 0 || firstPanel == lastPanel) return;
    const SimdKernels& kernels = simdKernels();
    const std::size_t in = weight.in();
    const auto tileRows = static_cast<std::size_t>(kernels.tileRows);
    const auto tilePanels = static_cast<std::size_t>(kernels.tilePanels);
    const std::size_t tiles = (rows + tileRows - 1) / tileRows;
    float* packed = packedInput(rows * in);
    const auto packTile = [&](std::size_t tile) {
        const std::size_t row = tile * tileRows;
        kernels.packRows(x + row * xStride, xStride, static_cast<int>(std::min(tileRows, rows - row)), in, packed + row * in);
    };
    parallelRows(tiles, kRowGrain / (tileRows * in) + 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t tile = first; tile < last; ++tile) packTile(tile);
    });
    overPanels(firstPanel, lastPanel, rows, in, tilePanels, [&](std::size_t begin, std::size_t end) {
        for (std::size_t panel = begin; panel < end;) {
            const std::size_t count = end - panel >= tilePanels ? tilePanels : 1;
            const std::size_t column = (panel - firstPanel) * kPanelWidth;
            const auto width = static_cast<int>(std::min(count * kPanelWidth, columns - column));
            for (std::size_t row = 0; row < rows; row += tileRows)
                kernels.multiplyTile(packed + row * in, static_cast<int>(std::min(tileRows, rows - row)), in, weight.panel(panel),
                                     static_cast<int>(count), width, weight.bias(panel), y + row * yStride + column, yStride,
                                     accumulate);
            panel += count;
        }
    });
}

}  // namespace

PackedWeight::PackedWeight(std::span<const Part> parts) {
    m_firstPanel.push_back(0);
    for (const Part& part : parts) {
        const std::size_t out = part.weight->rows();
        if (m_firstPanel.size() == 1) m_in = part.weight->cols();
        if (part.weight->cols() != m_in)
            throw std::invalid_argument("[PackedWeight] got weights with " + std::to_string(m_in) + " and " +
                                        std::to_string(part.weight->cols()) + " inputs, need one number of inputs");
        if (!part.bias.empty() && part.bias.size() != out)
            throw std::invalid_argument("[PackedWeight] got a bias of " + std::to_string(part.bias.size()) + ", need " +
                                        std::to_string(out));
        m_firstPanel.push_back(m_firstPanel.back() + (out + kPanelWidth - 1) / kPanelWidth);
    }
    m_columns = parts.size() == 1 ? parts.front().weight->rows() : panels() * kPanelWidth;
    m_panels = Matrix(panels(), m_in * kPanelWidth);
    std::size_t index = 0;
    for (const Part& part : parts) {
        const Matrix& weight = *part.weight;
        const std::size_t first = m_firstPanel[index];
        const auto packPanel = [&](std::size_t p) {
            const std::size_t row = p * kPanelWidth;
            const std::size_t valid = std::min<std::size_t>(kPanelWidth, weight.rows() - row);
            float* panel = m_panels.row(first + p);
            if (valid == kPanelWidth) {
                simdKernels().packRows(weight.row(row), m_in, kPanelWidth, m_in, panel);
                return;
            }
            std::fill_n(panel, m_in * kPanelWidth, 0.0F);
            for (std::size_t r = 0; r < valid; ++r)
                for (std::size_t k = 0; k < m_in; ++k) panel[k * kPanelWidth + r] = weight(row + r, k);
        };
        parallelRows(m_firstPanel[index + 1] - first, kRowGrain / (m_in * kPanelWidth) + 1, [&](std::size_t begin, std::size_t end) {
            for (std::size_t p = begin; p < end; ++p) packPanel(p);
        });
        if (!part.bias.empty()) {
            m_bias.resize(panels() * kPanelWidth, 0.0F);
            std::copy(part.bias.begin(), part.bias.end(), m_bias.begin() + static_cast<std::ptrdiff_t>(first * kPanelWidth));
        }
        ++index;
    }
}

void PackedWeight::unpack(std::size_t p, Matrix& weights) const {
    for (std::size_t k = 0; k < m_in; ++k)
        for (std::size_t r = 0; r < kPanelWidth; ++r) weights(r, k) = panel(p)[k * kPanelWidth + r];
}

void multiplyPanel(const PackedWeight& weight, std::size_t panel, const float* row, float* y) {
    simdKernels().multiplyTile(row, 1, weight.in(), weight.panel(panel), 1, kPanelWidth, weight.bias(panel), y, kPanelWidth, false);
}

void multiply(const PackedWeight& weight, const float* x, std::size_t xStride, std::size_t rows, float* y, std::size_t yStride,
              bool accumulate) {
    multiplyPanels(weight, 0, weight.panels(), weight.columns(), x, xStride, rows, y, yStride, accumulate);
}

void multiplyParts(const PackedWeight& weight, std::size_t first, std::size_t parts, const float* x, std::size_t xStride, std::size_t rows,
                   float* y, std::size_t yStride) {
    const std::size_t firstPanel = weight.firstPanel(first);
    const std::size_t lastPanel = weight.firstPanel(first + parts);
    multiplyPanels(weight, firstPanel, lastPanel, (lastPanel - firstPanel) * kPanelWidth, x, xStride, rows, y, yStride, false);
}

}  // namespace safequant
