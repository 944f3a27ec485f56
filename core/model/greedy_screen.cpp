// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/greedy_screen.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/model/parallel.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

constexpr ActivationScheme kCodes{8, true};
/// Columns multiplied at once: their products with 64 rows are 512 KiB.
constexpr std::size_t kColumnsAtOnce = 2048;
constexpr std::size_t kPanel = kPanelWidth;

/// Root mean squares of columns.
std::vector<double> columnSizes(const Matrix& matrix) {
    std::vector<double> squares(matrix.cols(), 0.0);
    for (std::size_t row = 0; row < matrix.rows(); ++row)
        for (std::size_t k = 0; k < matrix.cols(); ++k) squares[k] += static_cast<double>(matrix(row, k)) * static_cast<double>(matrix(row, k));
    for (double& value : squares) value = std::sqrt(value / static_cast<double>(std::max<std::size_t>(matrix.rows(), 1)));
    return squares;
}

double length(const float* values, std::size_t count) {
    double squares = 0.0;
    for (std::size_t k = 0; k < count; ++k) squares += static_cast<double>(values[k]) * static_cast<double>(values[k]);
    return std::sqrt(squares);
}

double distance(const float* a, const float* b, std::size_t count) {
    double squares = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
        const double difference = static_cast<double>(a[k]) - static_cast<double>(b[k]);
        squares += difference * difference;
    }
    return std::sqrt(squares);
}

/// Never below what was rounded.
float roundedUp(double value) { return std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity()); }

}  // namespace

GreedyScreen::GreedyScreen(const PackedLinears& head, const Matrix& like) : m_columns(head.columns()) {
    const std::size_t in = like.cols(), panels = (m_columns + kPanel - 1) / kPanel;
    // Of every 16th panel: enough to know columns by.
    std::vector<double> sizes(in, 0.0);
    Matrix weights(kPanel, in);
    std::size_t seen = 0;
    for (std::size_t panel = 0; panel < panels; panel += kPanel, ++seen) {
        head.unpack(panel, weights);
        const auto some = columnSizes(weights);
        for (std::size_t k = 0; k < in; ++k) sizes[k] += some[k];
    }
    const auto inputs = columnSizes(like);
    m_balance.resize(in);
    for (std::size_t k = 0; k < in; ++k) {
        const double ratio = sizes[k] / static_cast<double>(seen) / inputs[k];
        m_balance[k] = ratio > 1e-12 && ratio < 1e12 ? static_cast<float>(std::sqrt(ratio)) : 1.0F;
    }
    // What float32 sums of `in` products may be off by, each way, as a part of |w| |x|.
    const double rounding = 2.0 * static_cast<double>(in + 16) * static_cast<double>(std::numeric_limits<float>::epsilon());
    m_lengths.assign(panels, 0.0F);
    m_errors.assign(panels, 0.0F);
    std::vector<IntegerWeight> parts((m_columns + kColumnsAtOnce - 1) / kColumnsAtOnce);
    for (std::size_t part = 0; part < parts.size(); ++part) {
        IntegerWeight& codes = parts[part];
        codes.rows = std::min(kColumnsAtOnce, m_columns - part * kColumnsAtOnce);
        codes.cols = codes.groupSize = in;
        codes.codes.resize(codes.rows * in);
        codes.scales.resize(codes.rows);
    }
    const auto roundPanel = [&](std::size_t panel, Matrix& rows, std::vector<float>& rounded) {
        head.unpack(panel, rows);
        for (std::size_t r = 0; r < std::min(kPanel, m_columns - panel * kPanel); ++r) {
            float* row = rows.row(r);
            for (std::size_t k = 0; k < in; ++k) row[k] /= m_balance[k];
            const std::size_t column = panel * kPanel + r;
            IntegerWeight& codes = parts[column / kColumnsAtOnce];
            std::int8_t* target = codes.codes.data() + column % kColumnsAtOnce * in;
            const float scale = simdKernels().quantize(row, in, kCodes.bits, kCodes.symmetric, target).scale;
            codes.scales[column % kColumnsAtOnce] = scale;
            for (std::size_t k = 0; k < in; ++k) rounded[k] = scale * static_cast<float>(target[k]);
            m_lengths[panel] = std::max(m_lengths[panel], roundedUp(length(rounded.data(), in)));
            m_errors[panel] = std::max(m_errors[panel], roundedUp(distance(row, rounded.data(), in) + rounding * length(row, in)));
        }
    };
    parallelRows(panels, kRowGrain / (in * kPanel) + 1, [&](std::size_t begin, std::size_t end) {
        Matrix rows(kPanel, in);
        std::vector<float> rounded(in);
        for (std::size_t panel = begin; panel < end; ++panel) roundPanel(panel, rows, rounded);
    });
    m_codes.reserve(parts.size());
    for (IntegerWeight& codes : parts) {
        const PackedIntegers::Part part{&codes, {}};
        m_codes.emplace_back(std::span(&part, 1), kCodes);
        codes.codes = {};
    }
}

bool GreedyScreen::choose(const PackedLinears& head, const Matrix& rows, std::span<std::int32_t> chosen) const {
    const std::size_t in = m_balance.size(), panels = m_lengths.size();
    Matrix balanced(rows.rows(), in);
    std::vector<RowNorms> norms(rows.rows());
    parallelRows(rows.rows(), kRowGrain / in + 1, [&](std::size_t begin, std::size_t end) {
        std::vector<float> rounded(in);
        for (std::size_t row = begin; row < end; ++row) {
            float* values = balanced.row(row);
            for (std::size_t k = 0; k < in; ++k) values[k] = rows(row, k) * m_balance[k];
            std::copy_n(values, in, rounded.data());
            simdKernels().fakeQuantize(rounded.data(), in, kCodes.bits, kCodes.symmetric);
            norms[row] = {roundedUp(length(values, in)), roundedUp(distance(values, rounded.data(), in))};
        }
    });
    if (std::ranges::any_of(norms, [](const RowNorms& each) { return !std::isfinite(each.length) || !std::isfinite(each.error); })) return false;
    Matrix largest(rows.rows(), panels), products(rows.rows(), kColumnsAtOnce);
    for (std::size_t part = 0; part < m_codes.size(); ++part) {
        const std::size_t columns = m_codes[part].columns(), firstPanel = part * kColumnsAtOnce / kPanel;
        m_codes[part].multiply(0, 1, balanced.data(), in, rows.rows(), products.data(), products.cols());
        parallelRows(rows.rows(), kRowGrain / columns + 1, [&](std::size_t begin, std::size_t end) {
            for (std::size_t row = begin; row < end; ++row)
                for (std::size_t column = 0; column < columns; column += kPanel)
                    largest(row, firstPanel + column / kPanel) = simdKernels().maximum(products.row(row) + column, std::min(kPanel, columns - column));
        });
    }
    parallelRows(rows.rows(), 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) chosen[row] = exact(head, rows.row(row), largest.rowSpan(row), norms[row]);
    });
    return true;
}

std::int32_t GreedyScreen::exact(const PackedLinears& head, const float* row, std::span<const float> largest, const RowNorms& norms) const {
    const auto widthOf = [&](std::size_t panel) { return std::min(kPanel, m_columns - panel * kPanel); };
    float logits[kPanel];
    // No logit is larger than one that is known.
    const auto first = static_cast<std::size_t>(std::max_element(largest.begin(), largest.end()) - largest.begin());
    head.multiplyPanel(first, row, logits);
    const float* found = std::max_element(logits, logits + widthOf(first));
    float best = *found;
    std::size_t column = first * kPanel + static_cast<std::size_t>(found - logits);
    for (std::size_t panel = 0; panel < largest.size(); ++panel) {
        if (panel == first || largest[panel] + boundOf(panel, norms) < best) continue;
        head.multiplyPanel(panel, row, logits);
        for (std::size_t r = 0; r < widthOf(panel); ++r) {
            const std::size_t candidate = panel * kPanel + r;
            if (logits[r] < best || (logits[r] == best && candidate > column)) continue;
            best = logits[r];
            column = candidate;
        }
    }
    return static_cast<std::int32_t>(column);
}

}  // namespace safequant
