// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/packed_sequences.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/model/rope.h"

namespace safequant {

PackedSequences packSequences(const std::vector<std::vector<std::int32_t>>& sequences, bool share) {
    std::size_t rows = 0;
    std::size_t shared = sequences.empty() || !share ? 0 : sequences.front().size();
    for (std::size_t i = 0; i < sequences.size(); ++i) {
        const auto& sequence = sequences[i];
        if (sequence.empty())
            throw std::invalid_argument("[packSequences] got an empty sequence at index " + std::to_string(i) +
                                        ", need at least one token");
        const auto& first = sequences.front();
        const std::size_t most = std::min(shared, sequence.size() - 1);
        shared = static_cast<std::size_t>(
            std::mismatch(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(most), sequence.begin()).first - first.begin());
        rows += sequence.size();
    }
    // With a single sequence a prefix would save nothing.
    if (sequences.size() < 2) shared = 0;

    PackedSequences packed;
    packed.prefixLength = static_cast<int>(shared);
    packed.tokens.reserve(rows - (sequences.size() > 1 ? (sequences.size() - 1) * shared : 0));
    if (shared > 0)
        packed.tokens.assign(sequences.front().begin(), sequences.front().begin() + static_cast<std::ptrdiff_t>(shared));
    packed.offsets.reserve(sequences.size() + 1);
    packed.offsets.push_back(packed.prefixLength);
    for (const auto& sequence : sequences) {
        packed.tokens.insert(packed.tokens.end(), sequence.begin() + static_cast<std::ptrdiff_t>(shared), sequence.end());
        packed.offsets.push_back(static_cast<std::int32_t>(packed.tokens.size()));
    }
    return packed;
}

bool mayShare(const DecoderConfig& config, const std::vector<std::vector<std::int32_t>>& sequences) {
    const auto set = [&config](const RopeParameters& rope, const std::vector<std::int32_t>& sequence) {
        return ropeFrequencySet(rope, config.maxPositions, static_cast<int>(sequence.size()));
    };
    return std::ranges::all_of(config.ropes, [&](const RopeParameters& rope) {
        return std::ranges::all_of(sequences, [&](const auto& sequence) { return set(rope, sequence) == set(rope, sequences.front()); });
    });
}

}  // namespace safequant
