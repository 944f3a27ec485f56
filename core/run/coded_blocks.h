// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>

#include "core/quantize/coded_block.h"
#include "core/quantize/scheme.h"

namespace safequant {

/// "FOLDER/blocks/weights-003.safetensors": what a learned method made of a block. Under the tensors' Hugging Face names: linears as
/// ".codes" I8 `[out, in]`, ".scales" F32 and ".zeros" I8 `[out, groups]`, or ".weight" F32 when left alone, with ".bias" F32; norms
/// as F32. It can be opened by any reader of safetensors.
std::string codedBlockPath(const std::string& folder, int block);

/// Writes the file whole. Errors: io.
Expected<void> writeCodedBlock(const std::string& folder, const DecoderConfig& config, const CodedBlock& block);

/// Reads a block back; `plan` says the schemes. Errors: not_found, bad_input when a tensor is missing or does not fit.
Expected<CodedBlock> readCodedBlock(const std::string& folder, const DecoderConfig& config, std::span<const LinearPlan> plan, int block);
/// One quantized linear of it. Errors: the same.
Expected<QuantizedLinear> readCodedLinear(const std::string& folder, const DecoderConfig& config, const LinearPlan& plan);
bool hasCodedBlock(const std::string& folder, int block);

}  // namespace safequant
