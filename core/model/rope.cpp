// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/checkpoint/rope_config.h"

namespace safequant {
namespace {

/// Sets of single lengths kept before they are given up.
constexpr std::size_t kMostSets = 64;

/// Share of the unscaled frequency in dimension pair i under yarn: 1 below the ramp, 0 above it (Peng et al. 2023, section 3.2).
class YarnRamp {
public:
    YarnRamp(const RopeParameters& rope, int width) {
        const RopeScaling& scaling = rope.scaling;
        const auto dimension = [&](double turns) {
            return width * std::log(scaling.originalPositions / (turns * 2.0 * std::numbers::pi)) / (2.0 * std::log(rope.theta));
        };
        m_low = dimension(scaling.betaFast);
        m_high = dimension(scaling.betaSlow);
        if (scaling.truncate) {
            m_low = std::floor(m_low);
            m_high = std::ceil(m_high);
        }
        m_low = std::max(m_low, 0.0);
        m_high = std::min(m_high, width - 1.0);
        if (m_low == m_high) m_high += 0.001;
    }
    double operator()(int pair) const { return 1.0 - std::clamp((pair - m_low) / (m_high - m_low), 0.0, 1.0); }

private:
    double m_low, m_high;
};

}  // namespace

int ropeFrequencySet(const RopeParameters& rope, int maxPositions, int length) {
    if (rope.scaling.kind == RopeScalingKind::Dynamic) return length > maxPositions ? length : 0;
    if (rope.scaling.kind == RopeScalingKind::LongRope) return length > rope.scaling.originalPositions ? 1 : 0;
    return 0;
}

std::vector<float> ropeFrequencies(const RopeParameters& rope, int rotaryWidth, int maxPositions, int set) {
    const RopeScaling& scaling = rope.scaling;
    double theta = rope.theta;
    if (scaling.kind == RopeScalingKind::Dynamic && set > 0)
        theta *= std::pow(scaling.factor * set / maxPositions - (scaling.factor - 1.0), rotaryWidth / (rotaryWidth - 2.0));
    std::vector<double> frequencies;
    for (int d = 0; d < rotaryWidth; d += 2) frequencies.push_back(1.0 / std::pow(theta, static_cast<double>(d) / rotaryWidth));
    const auto divide = [&](const std::vector<float>& divisors) {
        for (std::size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= static_cast<double>(divisors[i]);
    };
    switch (scaling.kind) {
        case RopeScalingKind::None:
        case RopeScalingKind::Dynamic: break;
        case RopeScalingKind::Linear:
            for (double& frequency : frequencies) frequency /= scaling.factor;
            break;
        case RopeScalingKind::Llama3: divide(llama3Divisors(theta, rotaryWidth, scaling)); break;
        case RopeScalingKind::LongRope: divide(set > 0 ? scaling.longFactors : scaling.shortFactors); break;
        case RopeScalingKind::Yarn: {
            const YarnRamp kept(rope, rotaryWidth);
            for (int i = 0; i < rotaryWidth / 2; ++i) {
                double& frequency = frequencies[static_cast<std::size_t>(i)];
                frequency = frequency / scaling.factor * (1.0 - kept(i)) + frequency * kept(i);
            }
            break;
        }
    }
    return {frequencies.begin(), frequencies.end()};
}

RopeTable::RopeTable(const RopeParameters& rope, int rotaryWidth, int maxPositions)
    : m_rope(rope), m_maxPositions(maxPositions), m_half(static_cast<std::size_t>(rotaryWidth / 2)) {}

void RopeTable::prepare(int length, int first, int count) {
    const int set = ropeFrequencySet(m_rope, m_maxPositions, length);
    Range& range = m_sets[set];
    if (range.frequencies.empty()) range.frequencies = ropeFrequencies(m_rope, static_cast<int>(2 * m_half), m_maxPositions, set);
    const int end = first + count;
    if (first >= range.first && end <= range.end) return;
    // A set of one length is decoded position by position, mostly without those before; the others begin at 0.
    const bool joins = range.end > range.first && first <= range.end && end >= range.first;
    const bool oneLength = set > 1;
    const int from = !oneLength ? 0 : joins ? std::min(first, range.first) : first;
    const int to = oneLength && !joins ? end : std::max(end, range.end);
    fill(range, from, to);
}

void RopeTable::fill(Range& range, int first, int end) const {
    const bool extends = first == range.first && range.end > range.first;
    int position = extends ? range.end : first;
    const std::size_t size = static_cast<std::size_t>(end - first) * m_half;
    range.cosines.resize(size);
    range.sines.resize(size);
    const auto factor = static_cast<float>(m_rope.scaling.attentionFactor);
    for (; position < end; ++position) {
        float* cosines = range.cosines.data() + static_cast<std::size_t>(position - first) * m_half;
        float* sines = range.sines.data() + static_cast<std::size_t>(position - first) * m_half;
        for (std::size_t d = 0; d < m_half; ++d) {
            const float angle = static_cast<float>(position) * range.frequencies[d];
            cosines[d] = std::cos(angle) * factor;
            sines[d] = std::sin(angle) * factor;
        }
    }
    range.first = first;
    range.end = end;
}

void RopeTable::forgetLengths() {
    if (m_sets.size() > kMostSets) std::erase_if(m_sets, [](const auto& entry) { return entry.first > 1; });
}

RopeAngles RopeTable::angles(int length, int position) const {
    const Range& range = m_sets.find(ropeFrequencySet(m_rope, m_maxPositions, length))->second;
    const std::size_t offset = static_cast<std::size_t>(position - range.first) * m_half;
    return {range.cosines.data() + offset, range.sines.data() + offset};
}

}  // namespace safequant
