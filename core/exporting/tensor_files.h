// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/exporting/export_model.h"
#include "core/exporting/export_layout.h"

namespace safequant {

/// Writes the tensors into safetensors files of at most `shardBytes` (one tensor at least): "model.safetensors", or
/// "model-0000i-of-0000N.safetensors" and their index. Memory: one linear, or a piece of an embedding. `done` counts tensors.
/// Errors: those of the sources, io, cancelled, mismatch when a source answers with another scheme than planned, unsupported when a
/// scale is no half-precision number and the layout has those.
Expected<void> writeTensorFiles(const Checkpoint& checkpoint, const std::vector<ExportedTensor>& tensors,
                                const QuantizedSource& quantized, const FolderLayout& layout, const std::string& folder,
                                std::uint64_t shardBytes, const Progress& progress, std::uint64_t total);

/// Opens a written folder as any checkpoint and compares every tensor with what was meant. Returns the largest absolute
/// difference over the quantized linears, which is 0. Errors: failed naming the first tensor that differs, cancelled.
Expected<double> compareTensorFiles(const Checkpoint& checkpoint, const std::vector<ExportedTensor>& tensors,
                                    const QuantizedSource& quantized, const FolderLayout& layout, const std::string& folder, const Progress& progress,
                                    std::uint64_t done, std::uint64_t total);

}  // namespace safequant
