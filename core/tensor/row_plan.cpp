// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/row_plan.h"

#include <algorithm>

namespace safequant {
namespace {

/// Positions of all slots together.
constexpr std::int64_t kMostPositions = 32768;

}  // namespace

RowPlan planRows(const PackedSequences& sequences, std::size_t chunkRows) {
    RowPlan plan;
    plan.prefixLength = sequences.prefixLength;
    const auto begin = [&](std::size_t i) { return static_cast<std::size_t>(sequences.offsets[i]); };
    const auto rowsOf = [&](std::size_t i) { return begin(i + 1) - begin(i); };
    const auto lengthOf = [&](std::size_t i) { return sequences.prefixLength + static_cast<std::int32_t>(rowsOf(i)); };
    const auto addParts = [&](std::size_t firstRow, std::size_t rows, std::int32_t position, std::int32_t length, bool prefix) {
        for (std::size_t done = 0; done < rows; done += chunkRows) {
            const std::size_t part = std::min(chunkRows, rows - done);
            const CachedRun run{static_cast<std::int32_t>(part), 0, position + static_cast<std::int32_t>(done), length};
            plan.chunks.push_back({firstRow + done, part, {run}, prefix, !prefix && done == 0});
        }
    };
    if (sequences.sequences() == 0) return plan;
    addParts(0, static_cast<std::size_t>(sequences.prefixLength), 0, lengthOf(0), true);
    for (std::size_t i = 0; i < sequences.sequences();) {
        plan.positions = std::max<std::int64_t>(plan.positions, lengthOf(i));
        if (rowsOf(i) > chunkRows) {
            addParts(begin(i), rowsOf(i), sequences.prefixLength, lengthOf(i), false);
            ++i;
            continue;
        }
        RowChunk chunk{begin(i), 0, {}, false, true};
        std::int64_t longest = 0;
        for (; i < sequences.sequences() && chunk.rows + rowsOf(i) <= chunkRows; ++i) {
            longest = std::max<std::int64_t>(longest, lengthOf(i));
            const auto slot = static_cast<std::int32_t>(chunk.runs.size());
            if (slot > 0 && (slot + 1) * longest > kMostPositions) break;
            chunk.runs.push_back({static_cast<std::int32_t>(rowsOf(i)), slot, sequences.prefixLength, lengthOf(i)});
            chunk.rows += rowsOf(i);
            plan.positions = std::max(plan.positions, longest);
        }
        plan.slotCount = std::max(plan.slotCount, static_cast<std::int64_t>(chunk.runs.size()));
        plan.chunks.push_back(std::move(chunk));
    }
    return plan;
}

PlanCaches::PlanCaches(const DecoderConfig& config, const RowPlan& plan, const at::Device& device)
    : m_prefix(config, 1, std::max<std::int64_t>(plan.prefixLength, 1), device),
      m_own(config, plan.slotCount, plan.positions, device),
      m_prefixLength(plan.prefixLength) {}

at::Tensor PlanCaches::forward(const DecoderConfig& config, const TensorBlock& block, const RowChunk& chunk, const CachedLayout& layout,
                               const at::Tensor& hidden) {
    RowCache& cache = chunk.prefix ? m_prefix : m_own;
    if (chunk.begins && m_prefixLength > 0) m_own.copyPrefix(m_prefix, m_prefixLength, 0, static_cast<std::int64_t>(chunk.runs.size()));
    const AttentionShape shape = attentionShape(config, block.attention);
    const auto attend = [&](const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) {
        return cachedAttention(queries, keys, values, cache, layout, shape);
    };
    return forwardTensorBlockWith(config, block, layout.angles, hidden, attend);
}

}  // namespace safequant
