// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/rope.h"
#include "core/tensor/row_attention.h"
#include "core/tensor/row_layout.h"

namespace safequant {

/// Consecutive rows of one sequence in a batch of rows. They attend to the positions before them in a slot of the caches and to
/// themselves, each up to itself. Runs of a batch lie one behind the other.
struct CachedRun {
    std::int32_t rows = 0;
    std::int32_t slot = 0;
    std::int32_t position = 0;  ///< Absolute position of the first row.
    std::int32_t length = 0;    ///< Positions of the whole sequence, which some rotary scalings depend on.
};

/// Keys (rotated) and values of one block, `[slots, positions, kvHeads * headDim]`, zero where nothing was stored: what is masked must
/// be finite.
struct RowCache {
    at::Tensor keys, values;

    RowCache() = default;
    RowCache(const DecoderConfig& config, std::int64_t slotCount, std::int64_t positions, const at::Device& device);
    /// Copies positions [0, count) of another cache's slot 0 into `slotCount` slots from `first` on.
    void copyPrefix(const RowCache& prefix, std::int64_t count, std::int64_t first, std::int64_t slotCount);
};

/// What a batch of rows needs in every block, on the device.
struct CachedLayout {
    /// Query rows of like counts, padded to `[pieces, rows]`.
    struct Group {
        std::int64_t rows = 0, keys = 0;
        at::Tensor pieceSlots; ///< `[pieces]`.
        at::Tensor queries;    ///< `[pieces * rows]`: rows of the batch; row 0 stands in for padding.
        at::Tensor positions;  ///< `[pieces, 1, 1, rows, 1]`.
        at::Tensor from, to;   ///< Where the results that are no padding lie among the group's, and in the batch.
    };

    std::int64_t rows = 0;
    at::Tensor places;  ///< `[rows]`: where a row's key lies in a cache whose slots are put one behind the other.
    std::vector<RowAngles> angles;  ///< One for each rope.
    std::vector<Group> groups;
};

/// Lays out runs over caches of `positions` positions a slot. `ropes`: tables of the configuration's ropes.
CachedLayout layOut(const DecoderConfig& config, std::span<const CachedRun> runs, std::int64_t positions, std::vector<RopeTable>& ropes,
                    const at::Device& device);
std::vector<RopeTable> ropeTables(const DecoderConfig& config);

/// Stores keys and values of a batch and gives its causal grouped-query attention: queries `[rows, heads * headDim]`, keys and values
/// `[rows, kvHeads * headDim]`; `[rows, heads * headDim]`. Memory: a group's scores, at most 256 MiB. Not differentiable.
at::Tensor cachedAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, RowCache& cache,
                           const CachedLayout& layout, const AttentionShape& shape);

}  // namespace safequant
