// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/matrix.h"
#include "core/model/compute_device.h"
#include "core/prompts/prompt_set.h"
#include "core/text/chat_template.h"

namespace safequant {

/// A calibration and evaluation stream that moves through the model block by block: memory is one block and the stream.
struct ActivationStream {
    PackedSequences sequences;
    Matrix hidden;     ///< `[rows, hidden]`, output of `blocksDone` blocks.
    int blocksDone = 0;
};

/// Renders, tokenizes and embeds prompts. Errors: those of template and tokenizer, with the prompt's id; a prompt longer than the
/// model's context.
Expected<ActivationStream> openStream(const Checkpoint& checkpoint, const ChatFormat& format, const std::vector<std::string>& prompts,
                                      const std::vector<std::string>& ids);

/// Moves the stream through the next block, on a device, and returns the last-token outputs `[prompts, hidden]`. Error: cancelled.
Expected<Matrix> advance(ActivationStream& stream, const DecoderConfig& config, const BlockWeights& weights,
                         const std::stop_token& stop = {}, const ComputeDevice& device = *processor());

}  // namespace safequant
