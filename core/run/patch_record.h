// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "core/run/manifest.h"
#include "core/run/patch_spec.h"

namespace safequant {

/// A run's patch as its folder keeps it beside events: pairs.jsonl and steps.jsonl of patch/, and what the manifest says of linears, in the
/// model's order. Probes are in events alone. Empty: nothing is there yet. Errors: io, bad_input of the files.
Expected<std::optional<protocol::PatchProgress>> readPatchRecord(const std::string& folder, const PatchSpec& spec, const Manifest& manifest);

}  // namespace safequant
