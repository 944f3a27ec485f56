// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <stop_token>
#include <string>

#include "core/quantize/coded_block.h"
#include "core/quantize/quantize_block.h"

namespace safequant {

/// "FOLDER/blocks/weights-003.safetensors": what a calibrated method made of a block. Under the tensors' Hugging Face names: linears as
/// ".codes" I8 `[out, in]`, ".scales" F32 and ".zeros" I8 `[out, groups]`, where its format has no integer grid as ".values" F32 `[out, in]` and
/// ".bits" F32 `[1]` a weight, or ".weight" F32 when left alone, with ".bias" F32, and
/// where they were measured ".errors" F32 `[2]`, of weights and outputs as LinearReport has them; norms as F32. It can be opened by any reader of safetensors.
std::string codedBlockPath(const std::string& folder, int block);

/// Writes the file whole. Errors: io.
Expected<void> writeCodedBlock(const std::string& folder, const DecoderConfig& config, const CodedBlock& block);

/// Reads a block back; `plan` says the schemes. Errors: not_found, bad_input when a tensor is missing or does not fit.
Expected<CodedBlock> readCodedBlock(const std::string& folder, const DecoderConfig& config, std::span<const LinearPlan> plan, int block);
/// One quantized linear of it. Errors: the same.
Expected<QuantizedLinear> readCodedLinear(const std::string& folder, const DecoderConfig& config, const LinearPlan& plan);
bool hasCodedBlock(const std::string& folder, int block);

/// Moves a maker of blocks, which has `next` and `pass`, through those that are made already, up to `block`. Errors: those of readCodedBlock
/// and of the maker.
template <typename Maker>
Expected<void> passCodedBlocks(Maker& maker, const std::string& folder, const DecoderConfig& config, std::span<const LinearPlan> plan, int block,
                               const std::stop_token& stop) {
    while (maker.next() < block) {
        const auto made = readCodedBlock(folder, config, planOfBlock(plan, maker.next()), maker.next());
        if (!made) return fail(made.error());
        if (auto passed = maker.pass(made->weights, stop); !passed) return passed;
    }
    return {};
}

}  // namespace safequant
