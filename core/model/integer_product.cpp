// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/integer_product.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/model/integer_kernels.h"
#include "core/model/panel_tasks.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

constexpr int kHalfByte = 4;
/// What turns the signed bytes of a lane into unsigned ones.
constexpr std::uint32_t kSignBits = 0x80808080U;
/// Inputs whose products, of a byte and a signed byte, can be summed in an int32.
constexpr std::size_t kLargestGroup = 65'536;

/// Scratch kept from call to call: products of one thread follow each other.
template <typename T>
T* scratch(std::size_t count) {
    thread_local std::vector<T> buffer;
    if (buffer.size() < count) buffer.resize(count);
    return buffer.data();
}

/// The same products from values unpacked here, where several tiles of rows meet them. They last as long as the thread unpacks no others.
void unpackTile(CodeTile& tile) {
    thread_local std::vector<float> values;
    values.resize(std::max(values.size(), static_cast<std::size_t>(tile.panels) * tile.in * kPanelWidth));
    simdKernels().unpackCodes(tile, values.data());
    tile.values = values.data();
    tile.zeros = nullptr;
    tile.bits = 32;
}

/// A row's codes, padded with 0, as lanes of a tile of `stride` rows.
void packRow(const IntegerKernels& kernels, const std::int8_t* codes, std::size_t lanes, std::int32_t* packed, std::size_t stride) {
    if (kernels.lane == 2) {
        for (std::size_t k = 0; k < lanes; ++k)
            packed[k * stride] = static_cast<std::int32_t>((static_cast<std::uint32_t>(codes[2 * k + 1]) << 16U) | (static_cast<std::uint32_t>(codes[2 * k]) & 0xFFFFU));
        return;
    }
    for (std::size_t k = 0; k < lanes; ++k) {
        std::uint32_t bytes = 0;
        std::memcpy(&bytes, codes + 4 * k, sizeof bytes);
        packed[k * stride] = static_cast<std::int32_t>(bytes ^ (kernels.offset != 0 ? kSignBits : 0U));
    }
}

}  // namespace

bool PackedIntegers::fit(std::span<const Part> parts, const ActivationScheme& input) {
    if (parts.empty() || input.keptFrom > 0.0F || (input.bits > 8 && input.bits < 16)) return false;
    const IntegerWeight* first = parts.front().weight;
    const std::size_t lane = input.bits <= 8 ? static_cast<std::size_t>(integerKernels().lane) : 4;
    return std::all_of(parts.begin(), parts.end(), [&](const Part& part) {
        const IntegerWeight* weight = part.weight;
        if (weight == nullptr || weight->cols == 0 || weight->groupSize == 0 || weight->bits < 2 || weight->bits > 8) return false;
        if (weight->groupSize > kLargestGroup) return false;
        if (weight->cols % weight->groupSize != 0) return false;
        // Groups begin at a lane.
        return weight->cols == first->cols && weight->groupSize == first->groupSize && (weight->groups() == 1 || weight->groupSize % lane == 0);
    });
}

PackedIntegers::PackedIntegers(std::span<const Part> parts, const ActivationScheme& input) : m_input(input) {
    if (!fit(parts, input)) throw std::invalid_argument("[PackedIntegers] got weights that do not fit together");
    const IntegerWeight& first = *parts.front().weight;
    m_in = first.cols;
    m_groupSize = first.groupSize;
    m_groups = first.groups();
    m_firstPanel.push_back(0);
    bool zeros = false, few = m_groups == 1 || m_groupSize % 8 == 0;
    for (const Part& part : parts) {
        const IntegerWeight& weight = *part.weight;
        if (!part.bias.empty() && part.bias.size() != weight.rows)
            throw std::invalid_argument("[PackedIntegers] got a bias of " + std::to_string(part.bias.size()) + ", need " + std::to_string(weight.rows));
        m_firstPanel.push_back(m_firstPanel.back() + (weight.rows + kPanelWidth - 1) / kPanelWidth);
        zeros = zeros || !weight.zeros.empty();
        few = few && weight.bits <= kHalfByte;
    }
    m_codesOfLane = byCodes() ? integerKernels().lane : few ? 8 : 4;
    const auto perLane = static_cast<std::size_t>(m_codesOfLane);
    m_lanes = (m_in + perLane - 1) / perLane;
    m_groupLanes = m_groups == 1 ? m_lanes : m_groupSize / perLane;
    m_columns = parts.size() == 1 ? first.rows : panels() * kPanelWidth;
    m_codes.assign(panels() * m_lanes * kPanelWidth, 0);
    const std::size_t perGroup = panels() * m_groups * kPanelWidth;
    m_scales.assign(perGroup, 0.0F);
    if (byCodes()) m_sums.assign(perGroup, 0);
    if (zeros && byCodes()) m_zeros.assign(perGroup, 0);
    if (zeros && !byCodes()) m_floatZeros.assign(perGroup, 0.0F);
    std::size_t index = 0;
    for (const Part& part : parts) {
        packPart(part, m_firstPanel[index++]);
        if (part.bias.empty()) continue;
        m_bias.resize(panels() * kPanelWidth, 0.0F);
        std::copy(part.bias.begin(), part.bias.end(), m_bias.begin() + static_cast<std::ptrdiff_t>(m_firstPanel[index - 1] * kPanelWidth));
    }
}

void PackedIntegers::packPart(const Part& part, std::size_t firstPanel) {
    const IntegerWeight& weight = *part.weight;
    const auto packRow = [&](std::size_t row) {
        const std::size_t panel = firstPanel + row / kPanelWidth, place = row % kPanelWidth;
        const std::int8_t* codes = weight.codes.data() + row * m_in;
        for (std::size_t group = 0; group < m_groups; ++group) {
            const std::size_t at = (panel * m_groups + group) * kPanelWidth + place, from = row * m_groups + group;
            const int zero = weight.zeros.empty() ? 0 : weight.zeros[from];
            m_scales[at] = weight.scales[from];
            if (!m_zeros.empty()) m_zeros[at] = zero;
            if (!m_floatZeros.empty()) m_floatZeros[at] = static_cast<float>(zero);
            for (std::size_t k = group * m_groupSize; k < (group + 1) * m_groupSize && byCodes(); ++k) m_sums[at] += codes[k];
        }
        const auto perLane = static_cast<std::size_t>(m_codesOfLane);
        for (std::size_t k = 0; k < m_lanes; ++k)
            m_codes[(panel * m_lanes + k) * kPanelWidth + place] = packLane(m_codesOfLane, codes + k * perLane, std::min(perLane, m_in - k * perLane));
    };
    parallelRows(weight.rows, kRowGrain / m_in + 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) packRow(row);
    });
}

void PackedIntegers::multiply(std::size_t first, std::size_t parts, const float* x, std::size_t xStride, std::size_t rows, float* y, std::size_t yStride,
                              bool accumulate) const {
    const std::size_t firstPanel = m_firstPanel[first], lastPanel = m_firstPanel[first + parts];
    if (rows == 0 || firstPanel == lastPanel) return;
    const std::size_t columns = m_firstPanel.size() == 2 ? m_columns : (lastPanel - firstPanel) * kPanelWidth;
    if (byCodes()) multiplyCodes(firstPanel, lastPanel, columns, x, xStride, rows, y, yStride, accumulate);
    else multiplyFloats(firstPanel, lastPanel, columns, x, xStride, rows, y, yStride, accumulate);
}

CodeTile PackedIntegers::codeTile(std::size_t panel, int panels) const {
    CodeTile tile;
    tile.in = m_in;
    tile.groupSize = m_groupSize;
    tile.bits = 32 / m_codesOfLane;
    tile.panels = panels;
    tile.codes = m_codes.data() + panel * m_lanes * kPanelWidth;
    tile.scales = m_scales.data() + panel * m_groups * kPanelWidth;
    tile.zeros = m_floatZeros.empty() ? nullptr : m_floatZeros.data() + panel * m_groups * kPanelWidth;
    tile.bias = m_bias.empty() ? nullptr : m_bias.data() + panel * kPanelWidth;
    return tile;
}

void PackedIntegers::multiplyPanel(std::size_t panel, const float* row, float* y) const {
    CodeTile tile = codeTile(panel, 1);
    tile.rows = row;
    tile.rowCount = 1;
    tile.columns = kPanelWidth;
    tile.y = y;
    tile.stride = kPanelWidth;
    simdKernels().multiplyCodes(tile);
}

void PackedIntegers::unpack(std::size_t panel, Matrix& weights) const {
    std::vector<float> values(m_in * kPanelWidth);
    simdKernels().unpackCodes(codeTile(panel, 1), values.data());
    for (std::size_t k = 0; k < m_in; ++k)
        for (std::size_t r = 0; r < kPanelWidth; ++r)
            weights(r, k) = values[k * kPanelWidth + r] * m_scales[(panel * m_groups + k / m_groupSize) * kPanelWidth + r];
}

void PackedIntegers::multiplyFloats(std::size_t firstPanel, std::size_t lastPanel, std::size_t columns, const float* x, std::size_t xStride, std::size_t rows,
                                    float* y, std::size_t yStride, bool accumulate) const {
    const SimdKernels& kernels = simdKernels();
    const auto tileRows = static_cast<std::size_t>(kernels.tileRows), tilePanels = static_cast<std::size_t>(kernels.tilePanels);
    float* packed = scratch<float>(rows * m_in);
    parallelRows((rows + tileRows - 1) / tileRows, kRowGrain / (tileRows * m_in) + 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin * tileRows; row < std::min(end * tileRows, rows); row += tileRows)
            kernels.packRows(x + row * xStride, xStride, static_cast<int>(std::min(tileRows, rows - row)), m_in, packed + row * m_in);
    });
    overPanels(firstPanel, lastPanel, rows, m_in, tilePanels, [&](std::size_t begin, std::size_t end) {
        std::size_t count = 1;
        for (std::size_t panel = begin; panel < end; panel += count) {
            count = end - panel >= tilePanels ? tilePanels : 1;
            const std::size_t column = (panel - firstPanel) * kPanelWidth;
            CodeTile tile = codeTile(panel, static_cast<int>(count));
            tile.columns = static_cast<int>(std::min(count * kPanelWidth, columns - column));
            tile.stride = yStride;
            tile.accumulate = accumulate;
            if (rows > tileRows) unpackTile(tile);
            for (std::size_t row = 0; row < rows; row += tileRows) {
                tile.rows = packed + row * m_in;
                tile.rowCount = static_cast<int>(std::min(tileRows, rows - row));
                tile.y = y + row * yStride + column;
                kernels.multiplyCodes(tile);
            }
        }
    });
}

void PackedIntegers::multiplyCodes(std::size_t firstPanel, std::size_t lastPanel, std::size_t columns, const float* x, std::size_t xStride, std::size_t rows,
                                   float* y, std::size_t yStride, bool accumulate) const {
    const IntegerKernels& kernels = integerKernels();
    const auto tileRows = static_cast<std::size_t>(kernels.tileRows), tilePanels = static_cast<std::size_t>(kernels.tilePanels);
    std::int32_t* packed = scratch<std::int32_t>(rows * (m_lanes + 1 + m_groups));
    std::int32_t *zeros = packed + rows * m_lanes, *sums = zeros + rows;
    float* scales = scratch<float>(rows);
    const auto packTile = [&](std::size_t first) {
        thread_local std::vector<std::int8_t> codes;
        codes.assign(m_lanes * static_cast<std::size_t>(kernels.lane), 0);
        const std::size_t count = std::min(tileRows, rows - first);
        for (std::size_t r = 0; r < count; ++r) {
            const RowGrid grid = simdKernels().quantize(x + (first + r) * xStride, m_in, m_input.bits, m_input.symmetric, codes.data());
            scales[first + r] = grid.scale;
            zeros[first + r] = grid.zero;
            packRow(kernels, codes.data(), m_lanes, packed + first * m_lanes + r, count);
            for (std::size_t group = 0; group < m_groups && !m_zeros.empty(); ++group) {
                std::int32_t sum = 0;
                for (std::size_t k = group * m_groupSize; k < (group + 1) * m_groupSize; ++k) sum += codes[k] - grid.zero;
                sums[first * m_groups + group * count + r] = sum;
            }
        }
    };
    parallelRows((rows + tileRows - 1) / tileRows, kRowGrain / (tileRows * m_in) + 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin * tileRows; row < std::min(end * tileRows, rows); row += tileRows) packTile(row);
    });
    overPanels(firstPanel, lastPanel, rows, m_in, tilePanels, [&](std::size_t begin, std::size_t end) {
        IntegerTile tile;
        tile.lanes = m_lanes;
        tile.groupLanes = m_groupLanes;
        tile.stride = yStride;
        tile.accumulate = accumulate;
        for (std::size_t panel = begin; panel < end; panel += static_cast<std::size_t>(tile.panels)) {
            tile.panels = static_cast<int>(end - panel >= tilePanels ? tilePanels : 1);
            const std::size_t column = (panel - firstPanel) * kPanelWidth, at = panel * m_groups * kPanelWidth;
            tile.columns = static_cast<int>(std::min(static_cast<std::size_t>(tile.panels) * kPanelWidth, columns - column));
            tile.weights = m_codes.data() + panel * m_lanes * kPanelWidth;
            tile.scales = m_scales.data() + at;
            tile.sums = m_sums.data() + at;
            tile.zeros = m_zeros.empty() ? nullptr : m_zeros.data() + at;
            tile.bias = m_bias.empty() ? nullptr : m_bias.data() + panel * kPanelWidth;
            for (std::size_t row = 0; row < rows; row += tileRows) {
                tile.rows = packed + row * m_lanes;
                tile.rowCount = static_cast<int>(std::min(tileRows, rows - row));
                tile.rowScales = scales + row;
                tile.rowZeros = zeros + row;
                tile.rowSums = sums + row * m_groups;
                tile.y = y + row * yStride + column;
                kernels.multiply(tile);
            }
        }
    });
}

}  // namespace safequant
