// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/compressed_tensors.h"

#include "core/base/files.h"
#include "core/exporting/export_files.h"
#include "core/exporting/export_layout.h"
#include "core/exporting/model_files.h"
#include "core/exporting/target_folder.h"
#include "core/exporting/tensor_files.h"

namespace safequant {
namespace {

constexpr std::uint64_t kHeaderRoom = 1 << 20;

std::uint64_t bytesToWrite(const std::vector<ExportedTensor>& tensors, const std::map<std::string, std::string>& files) {
    std::uint64_t bytes = kHeaderRoom;
    for (const auto& [name, text] : files) bytes += text.size();
    for (const ExportedTensor& tensor : tensors) {
        for (const TensorToWrite& written : tensor.written) bytes += written.bytes();
    }
    return bytes;
}

}  // namespace

Expected<ExportResult> exportCompressedTensors(const Checkpoint& checkpoint, const Tokenizer& tokenizer,
                                               const std::vector<LinearPlan>& plan, const QuantizedSource& quantized,
                                               const nlohmann::json& provenance, const std::string& folder,
                                               const Progress& progress, const ExportOptions& options) {
    const std::vector<ExportedTensor> tensors = exportedTensors(checkpoint, plan);
    for (const LinearPlan& entry : plan) {
        if (!checkpoint.has(entry.name + ".weight"))
            return fail(ErrorKind::Mismatch, "The plan names a linear that the checkpoint does not have; plan anew.", entry.name);
    }
    const auto files = modelFiles(checkpoint, tokenizer, plan, computeType(checkpoint, plan), provenance);
    auto target = TargetFolder::create(folder, bytesToWrite(tensors, files));
    if (!target) return fail(target.error());
    for (const auto& [name, text] : files) {
        if (auto written = writeFileAtomically(target->path() + "/" + name, text); !written) return fail(written.error());
    }
    const std::uint64_t total = 2 * tensors.size();
    if (auto written = writeTensorFiles(checkpoint, tensors, quantized, target->path(), options.shardBytes, progress, total); !written)
        return fail(written.error());
    const auto compared = compareTensorFiles(checkpoint, tensors, quantized, target->path(), progress, tensors.size(), total);
    if (!compared) return fail(compared.error());
    return publishExport(*target, *compared);
}

}  // namespace safequant
