// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/quantize/scheme.h"

namespace safequant {

inline constexpr std::size_t kCodebookEntries = 256;
inline constexpr std::size_t kMostCodebooks = 4;
/// Floats of one codebook, `[entries, columns]`.
inline constexpr std::size_t kCodebookSize = kCodebookEntries * kCodebookColumns;
/// Eight columns of a Hessian, `[8, 8]`.
using HessianTile = std::array<float, static_cast<std::size_t>(kCodebookColumns) * kCodebookColumns>;

/// The nearest entry of one codebook to points of eight columns.
class NearestEntry {
public:
    explicit NearestEntry(const float* table);
    /// The first of the nearest; `distance` gets the squared distance less |point|^2.
    std::size_t find(const float* point, float& distance) const;

private:
    std::vector<float> m_columns, m_self;  ///< `[columns, entries]` and `[entries]`.
};

/// Chooses the codes of one group of eight columns: those whose sum q of codebook entries has the least q^T H q - 2 q^T u, by beam search over
/// the codebooks (AQLM, arXiv 2401.06118, section 3.2). Products of entries are shared by all rows.
class GroupSearch {
public:
    /// `tables`: `codebooks` of them, as long as the search is used. Throws std::invalid_argument on 0 or more than kMostCodebooks.
    GroupSearch(const float* tables, std::size_t codebooks, std::size_t beam);

    /// Sets the group by its tile of the Hessian.
    void prepare(const HessianTile& hessian);
    /// Replaces `codes` `[codebooks]` where others are better; says whether. `target`: u. Thread-safe.
    bool choose(const float* target, std::uint8_t* codes) const;

private:
    using Row = std::array<float, kCodebookEntries>;
    const Row& cross(std::size_t first, std::size_t second, std::size_t entry) const {
        return m_cross[(second * (second - 1) / 2 + first) * kCodebookEntries + entry];
    }

    const float* m_tables;
    std::size_t m_codebooks, m_beam;
    std::vector<float> m_columns;  ///< `[codebooks, columns, entries]`.
    std::vector<Row> m_self;       ///< c^T H c, `[codebooks]`.
    std::vector<Row> m_cross;      ///< 2 c^T H d of each pair of codebooks, by entry of the first.
};

}  // namespace safequant
