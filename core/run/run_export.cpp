// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_export.h"

#include <exception>
#include <filesystem>
#include <new>

#include "core/run/run_folder.h"
#include "core/run/run_model.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

const char* levelName(PreflightItem::Level level) {
    switch (level) {
        case PreflightItem::Level::Ok:
            return "ok";
        case PreflightItem::Level::Warning:
            return "warning";
        case PreflightItem::Level::Error:
            break;
    }
    return "error";
}

std::uint64_t availableBytes(fs::path path) {
    std::error_code code;
    path = fs::absolute(path, code);
    while (!fs::exists(path, code) && path != path.parent_path()) path = path.parent_path();
    const auto space = fs::space(path, code);
    return code ? 0 : space.available;
}

/// Turns what must not leave a job as an exception into an error.
template <typename Result, typename Work>
Expected<Result> guarded(const std::string& where, const Work& work) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "Memory ran out. Close other programs and try again.", where);
    } catch (const std::exception& error) {
        return fail(ErrorKind::Failed, error.what(), where);
    }
}

}  // namespace

Expected<protocol::ExportPreflight> preflightRunExport(const std::string& folder, const std::string& target,
                                                       const ExportOptions& options) {
    return guarded<protocol::ExportPreflight>(target, [&]() -> Expected<protocol::ExportPreflight> {
        const auto inputs = openRunModel(folder, false);
        if (!inputs) return fail(inputs.error());
        auto report = preflightExport(inputs->checkpoint->config(), inputs->plan, target, inputs->checkpoint.get(), options);
        if (const std::string problem = patchExportProblem(inputs->spec.patch, exportFormatName(options.format)); !problem.empty())
            report.items.push_back({PreflightItem::Level::Error, "The format " + problem});
        protocol::ExportPreflight preflight;
        preflight.format = report.format;
        preflight.bytes = report.bytes;
        preflight.availableBytes = availableBytes(target);
        preflight.possible = report.possible();
        for (const auto& item : report.items) preflight.items.push_back({levelName(item.level), item.message});
        return preflight;
    });
}

Expected<protocol::ExportOutcome> exportRun(const std::string& folder, const std::string& target,
                                            const Progress& progress, const ExportOptions& options) {
    return guarded<protocol::ExportOutcome>(target, [&]() -> Expected<protocol::ExportOutcome> {
        const auto inputs = openRunModel(folder, true, Progress{progress.stop, {}});
        if (!inputs) return fail(inputs.error());
        if (const std::string problem = patchExportProblem(inputs->spec.patch, exportFormatName(options.format)); !problem.empty())
            return fail(ErrorKind::Unsupported, "The format " + problem, target);
        if (auto same = checkRunModel(folder, *inputs); !same) return fail(same.error());
        const auto result = exportQuantized(folder, *inputs, inputs->checkpointHash, target, progress, options);
        if (!result) return fail(result.error());
        return protocol::ExportOutcome{result->folder, result->bytes, result->files, result->maxReloadError};
    });
}

}  // namespace safequant
