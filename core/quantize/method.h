// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/quantize/quantize_block.h"

namespace safequant {

class BlockCalibration;
enum class InputGroup : std::uint8_t;
class InputStatistics;
struct CalibrationOptions;

/// A way of choosing the codes of a block's weights, on integer grids or in a format of its own. One row of the registry in method.cpp.
struct QuantizationMethod {
    std::string_view id;       ///< Name in run specs, e.g. "rtn".
    std::string_view title;    ///< For people, e.g. "Round to nearest".
    std::string_view describe; ///< One sentence for reports and help.
    /// True: the outcome depends on calibration activations, and so on the mix of prompts.
    bool calibrated = false;
    /// Of methods that need the weights alone; null for others.
    QuantizedBlock (*quantize)(BlockWeights weights, std::span<const LinearPlan> plan) = nullptr;
    /// Of methods that look at calibration activations: codes all planned linears of one group from what enters it. Null for others.
    void (*calibrate)(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options) = nullptr;

    /// Learns towards an aligned model that the run names.
    bool realigns = false;
    /// Calibrates a block in a second or less, and moves scales out of norms alone: it can be tried on one block after the other while
    /// someone waits.
    bool quick = false;

    /// Of weights; other than Grid: the method has a format of its own.
    WeightFormat format = WeightFormat::Grid;
    /// Trains the whole model with its quantization in place (core/tuning), in a stage of its own before blocks are passed through.
    bool tunes = false;

    /// Learns blocks from calibration samples (core/realign).
    bool learned() const { return quantize == nullptr && calibrate == nullptr && !tunes; }
    /// Leaves blocks as files in the run's folder, which everything after reads.
    bool keepsBlocks() const { return quantize == nullptr; }
};

/// The format of a method's weights with these options.
WeightFormat formatOf(const QuantizationMethod& method, const CalibrationOptions& options);

/// Every method, in the order programs list them.
std::span<const QuantizationMethod> quantizationMethods();

/// Method by id. Errors: bad_input naming the known ones.
Expected<const QuantizationMethod*> findQuantizationMethod(std::string_view id);

}  // namespace safequant
