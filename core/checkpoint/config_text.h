// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/checkpoint/decoder_config.h"

namespace safequant {

/// Who sees whom, e.g. "every position before", "window of 512 positions on 15 of 18 blocks, scores capped at 50".
std::string attentionText(const DecoderConfig& config);

/// Rotary positions, e.g. "theta 500000, llama3 scaling by 8", "theta 1000000; theta 10000 on blocks with a window".
std::string ropeText(const DecoderConfig& config);

/// The last step, e.g. "tied to the embeddings, logits capped at 30", "a matrix of its own".
std::string outputText(const DecoderConfig& config);

}  // namespace safequant
