// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/realign/learning_options.h"
#include "core/run/run_inputs.h"
#include "core/separability/probe.h"

namespace safequant {

/// Where a run's signature moves malicious prompts to, by block, `[objective.tail, hidden]` in the space of the run's checkpoint: the aligned model's
/// means at the prompts' last tokens less those of the model to quantize over the same prompts; or a control in its place (ShiftControl). Takes a
/// pass of the signature's malicious prompts through the model. Errors: those of visitTails; cancelled.
Expected<std::vector<Matrix>> signatureShifts(const RunInputs& inputs, const RealignObjective& objective, const Progress& progress = {});

/// The signature's probe of a block, in the space of the models before they were rotated.
Probe signatureProbe(const AlignmentSignature& signature, int block);

}  // namespace safequant
