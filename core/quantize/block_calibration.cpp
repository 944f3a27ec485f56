// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/block_calibration.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/quantize/uniform_grid.h"

namespace safequant {
namespace {

constexpr LinearRole kAttentionInputs[] = {LinearRole::Query, LinearRole::Key, LinearRole::Value};
constexpr LinearRole kAttentionOutput[] = {LinearRole::Output};
constexpr LinearRole kFeedForwardInputs[] = {LinearRole::Gate, LinearRole::Up};
constexpr LinearRole kFeedForwardOutput[] = {LinearRole::Down};

std::size_t indexOf(LinearRole role) { return static_cast<std::size_t>(role); }

Matrix difference(const Matrix& a, const Matrix& b) {
    Matrix result(a.rows(), a.cols());
    for (std::size_t i = 0; i < result.size(); ++i) result.data()[i] = a.data()[i] - b.data()[i];
    return result;
}

}  // namespace

std::span<const LinearRole> linearsOf(InputGroup group) {
    switch (group) {
        case InputGroup::QueryKeyValue: return kAttentionInputs;
        case InputGroup::Output: return kAttentionOutput;
        case InputGroup::GateUp: return kFeedForwardInputs;
        case InputGroup::Down: break;
    }
    return kFeedForwardOutput;
}

BlockCalibration::BlockCalibration(const DecoderConfig& config, BlockWeights weights, std::span<const LinearPlan> plan)
    : m_config(config), m_plan(plan.begin(), plan.end()), m_running(std::move(weights)) {
    checkBlockPlan("BlockCalibration", plan);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        m_full[i] = m_running.linears[i].weight.clone();
        m_coded.emplace_back().scheme = m_plan[i].actual;
        m_reports.emplace_back();
    }
}

bool BlockCalibration::quantizes(InputGroup group) const {
    const auto roles = linearsOf(group);
    return std::any_of(roles.begin(), roles.end(), [&](LinearRole role) { return plan(role).quantized(); });
}

void BlockCalibration::scaleColumns(LinearRole role, std::span<const float> scales) {
    Matrix& weight = m_full[indexOf(role)];
    for (std::size_t r = 0; r < weight.rows(); ++r)
        for (std::size_t c = 0; c < weight.cols(); ++c) weight(r, c) *= scales[c];
    m_running[role].weight = weight.clone();
}

void BlockCalibration::divideRows(LinearRole role, std::span<const float> scales) {
    Matrix& weight = m_full[indexOf(role)];
    for (std::size_t r = 0; r < weight.rows(); ++r)
        for (std::size_t c = 0; c < weight.cols(); ++c) weight(r, c) /= scales[r];
    for (std::size_t r = 0; r < m_running[role].bias.size(); ++r) m_running[role].bias[r] /= scales[r];
    QuantizedLinear& coded = m_coded[indexOf(role)];
    const auto groups = static_cast<std::size_t>(coded.codes.empty() ? 0 : coded.groups());
    // A format of its own has a scale for every row, too, or a scale for every weight of it.
    for (std::size_t i = 0; i < coded.values.size(); ++i) coded.values[i] /= scales[i / weight.cols()];
    for (std::size_t i = 0; i < coded.scales.size(); ++i) coded.scales[i] = storedScale(coded.scales[i] / scales[i / groups]);
    m_running[role].weight = coded.codes.empty() && coded.onGrid() ? weight.clone() : coded.dequantize();
}

void BlockCalibration::divideNorm(std::vector<float>& norm, std::span<const float> scales) const {
    const float added = m_config.normAddsOne ? 1.0F : 0.0F;
    for (std::size_t i = 0; i < norm.size(); ++i) norm[i] = (norm[i] + added) / scales[i] - added;
}

std::vector<float> BlockCalibration::valueScales(std::span<const float> scales) const {
    const auto head = static_cast<std::size_t>(m_config.headDim);
    const auto shared = static_cast<std::size_t>(m_config.heads / m_config.kvHeads);
    std::vector<float> values(static_cast<std::size_t>(m_config.kvWidth()));
    for (std::size_t column = 0; column < scales.size(); ++column) {
        const std::size_t queryHead = column / head, channel = queryHead / shared * head + column % head;
        if (queryHead % shared == 0) values[channel] = scales[column];
        if (values[channel] != scales[column])
            throw std::invalid_argument("[BlockCalibration::fold] got unequal scales for query heads that share channel " +
                                        std::to_string(channel) + ", need one");
    }
    return values;
}

void BlockCalibration::fold(InputGroup group, std::span<const float> scales, InputStatistics& inputs) {
    inputs.divide(scales);
    switch (group) {
        case InputGroup::QueryKeyValue: divideNorm(m_running.inputNorm, scales); break;
        case InputGroup::Output: divideRows(LinearRole::Value, valueScales(scales)); break;
        case InputGroup::GateUp: divideNorm(m_running.preFeedForwardNorm, scales); break;
        case InputGroup::Down: divideRows(LinearRole::Up, scales); break;
    }
    for (const LinearRole role : linearsOf(group)) scaleColumns(role, scales);
}

void BlockCalibration::code(LinearRole role, QuantizedLinear coded, const InputStatistics& inputs, LinearReport report) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - m_began;
    report.seconds = taken.count();
    report.deadColumns = inputs.deadColumns();
    LinearWeights& linear = m_running[role];
    linear.weight = coded.dequantize();
    linear.input = inputOf(plan(role).actual);
    report.weightError = quantizationError(weight(role), coded).relative;
    if (measuresOutputs) {
        const double whole = inputs.outputEnergy(weight(role));
        report.outputError = whole > 0.0 ? std::sqrt(inputs.outputEnergy(difference(weight(role), linear.weight)) / whole) : 0.0;
    }
    m_coded[indexOf(role)] = std::move(coded);
    m_reports[indexOf(role)] = report;
    begin();
}

CodedBlock BlockCalibration::finish() && { return {std::move(m_running), std::move(m_coded), std::move(m_reports)}; }

}  // namespace safequant
