// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/exporting/export_model.h"
#include "core/exporting/target_folder.h"

namespace safequant {

/// Gives a finished folder its name, and lists and hashes its files. Errors: io.
Expected<ExportResult> publishExport(TargetFolder& target, double maxReloadError);

}  // namespace safequant
