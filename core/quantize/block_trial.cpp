// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/block_trial.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/model/clone_block.h"
#include "core/model/last_rows.h"
#include "core/model/packed_forward.h"
#include "core/model/parallel.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/coded_block.h"

namespace safequant {
namespace {

const PackedWeight& packedWeight(const PackedBlock& block, InputGroup group) {
    switch (group) {
        case InputGroup::QueryKeyValue: return block.queryKeyValue.floats;
        case InputGroup::Output: return block.output.floats;
        case InputGroup::GateUp: return block.gateUp.floats;
        case InputGroup::Down: break;
    }
    return block.down.floats;
}

/// Products with one linear of a packed weight, its bias left out.
Matrix productOf(const PackedWeight& weight, std::size_t part, const Matrix& x) {
    const std::size_t columns = (weight.firstPanel(part + 1) - weight.firstPanel(part)) * kPanelWidth;
    Matrix y(x.rows(), columns);
    multiplyParts(weight, part, 1, x.data(), x.cols(), x.rows(), y.data(), columns);
    if (const float* bias = weight.bias(weight.firstPanel(part)))
        for (std::size_t r = 0; r < y.rows(); ++r)
            for (std::size_t c = 0; c < columns; ++c) y(r, c) -= bias[c];
    return y;
}

/// Sum of a function of each row; its order does not depend on threads.
template <typename OfRow>
double sumOverRows(std::size_t rows, std::size_t cols, const OfRow& ofRow) {
    std::vector<double> sums(rows);
    parallelRows(rows, kRowGrain / cols + 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) sums[r] = ofRow(r);
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

double energyOf(const Matrix& y) {
    return sumOverRows(y.rows(), y.cols(), [&](std::size_t r) {
        double sum = 0.0;
        for (const float value : y.rowSpan(r)) sum += static_cast<double>(value) * static_cast<double>(value);
        return sum;
    });
}

double squaredDistance(const Matrix& a, const Matrix& b) {
    return sumOverRows(a.rows(), a.cols(), [&](std::size_t r) {
        double sum = 0.0;
        for (std::size_t c = 0; c < a.cols(); ++c) {
            const double difference = static_cast<double>(a(r, c)) - static_cast<double>(b(r, c));
            sum += difference * difference;
        }
        return sum;
    });
}

/// The norm that makes a group's input; null where none does.
const std::vector<float>* normBefore(const BlockWeights& block, InputGroup group) {
    return group == InputGroup::QueryKeyValue ? &block.inputNorm : group == InputGroup::GateUp ? &block.preFeedForwardNorm : nullptr;
}

/// Scales by which a method has divided the gains of the norm before a group; empty when it left them as they were.
std::vector<float> movedScales(const BlockWeights& original, const BlockWeights& changed, InputGroup group, const DecoderConfig& config) {
    if (normBefore(original, group) == nullptr || *normBefore(original, group) == *normBefore(changed, group)) return {};
    const std::vector<float>&before = *normBefore(original, group), &now = *normBefore(changed, group);
    const float added = config.normAddsOne ? 1.0F : 0.0F;
    std::vector<float> scales(before.size(), 1.0F);
    for (std::size_t i = 0; i < scales.size(); ++i)
        if (now[i] + added != 0.0F) scales[i] = (before[i] + added) / (now[i] + added);
    return scales;
}

Matrix dividedBy(const Matrix& inputs, const std::vector<float>& scales) {
    Matrix divided(inputs.rows(), inputs.cols());
    for (std::size_t r = 0; r < divided.rows(); ++r)
        for (std::size_t c = 0; c < divided.cols(); ++c) divided(r, c) = inputs(r, c) / scales[c];
    return divided;
}

}  // namespace

BlockTrial::BlockTrial(const DecoderConfig& config, BlockWeights weights, PackedSequences sequences, Matrix input,
                       std::vector<std::size_t> measured)
    : m_config(config), m_weights(std::move(weights)), m_sequences(std::move(sequences)), m_input(std::move(input)), m_runner(config) {
    keepInputs(measured);
}

void BlockTrial::keepInputs(std::span<const std::size_t> measured) {
    const PackedBlock block(m_config, m_weights);
    std::array<std::size_t, kInputGroups.size()> filled{};
    const auto keep = [&](LinearRole role, const float* x, std::size_t stride, std::size_t rows) {
        for (std::size_t g = 0; g < kInputGroups.size(); ++g) {
            if (linearsOf(kInputGroups[g]).front() != role) continue;
            Matrix& inputs = m_groups[g].inputs;
            if (inputs.empty()) inputs = Matrix(measured.size(), packedWeight(block, kInputGroups[g]).in());
            for (std::size_t r = 0; r < rows; ++r) std::copy_n(x + r * stride, inputs.cols(), inputs.row(filled[g] + r));
            filled[g] += rows;
        }
    };
    lastRowOutputs(m_runner, block, m_sequences, m_input, measured, keep);
    for (std::size_t g = 0; g < kInputGroups.size(); ++g) {
        for (std::size_t part = 0; part < linearsOf(kInputGroups[g]).size(); ++part) {
            m_groups[g].outputs.push_back(productOf(packedWeight(block, kInputGroups[g]), part, m_groups[g].inputs));
            m_groups[g].energies.push_back(energyOf(m_groups[g].outputs.back()));
        }
    }
}

BlockTrial::Candidate BlockTrial::round(std::span<const LinearPlan> plan) const {
    QuantizedBlock quantized = quantizeBlock(cloneOf(m_weights), plan);
    Candidate candidate{PackedBlock(m_config, quantized.weights), std::move(quantized.linears)};
    measureOutputs(quantized.weights, candidate);
    return candidate;
}

void BlockTrial::measureOutputs(const BlockWeights& weights, Candidate& candidate) const {
    for (std::size_t g = 0; g < kInputGroups.size(); ++g) {
        const Group& group = m_groups[g];
        const auto roles = linearsOf(kInputGroups[g]);
        const std::vector<float> moved = movedScales(m_weights, weights, kInputGroups[g], m_config);
        const Matrix divided = moved.empty() ? Matrix() : dividedBy(group.inputs, moved);
        for (std::size_t part = 0; part < roles.size(); ++part) {
            LinearOutcome& linear = candidate.linears[static_cast<std::size_t>(roles[part])];
            if (!linear.plan.quantized() || group.energies[part] <= 0.0) continue;
            const Matrix output = productOf(packedWeight(candidate.block, kInputGroups[g]), part, moved.empty() ? group.inputs : divided);
            linear.outputError = std::sqrt(squaredDistance(output, group.outputs[part]) / group.energies[part]);
        }
    }
}

bool BlockTrial::keepStatistics(std::span<const std::size_t> calibration, const std::stop_token& stop) {
    if (!m_statistics.empty()) return true;
    PackedSequences sequences;
    sequences.prefixLength = m_sequences.prefixLength;
    std::vector<std::size_t> rows(static_cast<std::size_t>(m_sequences.prefixLength));
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    for (const std::size_t sequence : calibration) {
        sequences.offsets.push_back(static_cast<std::int32_t>(rows.size()));
        for (std::int32_t row = m_sequences.offsets[sequence]; row < m_sequences.offsets[sequence + 1]; ++row) rows.push_back(static_cast<std::size_t>(row));
    }
    sequences.offsets.push_back(static_cast<std::int32_t>(rows.size()));
    Matrix hidden(rows.size(), m_input.cols());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        sequences.tokens.push_back(m_sequences.tokens[rows[i]]);
        std::ranges::copy(m_input.rowSpan(rows[i]), hidden.row(i));
    }
    const PackedBlock block(m_config, m_weights);
    std::vector<InputStatistics> statistics;
    for (const InputGroup group : kInputGroups) statistics.emplace_back(packedWeight(block, group).in());
    BlockPart part;
    part.observe = [&](LinearRole role, const float* x, std::size_t stride, std::size_t count) {
        for (std::size_t g = 0; g < kInputGroups.size(); ++g)
            if (linearsOf(kInputGroups[g]).front() == role) statistics[g].add(x, stride, count);
    };
    BlockRunner runner(m_config);
    runner.setPart(std::move(part));
    if (!runPackedSequences(runner, block, sequences, hidden, stop)) return false;
    m_statistics = std::move(statistics);
    return true;
}

std::optional<BlockTrial::Candidate> BlockTrial::calibrate(const QuantizationMethod& method, const CalibrationOptions& options,
                                                           std::span<const LinearPlan> plan, std::span<const std::size_t> calibration,
                                                           const std::stop_token& stop) {
    if (!method.quick || method.calibrate == nullptr)
        throw std::invalid_argument("[BlockTrial::calibrate] got the method " + std::string(method.id) + ", need one that calibrates quickly");
    if (!keepStatistics(calibration, stop)) return std::nullopt;
    BlockCalibration block(m_config, cloneOf(m_weights), plan);
    block.stop = stop;
    block.measuresOutputs = false;
    for (std::size_t g = 0; g < kInputGroups.size(); ++g) {
        if (!block.quantizes(kInputGroups[g])) continue;
        InputStatistics inputs = m_statistics[g];
        block.begin();
        method.calibrate(block, kInputGroups[g], inputs, options);
        if (stop.stop_requested()) return std::nullopt;
    }
    QuantizedBlock quantized = outcomeOf(std::move(block).finish(), m_weights, plan);
    Candidate candidate{PackedBlock(m_config, quantized.weights), std::move(quantized.linears)};
    measureOutputs(quantized.weights, candidate);
    return candidate;
}

Matrix BlockTrial::outputs(const PackedBlock& block, std::span<const std::size_t> chosen, const std::stop_token& stop) {
    return lastRowOutputs(m_runner, block, m_sequences, m_input, chosen, {}, stop);
}

}  // namespace safequant
