// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/quantize/scheme.h"

namespace safequant {

/// What an export is written as.
enum class ExportFormat : std::uint8_t {
    CompressedTensors,  ///< Hugging Face folder for transformers and vLLM: every scheme.
    Gptq,  ///< Hugging Face folder in AutoGPTQ's layout: weights of 2, 4 or 8 bits, one scheme.
    Awq,   ///< Hugging Face folder in AutoAWQ's GEMM layout: weights of 4 bits in groups, one scheme.
    Gguf,  ///< One file for llama.cpp.
    Bf16,  ///< Plain Hugging Face folder, everything rounded to bfloat16: every scheme, weights of a method's own format among them.
};

/// "compressed-tensors", "gptq", "awq", "gguf", "bf16".
std::string_view exportFormatName(ExportFormat format);
/// Nothing for another name.
std::optional<ExportFormat> exportFormatNamed(std::string_view name);
/// All of them, in the order above.
std::span<const std::string_view> exportFormatNames();

/// Why a format cannot hold a plan, and the nearest scheme or format that can; empty when nothing known before
/// quantizing speaks against it.
std::string formatProblem(ExportFormat format, const DecoderConfig& config, const std::vector<LinearPlan>& plan);

}  // namespace safequant
