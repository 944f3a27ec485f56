// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/row_layout.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/model/rope.h"

namespace safequant {

std::size_t RowLayout::add(std::int32_t count) {
    sequences.push_back({rows, count, 0, 0});
    rows += count;
    return sequences.size() - 1;
}

std::size_t RowLayout::addAfter(std::size_t prefix, std::int32_t count) {
    const SequenceRows before = sequences.at(prefix);
    if (before.prefixRows > 0)
        throw std::invalid_argument("[RowLayout::addAfter] got sequence " + std::to_string(prefix) +
                                    ", which has a prefix, need one that has none");
    sequences.push_back({rows, count, before.first, before.rows});
    rows += count;
    return sequences.size() - 1;
}

RowAngles rowAngles(const DecoderConfig& config, std::size_t rope, const RowLayout& layout, const at::Device& device) {
    const RopeParameters& parameters = config.ropes.at(rope);
    RopeTable table(parameters, config.rotaryWidth(), config.maxPositions);
    // A prefix rotates as the sequences after it do: its frequencies are those of the longest that goes on from it.
    std::vector<int> lengths;
    for (const SequenceRows& sequence : layout.sequences) lengths.push_back(sequence.keys());
    const auto setOf = [&](int length) { return ropeFrequencySet(parameters, config.maxPositions, length); };
    for (std::size_t i = 0; i < layout.sequences.size(); ++i) {
        int shared = -1;
        for (const SequenceRows& other : layout.sequences) {
            if (other.prefixRows == 0 || other.prefixFirst != layout.sequences[i].first) continue;
            const int length = other.keys();
            if (shared >= 0 && setOf(shared) != setOf(length))
                throw std::invalid_argument("[rowAngles] got a prefix shared by sequences of " + std::to_string(shared) + " and " +
                                            std::to_string(length) + " positions, which rotate differently, need separate sequences");
            shared = length;
        }
        lengths[i] = std::max(lengths[i], shared);
    }
    const auto half = static_cast<std::int64_t>(table.half());
    RowAngles angles{at::empty({layout.rows, half}, at::kFloat), at::empty({layout.rows, half}, at::kFloat)};
    for (std::size_t i = 0; i < layout.sequences.size(); ++i) {
        const SequenceRows& sequence = layout.sequences[i];
        table.prepare(lengths[i], sequence.prefixRows, sequence.rows);
        for (std::int32_t r = 0; r < sequence.rows; ++r) {
            const RopeAngles at = table.angles(lengths[i], sequence.prefixRows + r);
            const std::int64_t offset = (sequence.first + r) * half;
            std::copy_n(at.cosines, half, angles.cosines.data_ptr<float>() + offset);
            std::copy_n(at.sines, half, angles.sines.data_ptr<float>() + offset);
        }
    }
    angles.cosines = angles.cosines.to(device);
    angles.sines = angles.sines.to(device);
    return angles;
}

}  // namespace safequant
