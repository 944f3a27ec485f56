// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/exporting/export_format.h"
#include "core/quantize/round_to_nearest.h"
#include "core/quantize/scheme.h"
#include "core/text/tokenizer.h"

namespace safequant {

/// One finding of the check before an export.
struct PreflightItem {
    enum class Level { Ok, Warning, Error } level = Level::Ok;
    std::string message;
};

struct PreflightReport {
    std::vector<PreflightItem> items;
    std::string format;            ///< "pack-quantized", "int-quantized", "mixed-precision" (both), "dense" (no linear quantized),
                                   ///< or the export format's name.
    std::uint64_t bytes = 0;       ///< Size of the export, within a few percent.
    bool possible() const;         ///< No error among the items.
};

struct ExportOptions {
    ExportFormat format = ExportFormat::CompressedTensors;
    std::string plainType;  ///< GGUF: type of matrices that are not quantized, see GgufOptions.
    std::uint64_t shardBytes = 4'000'000'000;  ///< Most tensor bytes in one safetensors file; a larger tensor has its own.
};

/// The options for a format's name and a type of matrices that are not quantized, as users write them: "gguf", "F16". The type is
/// empty but for GGUF, where it is "", "F32", "F16", "BF16" or "Q8_0". Error: bad_input, naming the nearest word.
Expected<ExportOptions> exportOptionsNamed(std::string_view format, const std::string& plainType, const std::string& where);

/// Says before any work whether loaders will take the planned grid (vLLM's rules, fused q/k/v and gate/up,
/// mixed bits), how large the export gets and whether it fits on the disk. Without the checkpoint, tensors that are not quantized
/// are counted as float32.
PreflightReport preflightExport(const DecoderConfig& config, const std::vector<LinearPlan>& plan, const std::string& folder,
                                const Checkpoint* checkpoint = nullptr, const ExportOptions& options = {});

/// Gives the quantized linear of a plan entry (from the run folder, or quantized anew).
using QuantizedSource = std::function<Expected<QuantizedLinear>(const LinearPlan&)>;

struct ExportResult {
    std::string folder;
    std::uint64_t bytes = 0;
    std::vector<std::string> files;
    std::map<std::string, std::string> sha256;  ///< Of each file.
    double maxReloadError = 0.0;   ///< Largest |meant - reloaded| over all linears (bf16: rounded as stored): 0, or the export failed.
};

/// Writes an export in the format of the options. A Hugging Face folder holds config.json with quantization_config, safetensors
/// (sharded), tokenizer files, generation_config.json, provenance.json, README.md; for GGUF see exportGguf. Tensors that are not
/// quantized keep their values exactly, but for bf16, where all values are rounded to bfloat16 (ties to even) and there is no
/// quantization_config. The folder appears whole: written beside as "FOLDER.part", read back with
/// `openCheckpoint`, compared tensor by tensor, and renamed. `quantized` is asked several times for every quantized linear and must
/// answer alike. Progress counts tensors. Same input, same bytes. Errors: unsupported when the format cannot hold the grid, naming
/// the nearest that can; bad_input when the folder exists and is not empty, io, cancelled, failed when what is read back
/// differs; nothing is left behind then.
Expected<ExportResult> exportModel(const Checkpoint& checkpoint, const Tokenizer& tokenizer, const std::vector<LinearPlan>& plan,
                                   const QuantizedSource& quantized, const nlohmann::json& provenance, const std::string& folder,
                                   const Progress& progress = {}, const ExportOptions& options = {});

}  // namespace safequant
