// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/calibrator.h"

#include <utility>

#include "core/model/packed_forward.h"
#include "core/quantize/block_calibration.h"

namespace safequant {
namespace {

bool ofAttention(InputGroup group) { return group == InputGroup::QueryKeyValue || group == InputGroup::Output; }

/// Runs a part of a block over a stream. False when stopped.
bool runPart(const DecoderConfig& config, const BlockWeights& weights, const CalibrationSet& set, CalibrationStream& stream, BlockPart part,
             const std::stop_token& stop) {
    const PackedBlock block(config, weights);
    BlockRunner runner(config);
    runner.setPart(std::move(part));
    for (std::size_t i = 0; i < stream.size(); ++i)
        if (!runPackedSequences(runner, block, set.groups()[i], stream[i], stop)) return false;
    return true;
}

/// The part that ends with the input of a group, for whoever wants to see it. Rows are left as they are.
BlockPart partBefore(InputGroup group, std::function<void(const float* x, std::size_t stride, std::size_t rows)> see) {
    BlockPart part;
    part.attention = ofAttention(group);
    part.upTo = linearsOf(group).front();
    part.observe = [last = *part.upTo, see = std::move(see)](LinearRole role, const float* x, std::size_t stride, std::size_t rows) {
        if (role == last) see(x, stride, rows);
    };
    return part;
}

/// What the module of a group puts out over a stream, compared with what it put out before.
class ModuleOutput {
public:
    ModuleOutput(const DecoderConfig& config, const CalibrationSet& set, CalibrationStream& stream, InputGroup group, std::stop_token stop)
        : m_config(config), m_set(set), m_stream(stream), m_last(group == InputGroup::QueryKeyValue ? InputGroup::Output : InputGroup::Down),
          m_stop(std::move(stop)) {}

    double operator()(const BlockWeights& weights) {
        const bool first = m_original.empty();
        if (first) m_original = Matrix(m_set.rows(), static_cast<std::size_t>(m_config.hiddenSize));
        const LinearWeights& last = weights[linearsOf(m_last).front()];
        const PackedWeight packed{{&last.weight, last.bias}};
        std::size_t done = 0;
        double error = 0.0;
        const auto see = [&](const float* x, std::size_t stride, std::size_t rows) {
            if (first) {
                multiply(packed, x, stride, rows, m_original.row(done), m_original.cols());
            } else {
                if (m_output.rows() < rows) m_output = Matrix(rows, m_original.cols());
                multiply(packed, x, stride, rows, m_output.data(), m_output.cols());
                for (std::size_t i = 0; i < rows * m_original.cols(); ++i) {
                    const double difference = static_cast<double>(m_output.data()[i]) - static_cast<double>(m_original.row(done)[i]);
                    error += difference * difference;
                }
            }
            done += rows;
        };
        if (!runPart(m_config, weights, m_set, m_stream, partBefore(m_last, see), m_stop)) return 0.0;
        return error / static_cast<double>(m_original.size());
    }

private:
    const DecoderConfig& m_config;
    const CalibrationSet& m_set;
    CalibrationStream& m_stream;
    InputGroup m_last;
    std::stop_token m_stop;
    Matrix m_original, m_output;
};

}  // namespace

Calibrator::Calibrator(CalibrationSetup setup, CalibrationStream stream, CalibrationSet set)
    : m_setup(std::move(setup)), m_config(m_setup.checkpoint->config()), m_set(std::move(set)), m_stream(std::move(stream)) {}

Expected<std::unique_ptr<Calibrator>> Calibrator::create(CalibrationSetup setup) {
    if (setup.samples.empty()) return fail(ErrorKind::BadInput, "There are no samples to calibrate on.", "calibration");
    CalibrationSet set(setup.checkpoint->config(), setup.samples);
    auto stream = set.embed(*setup.checkpoint);
    if (!stream) return fail(stream.error());
    return std::unique_ptr<Calibrator>(new Calibrator(std::move(setup), std::move(*stream), std::move(set)));
}

bool Calibrator::calibrateGroup(BlockCalibration& block, InputGroup group, CalibrationStream& stream, const std::stop_token& stop) const {
    if (block.quantizes(group)) {
        const auto [rows, columns] = linearShape(m_config, linearsOf(group).front());
        InputStatistics inputs(static_cast<std::size_t>(columns));
        const auto see = [&](const float* x, std::size_t stride, std::size_t count) { inputs.add(x, stride, count); };
        if (!runPart(m_config, block.running(), m_set, stream, partBefore(group, see), stop)) return false;
        ModuleOutput module(m_config, m_set, stream, group, stop);
        block.moduleError = nullptr;
        if (group == InputGroup::QueryKeyValue || group == InputGroup::GateUp) block.moduleError = [&] { return module(block.running()); };
        block.begin();
        m_setup.method->calibrate(block, group, inputs, m_setup.options);
        if (stop.stop_requested()) return false;
    }
    // The last group of a branch is coded: the branch can be added.
    BlockPart branch;
    branch.attention = group == InputGroup::Output;
    branch.feedForward = group == InputGroup::Down;
    return (!branch.attention && !branch.feedForward) || runPart(m_config, block.running(), m_set, stream, std::move(branch), stop);
}

Expected<CodedBlock> Calibrator::calibrate(const std::stop_token& stop) {
    auto weights = loadBlock(*m_setup.checkpoint, m_next);
    if (!weights) return fail(weights.error());
    BlockCalibration block(m_config, std::move(*weights), planOfBlock(m_setup.plan, m_next));
    block.stop = stop;
    CalibrationStream stream = cloneStream(m_stream);
    for (const InputGroup group : kInputGroups)
        if (stop.stop_requested() || !calibrateGroup(block, group, stream, stop)) return fail(cancelledError());
    m_stream = std::move(stream);
    ++m_next;
    return std::move(block).finish();
}

Expected<void> Calibrator::pass(const BlockWeights& coded, const std::stop_token& stop) {
    CalibrationStream stream = cloneStream(m_stream);
    if (!m_set.advance(m_config, coded, stream, stop)) return fail(cancelledError());
    m_stream = std::move(stream);
    ++m_next;
    return {};
}

}  // namespace safequant
