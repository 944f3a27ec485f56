// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "core/checkpoint/decoder_config.h"

namespace safequant {

/// Cosines and sines of one position, `[rotary width / 2]` each.
struct RopeAngles {
    const float* cosines = nullptr;
    const float* sines = nullptr;
};

/// Which frequencies sequences of `length` positions have: equal numbers mean equal frequencies. 0 for all lengths unless the
/// scaling is Dynamic (the length itself beyond the model's context) or LongRope (1 beyond the original context).
int ropeFrequencySet(const RopeParameters& rope, int maxPositions, int length);

/// Frequencies `[rotaryWidth / 2]` of a frequency set, as transformers' modeling_rope_utils computes them.
std::vector<float> ropeFrequencies(const RopeParameters& rope, int rotaryWidth, int maxPositions, int set);

/// Cosines and sines of rotary position embedding (Su et al., RoFormer 2021) in the split-half layout of Hugging Face's models:
/// dimensions d and d + rotaryWidth / 2 of a head rotate together by position * frequency d, computed in float32 as there.
class RopeTable {
public:
    RopeTable(const RopeParameters& rope, int rotaryWidth, int maxPositions);

    /// Makes sure that positions [first, first + count) of sequences of `length` positions are there. Not thread-safe.
    void prepare(int length, int first, int count);
    /// Gives up angles that only one length has, once there are many. Not thread-safe.
    void forgetLengths();
    /// Angles of a prepared position.
    RopeAngles angles(int length, int position) const;
    std::size_t half() const { return m_half; }

private:
    /// Consecutive positions of one frequency set.
    struct Range {
        int first = 0, end = 0;
        std::vector<float> frequencies, cosines, sines;
    };
    void fill(Range& range, int first, int end) const;

    RopeParameters m_rope;
    int m_maxPositions = 0;
    std::size_t m_half = 0;
    std::map<int, Range> m_sets;
};

}  // namespace safequant
