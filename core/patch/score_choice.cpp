// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/score_choice.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>

namespace safequant {
namespace {

/// Scores are counted by sign, exponent and the first bits of the mantissa.
constexpr int kDroppedBits = 15;

/// Ascends with the score.
std::size_t counterOf(float score) {
    const auto bits = std::bit_cast<std::uint32_t>(score);
    const std::uint32_t ordered = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
    return ordered >> kDroppedBits;
}

}  // namespace

std::int64_t countOfShare(double share, std::int64_t weights) {
    return std::clamp<std::int64_t>(std::llround(share * static_cast<double>(weights)), 1, weights);
}

at::Tensor largestScores(const at::Tensor& scores, std::int64_t count) {
    const float* values = scores.data_ptr<float>();
    const std::int64_t total = scores.numel();
    std::vector<float> ordered(values, values + total);
    const auto place = ordered.begin() + static_cast<std::ptrdiff_t>(total - count);
    std::nth_element(ordered.begin(), place, ordered.end());
    const float threshold = *place;
    std::int64_t ties = count - std::count_if(values, values + total, [&](float value) { return value > threshold; });
    at::Tensor mask = at::empty(scores.sizes(), at::kByte);
    auto* chosen = mask.data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < total; ++i) {
        const bool tied = values[i] == threshold && ties > 0;
        ties -= tied ? 1 : 0;
        chosen[i] = static_cast<std::uint8_t>(values[i] > threshold || tied);
    }
    return mask;
}

void SharedChoice::count(const at::Tensor& scores) {
    m_counts.resize(std::size_t{1} << (32 - kDroppedBits), 0);
    const float* values = scores.data_ptr<float>();
    for (std::int64_t i = 0; i < scores.numel(); ++i) ++m_counts[counterOf(values[i])];
    m_total += scores.numel();
}

void SharedChoice::setShare(double share) {
    m_rest = countOfShare(share, m_total);
    m_threshold = m_counts.size() - 1;
    while (m_counts[m_threshold] < m_rest) m_rest -= m_counts[m_threshold--];
}

at::Tensor SharedChoice::choose(std::size_t linear, const at::Tensor& scores) {
    const float* values = scores.data_ptr<float>();
    at::Tensor mask = at::empty(scores.sizes(), at::kByte);
    auto* chosen = mask.data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < scores.numel(); ++i) {
        const std::size_t counter = counterOf(values[i]);
        chosen[i] = static_cast<std::uint8_t>(counter > m_threshold);
        if (counter == m_threshold) m_candidates.push_back({values[i], {linear, i}});
    }
    return mask;
}

std::vector<SharedChoice::Place> SharedChoice::rest() const {
    std::vector<Candidate> candidates = m_candidates;
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        return std::tuple(-a.score, a.place.linear, a.place.index) < std::tuple(-b.score, b.place.linear, b.place.index);
    });
    std::vector<Place> places;
    for (std::int64_t i = 0; i < m_rest; ++i) places.push_back(candidates[static_cast<std::size_t>(i)].place);
    return places;
}

}  // namespace safequant
