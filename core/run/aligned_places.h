// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/engine/protocol/messages.h"

namespace safequant {

/// Where malicious and benign prompts (in this order, `[2, 2]`) are on average in the aligned model, on axes "probe", "lda" or "pca" of a block of the
/// base model: by the signature that the run learns from. Empty when it has none, or when its file is gone or is another one by now. Errors:
/// bad_input for a damaged block.
Expected<protocol::FloatArray> alignedPlaces(const std::string& folder, int block, const std::string& kind);

}  // namespace safequant
