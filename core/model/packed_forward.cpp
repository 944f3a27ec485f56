// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/packed_forward.h"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

namespace safequant {
namespace {

void checkShape(const DecoderConfig& config, const PackedSequences& sequences, std::size_t rows, std::size_t cols) {
    if (rows != sequences.rows() || cols != static_cast<std::size_t>(config.hiddenSize))
        throw std::invalid_argument("[runPackedSequences] got hidden of " + std::to_string(rows) + " x " +
                                    std::to_string(cols) + ", need " + std::to_string(sequences.rows()) + " x " +
                                    std::to_string(config.hiddenSize));
    bool ordered = !sequences.offsets.empty() && sequences.offsets.front() == sequences.prefixLength &&
                   sequences.prefixLength >= 0 && static_cast<std::size_t>(sequences.offsets.back()) == sequences.rows();
    for (std::size_t i = 0; ordered && i < sequences.sequences(); ++i) ordered = sequences.offsets[i] < sequences.offsets[i + 1];
    if (!ordered)
        throw std::invalid_argument("[runPackedSequences] got offsets that do not cover the rows, need [prefixLength, ..., rows], rising");
}

/// A shared prefix has one set of keys, so that all sequences must rotate alike.
void checkFrequencies(const DecoderConfig& config, const PackedSequences& sequences) {
    for (const RopeParameters& rope : config.ropes) {
        const auto set = [&](std::size_t i) {
            return ropeFrequencySet(rope, config.maxPositions, sequences.prefixLength + sequences.offsets[i + 1] - sequences.offsets[i]);
        };
        for (std::size_t i = 1; i < sequences.sequences(); ++i)
            if (set(i) != set(0))
                throw std::invalid_argument("[runPackedSequences] got a shared prefix of " + std::to_string(sequences.prefixLength) +
                                            " tokens for sequences of different rotary frequencies, need one that mayShare allows");
    }
}

}  // namespace

void checkPackedRows(const DecoderConfig& config, const PackedSequences& sequences, std::size_t rows, std::size_t cols) {
    checkShape(config, sequences, rows, cols);
    if (sequences.prefixLength > 0) checkFrequencies(config, sequences);
}

bool runPackedSequences(BlockRunner& runner, const PackedBlock& block, const PackedSequences& sequences, Matrix& hidden,
                        const std::stop_token& stop) {
    const DecoderConfig& config = runner.config();
    checkPackedRows(config, sequences, hidden.rows(), hidden.cols());
    const int prefixLength = sequences.prefixLength;
    const int sharedTiles = prefixLength / kTilePositions;
    const auto lengthOf = [&](std::size_t i) { return prefixLength + sequences.offsets[i + 1] - sequences.offsets[i]; };
    KvCache prefix;
    // Caches of the sequences in the present chunk; a sequence that goes on in the next one keeps its place at the front.
    std::deque<KvCache> caches;
    std::vector<SequenceRun> runs;
    std::size_t row = 0;

    if (prefixLength > 0) {
        prefix = KvCache(config, 0, prefixLength);
        while (row < static_cast<std::size_t>(prefixLength)) {
            if (stop.stop_requested()) return false;
            const std::size_t rows = std::min(BlockRunner::chunkRows(), static_cast<std::size_t>(prefixLength) - row);
            const SequenceRun run{0, rows, static_cast<int>(row), lengthOf(0), nullptr, &prefix};
            runner.runChunk(block, {&run, 1}, hidden.row(row), rows);
            row += rows;
        }
    }
    std::size_t sequence = 0;
    while (row < hidden.rows()) {
        if (stop.stop_requested()) return false;
        const std::size_t end = std::min(row + BlockRunner::chunkRows(), hidden.rows());
        const std::size_t first = row;
        runs.clear();
        while (row < end) {
            const auto begin = static_cast<std::size_t>(sequences.offsets[sequence]);
            const auto sequenceEnd = static_cast<std::size_t>(sequences.offsets[sequence + 1]);
            if (row == begin) {
                caches.emplace_back(config, sharedTiles, prefixLength + static_cast<int>(sequenceEnd - begin));
                caches.back().copyFrom(prefix, prefixLength);
            }
            const std::size_t rows = std::min(end, sequenceEnd) - row;
            runs.push_back({row - first, rows, prefixLength + static_cast<int>(row - begin), lengthOf(sequence), &prefix,
                            &caches.back()});
            row += rows;
            if (row == sequenceEnd) ++sequence;
        }
        runner.runChunk(block, runs, hidden.row(first), end - first);
        const bool goesOn = sequence < sequences.sequences() && row > static_cast<std::size_t>(sequences.offsets[sequence]);
        while (caches.size() > (goesOn ? 1U : 0U)) caches.pop_front();
    }
    return true;
}

}  // namespace safequant
