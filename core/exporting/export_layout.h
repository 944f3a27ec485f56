// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/exporting/export_format.h"
#include "core/exporting/safetensors_writer.h"
#include "core/quantize/round_to_nearest.h"
#include "core/quantize/scheme.h"

namespace safequant {

/// How one linear is stored: "pack-quantized" (weights alone), "int-quantized" (activations as well), "dense" (left alone).
const char* storageFormat(const QuantizationScheme& scheme);

/// The compressed-tensors format of a whole plan: one of the above, or "mixed-precision" when quantized linears need both.
std::string exportFormat(const std::vector<LinearPlan>& plan);

/// How a Hugging Face folder is laid out.
struct FolderLayout {
    ExportFormat format = ExportFormat::CompressedTensors;  ///< Not Gguf.
    bool storesZeroMinusOne = true;                         ///< GPTQ: checkpoint format "gptq", else "gptq_v2".
};

/// The plan of linears as files hold them: parts of a fused projection are one entry with the fused name ("...self_attn.qkv_proj"), its
/// first part's role and scheme, and their block's place in the order; other models' plans as they are. See fusedProblem.
std::vector<LinearPlan> storedPlan(const DecoderConfig& config, const std::vector<LinearPlan>& plan);
/// Rows and columns of an entry of a stored plan.
std::pair<int, int> storedShape(const DecoderConfig& config, const LinearPlan& stored);
/// Why files of a model with fused projections cannot hold a plan: parts of one tensor with different schemes. Empty when they can.
std::string fusedProblem(const DecoderConfig& config, const std::vector<LinearPlan>& plan);

/// The tensors of one quantized linear `[rows, cols]`. `scaleType`: see scaleTypeFor; GPTQ and AWQ have half-precision scales.
std::vector<TensorToWrite> quantizedTensors(const LinearPlan& plan, int rows, int cols, const std::string& scaleType,
                                            ExportFormat format = ExportFormat::CompressedTensors);

/// Type of stored scales. Loaders compute weights in the type of the scale, so bfloat16 values are stored as F32 unless the
/// model computes in bfloat16 anyway: what is loaded is then what was evaluated.
std::string scaleTypeFor(const std::string& computeType);

/// Stored type of a tensor that is not quantized: BF16 and F16 stay, everything else becomes F32, so that no value changes.
std::string denseType(const TensorInfo& tensor);

/// A tensor of the checkpoint and what becomes of it.
struct ExportedPart {
    const TensorInfo* source = nullptr;
    const LinearPlan* plan = nullptr;  ///< Null: copied from the checkpoint.
};

/// Tensors that files hold as one, rows behind rows: a single one but for fused projections.
struct ExportedTensor {
    std::string linear;  ///< Its stored name, without ".weight", where codes are stored; empty: values are.
    std::vector<ExportedPart> parts;
    std::vector<TensorToWrite> written;
};

/// Everything that is written, in the checkpoint's order. The head is left out where the embeddings serve as it.
std::vector<ExportedTensor> exportedTensors(const Checkpoint& checkpoint, const std::vector<LinearPlan>& plan,
                                            ExportFormat format = ExportFormat::CompressedTensors);

/// `torch_dtype` of the export: "bfloat16" or "float16" when all that is not quantized is stored so (float16 only without
/// quantized linears: its range cannot hold every scale), else "float32".
std::string computeType(const Checkpoint& checkpoint, const std::vector<LinearPlan>& plan);

/// `quantization_config` of config.json; null when no linear is quantized, or none is stored so (bf16). One scheme targets every linear; several are given
/// by name, with one pattern where a scheme holds for a role in all blocks. Linears left alone are named in `ignore` (AWQ:
/// `modules_to_not_convert`, GPTQ: `dynamic`, and `modules_in_block_to_quantize` where all blocks are alike). `plan`: a stored one.
nlohmann::json quantizationConfig(const std::vector<LinearPlan>& plan, const FolderLayout& layout = {});

}  // namespace safequant
