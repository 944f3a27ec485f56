// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/export_files.h"

#include <algorithm>
#include <filesystem>

#include "core/base/hash.h"

namespace safequant {
namespace {

constexpr std::int64_t kPieceElements = 8 << 20;

}  // namespace

Expected<ExportResult> publishExport(TargetFolder& target, double maxReloadError) {
    ExportResult result;
    result.maxReloadError = maxReloadError;
    result.folder = target.finalPath();
    if (auto published = target.publish(); !published) return fail(published.error());
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(result.folder, code))
        result.files.push_back(entry.path().filename());
    if (code) return fail(ErrorKind::Io, "Cannot be listed: " + code.message() + ".", result.folder);
    std::sort(result.files.begin(), result.files.end());
    for (const std::string& name : result.files) {
        const std::string path = result.folder + "/" + name;
        auto hash = sha256File(path);
        if (!hash) return fail(hash.error());
        result.sha256[name] = std::move(*hash);
        result.bytes += std::filesystem::file_size(path, code);
    }
    return result;
}

Expected<void> readPieces(const Checkpoint& checkpoint, const TensorInfo& tensor, const PieceSink& sink) {
    std::int64_t elements = 1;
    for (const std::int64_t size : tensor.shape) elements *= size;
    if (tensor.shape.size() != 2 || elements <= kPieceElements) {
        std::vector<float> values(static_cast<std::size_t>(elements));
        if (auto read = checkpoint.read(tensor.name, values); !read) return read;
        return sink(values);
    }
    const std::int64_t rows = tensor.shape[0], cols = tensor.shape[1];
    const std::int64_t step = std::max<std::int64_t>(1, kPieceElements / cols);
    std::vector<float> values;
    for (std::int64_t first = 0; first < rows; first += step) {
        const std::int64_t count = std::min(step, rows - first);
        values.resize(static_cast<std::size_t>(count * cols));
        if (auto read = checkpoint.readRows(tensor.name, first, count, values); !read) return read;
        if (auto taken = sink(values); !taken) return taken;
    }
    return {};
}

tl::unexpected<Error> readBackDiffers(const std::string& name, const std::string& path) {
    return fail(ErrorKind::Failed, "Tensor \"" + name + "\" reads back with other values than were written; the export was "
                                   "discarded. Check the disk and try again.", path);
}

}  // namespace safequant
