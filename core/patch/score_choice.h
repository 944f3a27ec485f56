// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace safequant {

/// How many of `weights` weights a share of them is, to the nearest; at least 1.
std::int64_t countOfShare(double share, std::int64_t weights);

/// uint8 of the scores' shape: 1 for the `count` largest; of equal scores the first ones. `scores`: contiguous float32 without NaN.
at::Tensor largestScores(const at::Tensor& scores, std::int64_t count);

/// Chooses the largest scores of many linears together, exactly, without keeping them: all are counted, then gone through once more.
/// Memory: the scores near the threshold, about 1 in 200.
class SharedChoice {
public:
    /// Counts the scores of a linear.
    void count(const at::Tensor& scores);
    /// Ends counting: this share of all scores is to be chosen.
    void setShare(double share);
    /// The same scores again: uint8 of their shape, 1 for those that are chosen whatever else comes. `linear` is unique.
    at::Tensor choose(std::size_t linear, const at::Tensor& scores);
    /// One more weight that is chosen.
    struct Place {
        std::size_t linear = 0;
        std::int64_t index = 0;
    };
    /// The rest of the share: among scores near the threshold the largest, of equal ones the first.
    std::vector<Place> rest() const;

private:
    struct Candidate {
        float score = 0.0F;
        Place place;
    };

    std::vector<std::int64_t> m_counts;
    std::int64_t m_total = 0, m_rest = 0;
    std::size_t m_threshold = 0;  // Counter that the threshold lies in.
    std::vector<Candidate> m_candidates;
};

}  // namespace safequant
