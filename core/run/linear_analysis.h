// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/engine/protocol/analysis_messages.h"

namespace safequant {

/// A linear's weights in full precision and on their grids: quantized anew by a method that needs the weights alone, else as the run's
/// folder keeps them. Memory: the linear, twice in float32. Errors: not_found for a linear that the model does not have, or a block not
/// made yet; mismatch when the checkpoint is another than the run's, or does not give the error that the run reports; those of openInputs.
Expected<protocol::LinearWeightsResult> measureLinearWeights(const std::string& folder, const std::string& linear);

/// Called for every block with its inputs; may move out of the message, whose ticket is 0.
using BlockInputsListener = std::function<void(protocol::BlockInputs& inputs)>;

/// Largest |x| of every input channel of every linear, of the base model as it is stored or of the run's quantized model, before inputs are
/// quantized themselves. Calibration prompts of the run, labels in turn, as many as hold at most `tokens` tokens (one at least), pass through
/// the model block by block on the processor; a prefix that they share is computed and counted once. Memory: a block and the tokens.
/// Errors: bad_input for another model's name, for `tokens` outside 64 to 65,536 and a run that captured no prompts; as above; cancelled.
Expected<void> measureInputs(const std::string& folder, const std::string& model, int tokens, const std::stop_token& stop,
                             const BlockInputsListener& listener);

}  // namespace safequant
