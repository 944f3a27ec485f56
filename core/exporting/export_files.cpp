// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/export_files.h"

#include <algorithm>
#include <filesystem>

#include "core/base/hash.h"

namespace safequant {

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

}  // namespace safequant
