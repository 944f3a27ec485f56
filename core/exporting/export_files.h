// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>
#include <string>

#include "core/exporting/export_model.h"
#include "core/exporting/target_folder.h"

namespace safequant {

/// Gives a finished folder its name, and lists and hashes its files. Errors: io.
Expected<ExportResult> publishExport(TargetFolder& target, double maxReloadError);

/// What takes a piece of a tensor.
using PieceSink = std::function<Expected<void>(std::span<const float>)>;

/// Reads a tensor of a checkpoint piece by piece, a 2-D one by whole rows, at most about 32 MB a piece. Errors: those of reading
/// and of the sink.
Expected<void> readPieces(const Checkpoint& checkpoint, const TensorInfo& tensor, const PieceSink& sink);

/// The error that ends an export whose tensor `name` does not read back as it was written.
tl::unexpected<Error> readBackDiffers(const std::string& name, const std::string& path);

}  // namespace safequant
