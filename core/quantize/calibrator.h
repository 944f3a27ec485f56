// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/quantize/calibration_options.h"
#include "core/quantize/calibration_set.h"
#include "core/quantize/coded_block.h"
#include "core/quantize/method.h"

namespace safequant {

/// What a model is calibrated with.
struct CalibrationSetup {
    std::shared_ptr<const Checkpoint> checkpoint;
    std::vector<LinearPlan> plan;  ///< Of every linear.
    std::vector<LearningSample> samples;
    const QuantizationMethod* method = nullptr;  ///< One that calibrates.
    CalibrationOptions options;
};

/// Quantizes a model block by block, each from what enters it through the quantized blocks before. Rows of a prefix that samples share
/// count once. Memory: a block's weights twice, one stream (two while a block is worked on), and InputStatistics of the widest input.
class Calibrator {
public:
    /// Embeds the samples. Errors: those of the checkpoint; bad_input without samples.
    static Expected<std::unique_ptr<Calibrator>> create(CalibrationSetup setup);

    /// The next block.
    int next() const { return m_next; }
    /// Codes it and moves the stream through it. Errors: cancelled (the block may be asked again), those of the checkpoint.
    Expected<CodedBlock> calibrate(const std::stop_token& stop = {});
    /// Moves the stream through it as it was coded before. Errors: cancelled.
    Expected<void> pass(const BlockWeights& coded, const std::stop_token& stop = {});

private:
    Calibrator(CalibrationSetup setup, CalibrationStream stream, CalibrationSet set);
    /// False when stopped.
    bool calibrateGroup(BlockCalibration& block, InputGroup group, CalibrationStream& stream, const std::stop_token& stop) const;

    CalibrationSetup m_setup;
    DecoderConfig m_config;
    CalibrationSet m_set;
    CalibrationStream m_stream;
    int m_next = 0;
};

}  // namespace safequant
