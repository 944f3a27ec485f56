// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/export_model.h"

#include <algorithm>
#include <array>

#include "core/base/files.h"
#include "core/base/nearest_name.h"
#include "core/exporting/export_files.h"
#include "core/exporting/export_layout.h"
#include "core/exporting/gguf_export.h"
#include "core/exporting/model_files.h"
#include "core/exporting/target_folder.h"
#include "core/exporting/tensor_files.h"
#include "core/exporting/transposed_packing.h"

namespace safequant {
namespace {

constexpr std::uint64_t kHeaderRoom = 1 << 20;
constexpr std::array<std::string_view, 4> kPlainTypes = {"F32", "F16", "BF16", "Q8_0"};

std::uint64_t bytesToWrite(const std::vector<ExportedTensor>& tensors, const std::map<std::string, std::string>& files) {
    std::uint64_t bytes = kHeaderRoom;
    for (const auto& [name, text] : files) bytes += text.size();
    for (const ExportedTensor& tensor : tensors) {
        for (const TensorToWrite& written : tensor.written) bytes += written.bytes();
    }
    return bytes;
}

/// Zero points that are the lowest code wrap around in the older GPTQ layout; the newer one is written then.
Expected<FolderLayout> folderLayout(ExportFormat format, const std::vector<LinearPlan>& plan, const QuantizedSource& quantized) {
    FolderLayout layout{format, true};
    if (format != ExportFormat::Gptq) return layout;
    for (const LinearPlan& entry : plan) {
        if (!entry.quantized() || entry.actual.symmetric) continue;
        const auto linear = quantized(entry);
        if (!linear) return fail(linear.error());
        if (hasLowestZero(*linear)) return FolderLayout{format, false};
    }
    return layout;
}

}  // namespace

Expected<ExportOptions> exportOptionsNamed(std::string_view format, const std::string& plainType, const std::string& where) {
    const auto known = exportFormatNamed(format);
    if (!known) return fail(ErrorKind::BadInput, unknownNameMessage("export format", format, exportFormatNames()), where);
    if (!plainType.empty() && *known != ExportFormat::Gguf)
        return fail(ErrorKind::BadInput, "Only a GGUF export has a type for tensors that are not quantized; leave the type out.", where);
    if (!plainType.empty() && std::find(kPlainTypes.begin(), kPlainTypes.end(), plainType) == kPlainTypes.end())
        return fail(ErrorKind::BadInput, unknownNameMessage("type of tensors", plainType, kPlainTypes) + " Known are F32, F16, BF16 and Q8_0.",
                    where);
    return ExportOptions{.format = *known, .plainType = plainType};
}

Expected<ExportResult> exportModel(const Checkpoint& checkpoint, const Tokenizer& tokenizer, const std::vector<LinearPlan>& plan,
                                   const QuantizedSource& quantized, const nlohmann::json& provenance, const std::string& folder,
                                   const Progress& progress, const ExportOptions& options) {
    for (const LinearPlan& entry : plan) {
        if (!checkpoint.has(entry.name + ".weight"))
            return fail(ErrorKind::Mismatch, "The plan names a linear that the checkpoint does not have; plan anew.", entry.name);
    }
    if (const std::string problem = formatProblem(options.format, checkpoint.config(), plan); !problem.empty())
        return fail(ErrorKind::Unsupported, problem, folder);
    if (options.format == ExportFormat::Gguf)
        return exportGguf(checkpoint, tokenizer, plan, quantized, provenance, folder, progress, {options.plainType});
    const auto layout = folderLayout(options.format, plan, quantized);
    if (!layout) return fail(layout.error());
    const std::vector<ExportedTensor> tensors = exportedTensors(checkpoint, plan, options.format);
    const bool dense = options.format == ExportFormat::Bf16;
    const auto files = modelFiles(checkpoint, tokenizer, plan, dense ? "bfloat16" : computeType(checkpoint, plan), provenance, *layout);
    auto target = TargetFolder::create(folder, bytesToWrite(tensors, files));
    if (!target) return fail(target.error());
    for (const auto& [name, text] : files) {
        if (auto written = writeFileAtomically(target->path() + "/" + name, text); !written) return fail(written.error());
    }
    const std::uint64_t total = 2 * tensors.size();
    if (auto written = writeTensorFiles(checkpoint, tensors, quantized, *layout, target->path(), options.shardBytes, progress, total); !written)
        return fail(written.error());
    const auto compared = compareTensorFiles(checkpoint, tensors, quantized, *layout, target->path(), progress, tensors.size(), total);
    if (!compared) return fail(compared.error());
    return publishExport(*target, *compared);
}

}  // namespace safequant
