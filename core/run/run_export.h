// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/exporting/export_model.h"
#include "core/run/run_inputs.h"

namespace safequant {

/// Where an exported checkpoint comes from: the same for equal specs, whatever folders they name.
nlohmann::json exportProvenance(const RunInputs& inputs, const std::string& checkpointHash);

/// Quantizes every linear anew, or reads what a learned method left in the run's `folder`, and writes the export. Errors: those of
/// exportModel, not_found when a block is not learned yet.
Expected<ExportResult> exportQuantized(const std::string& folder, const RunInputs& inputs, const std::string& checkpointHash,
                                       const std::string& target, const Progress& progress, const ExportOptions& options);

}  // namespace safequant
