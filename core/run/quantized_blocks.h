// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/decoder.h"
#include "core/quantize/quantize_block.h"
#include "core/run/run_inputs.h"

namespace safequant {

/// The quantized block of a run: by the spec's method from the checkpoint, or as a method that keeps blocks left it in the run's folder. Errors:
/// those of the checkpoint and of readCodedBlock.
Expected<QuantizedBlock> loadQuantizedBlock(const std::string& folder, const RunInputs& inputs, int block);

/// The quantized model's blocks; `integers`: with the codes of those linears that have some, which products are then computed from (see
/// LinearWeights). `inputs` must outlive the source.
BlockSource quantizedBlocks(const std::string& folder, const RunInputs& inputs, bool integers = false);

}  // namespace safequant
