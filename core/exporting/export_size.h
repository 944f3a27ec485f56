// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/exporting/export_model.h"

namespace safequant {

/// Bytes of an export, within a few percent. Without the checkpoint, tensors that are not quantized are counted as float32.
std::uint64_t exportSize(const DecoderConfig& config, const std::vector<LinearPlan>& plan, const Checkpoint* checkpoint, const ExportOptions& options);

}  // namespace safequant
