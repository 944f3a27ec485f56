// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "core/quantize/coded_block.h"
#include "core/quantize/input_statistics.h"
#include "core/quantize/quantize_block.h"

namespace safequant {

/// Linears of a block that share an input, in the order they are calibrated in: what enters a group has passed the quantized groups
/// before it.
enum class InputGroup : std::uint8_t { QueryKeyValue, Output, GateUp, Down };
inline constexpr std::array kInputGroups = {InputGroup::QueryKeyValue, InputGroup::Output, InputGroup::GateUp, InputGroup::Down};
std::span<const LinearRole> linearsOf(InputGroup group);

/// One block while its linears are coded, group by group.
class BlockCalibration {
public:
    /// `plan`: the block's seven entries, in the order of LinearRole; throws std::invalid_argument when it is not.
    BlockCalibration(const DecoderConfig& config, BlockWeights weights, std::span<const LinearPlan> plan);

    const DecoderConfig& config() const { return m_config; }
    const LinearPlan& plan(LinearRole role) const { return m_plan[static_cast<std::size_t>(role)]; }
    /// Whether any linear of the group is to be quantized.
    bool quantizes(InputGroup group) const;

    /// What a linear is rounded from: its weights in full precision with all scales that moved into them.
    const Matrix& weight(LinearRole role) const { return m_full[static_cast<std::size_t>(role)]; }
    /// The block as it runs now: coded linears dequantized, their inputs quantized as planned; the others in full precision.
    BlockWeights& running() { return m_running; }

    /// Moves scales `[columns]`, all positive, from what makes a group's input into the group's weights: the norm, or the rows and bias
    /// of value or up, whose grids are scaled when they are coded already. `inputs` is divided. The block computes what it did. Before
    /// Output, scales must be the same for all query heads that share a key and value head; throws std::invalid_argument if not.
    void fold(InputGroup group, std::span<const float> scales, InputStatistics& inputs);

    /// Starts a group's clock.
    void begin() { m_began = std::chrono::steady_clock::now(); }
    /// Sets the codes of a linear; its output error and time are added to the report.
    void code(LinearRole role, QuantizedLinear coded, const InputStatistics& inputs, LinearReport report = {});

    /// Mean squared difference of what the group's module puts out, attention before its norm for QueryKeyValue and the feed-forward
    /// layer for GateUp, between the block as it runs now and as it ran at the first call, which gives 0. Set while such a group is
    /// calibrated; 0 as well once stopped.
    std::function<double()> moduleError;
    /// Whether `code` reports the error of a linear's output, too: two products with the whole statistics.
    bool measuresOutputs = true;
    /// Searches end early once it asks them to; what they leave then is of no use.
    std::stop_token stop;

    CodedBlock finish() &&;

private:
    void scaleColumns(LinearRole role, std::span<const float> scales);
    void divideRows(LinearRole role, std::span<const float> scales);
    void divideNorm(std::vector<float>& norm, std::span<const float> scales) const;
    /// Value channels of scales for what enters Output.
    std::vector<float> valueScales(std::span<const float> scales) const;

    DecoderConfig m_config;
    std::vector<LinearPlan> m_plan;
    BlockWeights m_running;
    std::array<Matrix, kLinearsPerBlock> m_full;
    std::vector<QuantizedLinear> m_coded;
    std::vector<LinearReport> m_reports;
    std::chrono::steady_clock::time_point m_began = std::chrono::steady_clock::now();
};

}  // namespace safequant
