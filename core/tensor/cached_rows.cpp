// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/cached_rows.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

/// Scores of a group: 256 MiB in float32.
constexpr std::int64_t kMostScores = std::int64_t{1} << 26;
/// Query rows of a piece, so that a long sequence is worked off in parts that see only the keys they need.
constexpr std::int64_t kMostQueries = 512;

/// Part of a run.
struct Piece {
    std::int64_t row = 0, rows = 0;  // In the batch.
    std::int64_t slot = 0, position = 0;

    std::int64_t keys() const { return position + rows; }
};

std::vector<Piece> piecesOf(const DecoderConfig& config, std::span<const CachedRun> runs) {
    std::vector<Piece> pieces;
    std::int64_t first = 0;
    for (const CachedRun& run : runs) {
        const std::int64_t keys = run.position + run.rows;
        const std::int64_t most = std::clamp<std::int64_t>(kMostScores / (config.heads * keys), 1, kMostQueries);
        for (std::int64_t done = 0; done < run.rows; done += most)
            pieces.push_back({first + done, std::min<std::int64_t>(most, run.rows - done), run.slot, run.position + done});
        first += run.rows;
    }
    return pieces;
}

CachedLayout::Group groupOf(std::span<const Piece> pieces, const at::Device& device) {
    CachedLayout::Group group;
    for (const Piece& piece : pieces) {
        group.rows = std::max(group.rows, piece.rows);
        group.keys = std::max(group.keys, piece.keys());
    }
    std::vector<std::int64_t> slots, queries, positions, from, to;
    for (const Piece& piece : pieces) {
        slots.push_back(piece.slot);
        for (std::int64_t r = 0; r < group.rows; ++r) {
            const bool own = r < piece.rows;
            if (own) {
                from.push_back(static_cast<std::int64_t>(queries.size()));
                to.push_back(piece.row + r);
            }
            queries.push_back(own ? piece.row + r : 0);
            positions.push_back(own ? piece.position + r : piece.position);
        }
    }
    group.pieceSlots = indexTensor(slots, device);
    group.queries = indexTensor(queries, device);
    group.positions = indexTensor(positions, device).view({static_cast<std::int64_t>(pieces.size()), 1, 1, group.rows, 1});
    group.from = indexTensor(from, device);
    group.to = indexTensor(to, device);
    return group;
}

std::vector<CachedLayout::Group> groupsOf(const DecoderConfig& config, std::span<const CachedRun> runs, const at::Device& device) {
    std::vector<Piece> pieces = piecesOf(config, runs);
    std::ranges::stable_sort(pieces, {}, [](const Piece& piece) { return std::pair(piece.rows, piece.keys()); });
    std::vector<CachedLayout::Group> groups;
    for (std::size_t first = 0; first < pieces.size();) {
        std::size_t end = first;
        std::int64_t rows = 0, keys = 0;
        // Sorted: a further piece is the longest of its group. One that would more than double the work begins its own.
        for (; end < pieces.size(); ++end) {
            const auto count = static_cast<std::int64_t>(end - first) + 1;
            const std::int64_t most = std::max(keys, pieces[end].keys());
            rows += pieces[end].rows;
            if (end > first && (count * pieces[end].rows > 2 * rows || count * pieces[end].rows * most * config.heads > kMostScores)) break;
            keys = most;
        }
        groups.push_back(groupOf(std::span(pieces).subspan(first, end - first), device));
        first = end;
    }
    return groups;
}

std::vector<RowAngles> anglesOf(std::span<const CachedRun> runs, std::int64_t rows, std::vector<RopeTable>& ropes, const at::Device& device) {
    std::vector<RowAngles> result;
    for (RopeTable& rope : ropes) {
        const auto half = static_cast<std::int64_t>(rope.half());
        at::Tensor cosines = hostTensor({rows, half}, at::kFloat, device), sines = hostTensor({rows, half}, at::kFloat, device);
        rope.forgetLengths();
        std::int64_t row = 0;
        for (const CachedRun& run : runs) {
            rope.prepare(run.length, run.position, run.rows);
            for (std::int32_t r = 0; r < run.rows; ++r, ++row) {
                const RopeAngles at = rope.angles(run.length, run.position + r);
                std::copy_n(at.cosines, half, cosines.data_ptr<float>() + row * half);
                std::copy_n(at.sines, half, sines.data_ptr<float>() + row * half);
            }
        }
        result.push_back({cosines.to(device, true), sines.to(device, true)});
    }
    return result;
}

}  // namespace

RowCache::RowCache(const DecoderConfig& config, std::int64_t slotCount, std::int64_t positions, const at::Device& device)
    : keys(at::zeros({slotCount, positions, config.kvWidth()}, at::TensorOptions(at::kFloat).device(device))), values(at::zeros_like(keys)) {}

void RowCache::copyPrefix(const RowCache& prefix, std::int64_t count, std::int64_t first, std::int64_t slotCount) {
    const auto copy = [&](const at::Tensor& from, const at::Tensor& to) {
        to.narrow(0, first, slotCount).narrow(1, 0, count).copy_(from.narrow(0, 0, 1).narrow(1, 0, count));
    };
    copy(prefix.keys, keys);
    copy(prefix.values, values);
}

std::vector<RopeTable> ropeTables(const DecoderConfig& config) {
    std::vector<RopeTable> tables;
    for (const RopeParameters& rope : config.ropes) tables.emplace_back(rope, config.rotaryWidth(), config.maxPositions);
    return tables;
}

CachedLayout layOut(const DecoderConfig& config, std::span<const CachedRun> runs, std::int64_t positions, std::vector<RopeTable>& ropes,
                    const at::Device& device) {
    CachedLayout layout;
    std::vector<std::int64_t> places;
    for (const CachedRun& run : runs)
        for (std::int32_t r = 0; r < run.rows; ++r) places.push_back(run.slot * positions + run.position + r);
    layout.rows = static_cast<std::int64_t>(places.size());
    layout.places = indexTensor(places, device);
    layout.angles = anglesOf(runs, layout.rows, ropes, device);
    layout.groups = groupsOf(config, runs, device);
    return layout;
}

at::Tensor cachedAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, RowCache& cache,
                           const CachedLayout& layout, const AttentionShape& shape) {
    const std::int64_t width = static_cast<std::int64_t>(shape.kvHeads) * shape.headDim;
    const std::int64_t repeats = shape.heads / shape.kvHeads;
    cache.keys.view({-1, width}).index_copy_(0, layout.places, keys);
    cache.values.view({-1, width}).index_copy_(0, layout.places, values);
    at::Tensor out = at::empty_like(queries);
    for (const CachedLayout::Group& group : layout.groups) {
        const std::int64_t pieces = group.pieceSlots.size(0), rows = group.rows;
        const auto seen = [&](const at::Tensor& cached) {
            return cached.narrow(1, 0, group.keys).index_select(0, group.pieceSlots).view({pieces, group.keys, shape.kvHeads, shape.headDim});
        };
        const at::Tensor q = queries.index_select(0, group.queries)
                                 .view({pieces, rows, shape.kvHeads, repeats, shape.headDim})
                                 .permute({0, 2, 3, 1, 4})
                                 .reshape({pieces, shape.kvHeads, repeats * rows, shape.headDim});
        at::Tensor scores = at::matmul(q, seen(cache.keys).permute({0, 2, 3, 1})).mul_(shape.scale);
        if (shape.softcap > 0.0F) scores.div_(shape.softcap).tanh_().mul_(shape.softcap);
        const at::Tensor key = at::arange(group.keys, group.positions.options());
        at::Tensor unseen = key > group.positions;
        if (shape.window > 0) unseen.logical_or_(key <= group.positions - shape.window);
        scores = scores.view({pieces, shape.kvHeads, repeats, rows, group.keys})
                     .masked_fill_(unseen, -std::numeric_limits<double>::infinity())
                     .softmax(-1)
                     .view({pieces, shape.kvHeads, repeats * rows, group.keys});
        const at::Tensor result = at::matmul(scores, seen(cache.values).permute({0, 2, 1, 3}))
                                      .view({pieces, shape.kvHeads, repeats, rows, shape.headDim})
                                      .permute({0, 3, 1, 2, 4})
                                      .reshape({pieces * rows, shape.heads * shape.headDim});
        out.index_copy_(0, group.to, result.index_select(0, group.from));
    }
    return out;
}

}  // namespace safequant
