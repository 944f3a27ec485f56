// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/engine/protocol/analysis_messages.h"

namespace safequant {

/// What the probes of a run look like, from what its folder keeps of finished blocks. Works while the run goes on. `model` is "base" or
/// "quantized". Errors of all: not_found for a block or a model without results; bad_input for another model's name and damaged files.

/// The non-zero weights of a block's probe, and how activations of the prompts it was fitted on differ along them.
Expected<protocol::ProbeWeights> readProbeWeights(const std::string& folder, const std::string& model, int block);

/// Cosines between the weights, in raw units of the residual stream, of the probes of all pairs of blocks.
Expected<protocol::ProbeSimilarity> readProbeSimilarity(const std::string& folder, const std::string& model);

/// The base model's probes of all blocks on all blocks' activations of `model`, on evaluation prompts alone. One block's activations are
/// in memory at a time.
Expected<protocol::ProbeTransfer> measureProbeTransfer(const std::string& folder, const std::string& model);

/// Calibration, confusion and ROC of a block's probes, on evaluation prompts alone. Error: bad_input also for less than 2 bins or more
/// than 100.
Expected<protocol::BlockCalibrationResult> measureProbeCalibration(const std::string& folder, int block, int bins);

}  // namespace safequant
