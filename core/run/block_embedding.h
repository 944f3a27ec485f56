// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/engine/protocol/embedding_messages.h"

namespace safequant {

/// Called after every step with positions as far as they are; may move out of the frame, whose ticket is 0.
using ProjectionFrameListener = std::function<void(protocol::ProjectionFrame& frame)>;

/// t-SNE or UMAP of a block's evaluation prompts, those of base and quantized model in one embedding: equal places mean
/// equal neighbours. Only base where the block has no quantized half yet. Equal run, block and settings give equal
/// points. Errors: not_found for a block without results; bad_input on an unknown kind, on settings out of their range
/// and on too few points, naming what works; cancelled.
Expected<protocol::ProjectionResult> embedBlock(const std::string& folder, int block,
                                                const protocol::EmbeddingSettings& settings,
                                                const std::stop_token& stop,
                                                const ProjectionFrameListener& listener = {});

}  // namespace safequant
