// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/quantize/sensitivity.h"
#include "core/run/run_spec.h"
#include "core/run/what_if.h"

namespace safequant {

/// What a budget over the linears of a model is solved from.
struct ModelSensitivities {
    std::vector<LinearSensitivity> linears;
    std::uint64_t otherBytes = 0;  ///< Of an export beside the linears' codes, scales and zero points.
};

/// Weight errors of the model that a spec quantizes, with the spec's groups. Neither method nor prompts play a part. Errors: those of
/// openInputs and measureWeightErrors.
Expected<ModelSensitivities> measureWeightErrors(const RunSpec& spec, const Progress& progress = {});

/// The same with the errors of linears' outputs, by the base model's inputs at the last tokens of the evaluation prompts of a run on the same
/// model. Errors: mismatch when the spec's model is not the run's; those of WhatIf.
Expected<ModelSensitivities> measureOutputErrors(const RunSpec& spec, WhatIf& whatIf, const Progress& progress = {});

}  // namespace safequant
