// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/matrix.h"
#include "core/model/block_runner.h"
#include "core/model/integer_product.h"

namespace safequant {

/// Finds the largest logit of a row without computing all of them: products of 8-bit codes bound every logit from both sides, and only panels that may
/// hold the largest are computed, the way the head itself computes them. The answer is the head's own, ties included.
///
/// With w and x rounded to w' and x', |w x - w' x'| <= |w - w'| |x| + |w'| |x - x'| (Cauchy and Schwarz), and rounding in float32 adds a part of |w| |x|.
/// Inputs are balanced first: what is divided out of x is multiplied into w, so that neither has columns that cost the others their grid.
/// Memory: a byte a weight.
class GreedyScreen {
public:
    GreedyScreen() = default;
    /// `like`: rows that inputs will resemble; they decide the balance, and so the speed, but no answer. Throws std::bad_alloc.
    GreedyScreen(const PackedLinears& head, const Matrix& like);

    bool empty() const { return m_codes.empty(); }
    /// The column of the largest product of each row with the head, the lowest on ties. False where a row is not finite: nothing is chosen then.
    bool choose(const PackedLinears& head, const Matrix& rows, std::span<std::int32_t> chosen) const;

private:
    /// A row's part in the bounds.
    struct RowNorms {
        float length = 0.0F, error = 0.0F;  ///< |x|, |x - x'|.
    };
    float boundOf(std::size_t panel, const RowNorms& norms) const { return m_errors[panel] * norms.length + m_lengths[panel] * norms.error; }
    std::int32_t exact(const PackedLinears& head, const float* row, std::span<const float> largest, const RowNorms& norms) const;

    std::size_t m_columns = 0;
    std::vector<float> m_balance;  // What inputs are multiplied by.
    std::vector<PackedIntegers> m_codes;  // Of consecutive panels, so many that their products stay in the second-level cache.
    std::vector<float> m_lengths, m_errors;  // By panel, the largest: |w'|, and |w - w'| with what rounding adds.
};

}  // namespace safequant
