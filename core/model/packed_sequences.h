// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/checkpoint/decoder_config.h"

namespace safequant {

/// Many token sequences in one run of rows, without padding. Rows `[0, prefixLength)` hold the prefix shared by all of them,
/// stored once; sequence i's own rows are `[offsets[i], offsets[i + 1])` and their positions start at `prefixLength`.
struct PackedSequences {
    std::vector<std::int32_t> tokens;   ///< `[rows]`.
    int prefixLength = 0;
    std::vector<std::int32_t> offsets;  ///< `[sequences + 1]`; offsets[0] == prefixLength.

    std::size_t rows() const { return tokens.size(); }
    std::size_t sequences() const { return offsets.empty() ? 0 : offsets.size() - 1; }
    std::int32_t lastRow(std::size_t sequence) const { return offsets[sequence + 1] - 1; }
    /// Tokens without sharing, for reports.
    std::size_t unsharedRows() const {
        return tokens.size() + (sequences() > 0 ? (sequences() - 1) * static_cast<std::size_t>(prefixLength) : 0);
    }
};

/// Packs sequences; the longest prefix common to all is shared, but every sequence keeps at least one row of its own.
/// `share` false packs them whole. Throws std::invalid_argument on an empty sequence.
PackedSequences packSequences(const std::vector<std::vector<std::int32_t>>& sequences, bool share = true);

/// Whether sequences may share their prefix in this model: not when their rotary frequencies depend on lengths that differ, since
/// then the same tokens have other keys in each.
bool mayShare(const DecoderConfig& config, const std::vector<std::vector<std::int32_t>>& sequences);

}  // namespace safequant
