// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/exporting/export_model.h"

namespace safequant {

/// What a GGUF export does with tensors that are not quantized.
struct GgufOptions {
    /// "F32", "F16", "BF16" or "Q8_0" for matrices (Q8_0 where rows fill blocks of 32, else F16); empty: the
    /// stored one of these types if it keeps every value, else F32. Vectors stay F32.
    std::string plainType;
};

/// The reason a plan cannot be written to a GGUF file, with the nearest that can; empty when nothing known before
/// quantizing speaks against it.
std::string ggufProblem(const DecoderConfig& config, const std::vector<LinearPlan>& plan);

/// Bytes of the file, within a few percent. Without the checkpoint, tensors that are not quantized are counted as float32.
std::uint64_t ggufBytes(const DecoderConfig& config, const std::vector<LinearPlan>& plan, const Checkpoint* checkpoint, const GgufOptions& options);

/// Writes a folder with "NAME.gguf" (version 3, for llama.cpp), provenance.json and README.md. Every quantized linear
/// gets the smallest block type that holds its grid exactly (gguf_grid.h). The folder appears whole: the file is opened
/// again, its configuration and every tensor compared bit for bit with what was meant, and renamed. `quantized` is
/// asked three times for every quantized linear. Same input, same bytes. Errors: unsupported naming the linear, why no
/// block type holds its grid and the nearest scheme; bad_input when the folder is not empty, io, cancelled, failed when
/// what is read back differs.
Expected<ExportResult> exportGguf(const Checkpoint& checkpoint, const Tokenizer& tokenizer,
                                  const std::vector<LinearPlan>& plan, const QuantizedSource& quantized,
                                  const nlohmann::json& provenance, const std::string& folder,
                                  const Progress& progress = {}, const GgufOptions& options = {});

}  // namespace safequant
