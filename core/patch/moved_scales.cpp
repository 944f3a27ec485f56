// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/moved_scales.h"

#include <cmath>

namespace safequant {
namespace {

/// Below this root mean square of their logarithms fitted scales cannot be told from rounding, and nothing was moved.
constexpr double kBarelyMoved = 0.02;

/// What was divided out of a norm went into the columns of what follows.
std::vector<float> columnsBehind(const DecoderConfig& config, const std::vector<float>& before, const std::vector<float>& now) {
    const float offset = config.normAddsOne ? 1.0F : 0.0F;
    std::vector<float> columns(before.size(), 1.0F);
    for (std::size_t c = 0; c < before.size(); ++c)
        if (now[c] + offset != 0.0F) columns[c] = (before[c] + offset) / (now[c] + offset);
    return columns;
}

/// Products of weights with what they became, and with themselves, for each channel.
struct Fits {
    explicit Fits(std::size_t channels) : along(channels, 0.0), length(channels, 0.0) {}
    void add(std::size_t channel, float weight, float rounded) {
        along[channel] += static_cast<double>(weight) * static_cast<double>(rounded);
        length[channel] += static_cast<double>(weight) * static_cast<double>(weight);
    }
    double scale(std::size_t channel) const { return length[channel] > 0.0 ? along[channel] / length[channel] : 1.0; }

    std::vector<double> along, length;
};

/// Scale of each row of `from`, whose inverse each of its columns in `to` got; both fits shrink alike where a range was clipped.
/// `channelOf`: the row that a column of `to` belongs to.
template <typename ChannelOf>
std::vector<float> scalesBetween(const Matrix& from, const Matrix& fromRounded, const Matrix& to, const Matrix& toRounded,
                                 const ChannelOf& channelOf) {
    Fits rows(from.rows()), columns(from.rows());
    for (std::size_t r = 0; r < from.rows(); ++r)
        for (std::size_t c = 0; c < from.cols(); ++c) rows.add(r, from(r, c), fromRounded(r, c));
    for (std::size_t r = 0; r < to.rows(); ++r)
        for (std::size_t c = 0; c < to.cols(); ++c) columns.add(channelOf(c), to(r, c), toRounded(r, c));
    std::vector<float> scales(from.rows(), 1.0F);
    double squares = 0.0;
    for (std::size_t r = 0; r < scales.size(); ++r) {
        const double ratio = rows.scale(r) / columns.scale(r);
        if (!std::isfinite(ratio) || ratio <= 0.0) continue;
        scales[r] = static_cast<float>(std::sqrt(ratio));
        squares += 0.25 * std::log(ratio) * std::log(ratio);
    }
    if (std::sqrt(squares / static_cast<double>(scales.size())) < kBarelyMoved) scales.clear();
    return scales;
}

template <typename ChannelOf>
std::vector<float> inverseColumns(const std::vector<float>& scales, std::size_t columns, const ChannelOf& channelOf) {
    std::vector<float> inverse(scales.empty() ? 0 : columns);
    for (std::size_t c = 0; c < inverse.size(); ++c) inverse[c] = 1.0F / scales[channelOf(c)];
    return inverse;
}

}  // namespace

std::array<MovedScales, kLinearsPerBlock> movedScales(const DecoderConfig& config, const BlockWeights& original,
                                                      const BlockWeights& quantized) {
    std::array<MovedScales, kLinearsPerBlock> moved;
    const auto of = [&](LinearRole role) -> MovedScales& { return moved[static_cast<std::size_t>(role)]; };
    for (const LinearRole role : {LinearRole::Query, LinearRole::Key, LinearRole::Value})
        of(role).columns = columnsBehind(config, original.inputNorm, quantized.inputNorm);
    for (const LinearRole role : {LinearRole::Gate, LinearRole::Up})
        of(role).columns = columnsBehind(config, original.preFeedForwardNorm, quantized.preFeedForwardNorm);
    const auto between = [&](LinearRole from, LinearRole to, const auto& channelOf) {
        const Matrix scaled = scaledWeight(original[from].weight, of(from));
        of(from).rows = scalesBetween(scaled, quantized[from].weight, original[to].weight, quantized[to].weight, channelOf);
        of(to).columns = inverseColumns(of(from).rows, original[to].weight.cols(), channelOf);
    };
    const auto headDim = static_cast<std::size_t>(config.headDim), repeats = static_cast<std::size_t>(config.heads / config.kvHeads);
    between(LinearRole::Value, LinearRole::Output,
            [&](std::size_t column) { return column / headDim / repeats * headDim + column % headDim; });
    between(LinearRole::Up, LinearRole::Down, [](std::size_t column) { return column; });
    return moved;
}

Matrix scaledWeight(const Matrix& weight, const MovedScales& scales) {
    Matrix result = weight.clone();
    for (std::size_t r = 0; r < result.rows(); ++r)
        for (std::size_t c = 0; c < result.cols(); ++c) {
            if (!scales.rows.empty()) result(r, c) *= scales.rows[r];
            if (!scales.columns.empty()) result(r, c) *= scales.columns[c];
        }
    return result;
}

}  // namespace safequant
