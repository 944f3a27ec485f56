// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <vector>

#include "core/model/packed_sequences.h"
#include "core/tensor/cached_rows.h"
#include "core/tensor/tensor_block.h"

namespace safequant {

/// Rows of packed sequences that are sent through a block at once: those of the shared prefix, of whole sequences, or a part of one.
struct RowChunk {
    std::size_t firstRow = 0, rows = 0;
    std::vector<CachedRun> runs;
    bool prefix = false;  ///< Of the shared prefix, which has a cache of its own.
    bool begins = false;  ///< Its sequences begin here: their slots get the prefix first.
};

/// How packed sequences move through a block of a device, chunk by chunk.
struct RowPlan {
    std::vector<RowChunk> chunks;
    std::int64_t slotCount = 1, positions = 1;  ///< Of the cache that the chunks need, one after the other.
    std::int64_t prefixLength = 0;
};

/// Cuts sequences into chunks of up to `chunkRows` rows.
RowPlan planRows(const PackedSequences& sequences, std::size_t chunkRows);

/// Keys and values of one block while a plan's chunks move through it; good for one block after the other.
class PlanCaches {
public:
    PlanCaches(const DecoderConfig& config, const RowPlan& plan, const at::Device& device);

    /// The block's output for a chunk, `[rows, hidden]`.
    at::Tensor forward(const DecoderConfig& config, const TensorBlock& block, const RowChunk& chunk, const CachedLayout& layout,
                       const at::Tensor& hidden);
    /// Positions of a slot of the chunk's cache, for its layout.
    std::int64_t positions(const RowChunk& chunk) const { return (chunk.prefix ? m_prefix : m_own).keys.size(1); }

private:
    RowCache m_prefix, m_own;
    std::int64_t m_prefixLength;
};

}  // namespace safequant
