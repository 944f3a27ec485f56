// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/checkpoint/checkpoint.h"
#include "core/quantize/scheme.h"

namespace safequant {

/// The checkpoint that the export of a run that keeps its blocks is written from: the base's tensors, but norms, biases and linears left alone as the run's
/// block files have them (scales that moved between layers are folded into those). Quantized linears keep the base's values here; their
/// codes are read with readCodedBlock. Errors: not_found when a block is not made yet, bad_input for a damaged file.
Expected<std::shared_ptr<const Checkpoint>> openLearnedCheckpoint(std::shared_ptr<const Checkpoint> base, const std::string& folder);

}  // namespace safequant
