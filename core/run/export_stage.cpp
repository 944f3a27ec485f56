// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include "core/base/files.h"
#include "core/exporting/target_folder.h"
#include "core/run/coded_blocks.h"
#include "core/run/learned_checkpoint.h"
#include "core/run/run_export.h"
#include "core/run/session.h"
#include "safequant_version.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

/// Its folder was made, or begun, by this run.
bool announced(Session& session) {
    const auto& manifest = session.manifest().json();
    return manifest.contains("export") && manifest["export"].value("folder", "") == session.inputs().spec.exportFolder;
}

Expected<PreflightReport> passedPreflight(const RunInputs& inputs) {
    auto report = preflightExport(inputs.checkpoint->config(), inputs.plan, inputs.spec.exportFolder, inputs.checkpoint.get(),
                                  inputs.spec.exporting);
    for (const auto& item : report.items)
        if (item.level == PreflightItem::Level::Error) return fail(ErrorKind::BadInput, item.message, inputs.spec.exportFolder);
    return report;
}

}  // namespace

Expected<void> checkExport(Session& session) {
    if (announced(session)) return {};
    const auto passed = passedPreflight(session.inputs());
    if (!passed) return fail(passed.error());
    return {};
}

nlohmann::json exportProvenance(const RunInputs& inputs, const std::string& checkpointHash) {
    // Nothing that differs between two runs of one spec: exports of equal specs are equal bytes.
    const auto spec = runSpecToJson(inputs.spec);
    nlohmann::json provenance{{"program", "SafeQuant Workbench"},
                              {"program_version", SAFEQUANT_VERSION},
                              {"checkpoint",
                               {{"name", inputs.checkpoint->config().name},
                                {"format", inputs.checkpoint->format()},
                                {"content_hash", checkpointHash}}},
                              {"quantization", spec["quantization"]},
                              {"seed", inputs.spec.seed}};
    nlohmann::json changed = nlohmann::json::array();
    for (const auto& linear : inputs.plan)
        if (!linear.reason.empty())
            changed.push_back({{"name", linear.name},
                               {"requested", linear.requested.describe()},
                               {"actual", linear.actual.describe()},
                               {"reason", linear.reason}});
    provenance["changed_linears"] = std::move(changed);
    return provenance;
}

Expected<ExportResult> exportQuantized(const std::string& folder, const RunInputs& inputs, const std::string& checkpointHash,
                                       const std::string& target, const Progress& progress, const ExportOptions& options) {
    const bool keepsBlocks = inputs.spec.keepsBlocks();
    std::shared_ptr<const Checkpoint> checkpoint = inputs.checkpoint;
    if (keepsBlocks) {
        auto learned = openLearnedCheckpoint(checkpoint, folder);
        if (!learned) return fail(learned.error());
        checkpoint = std::move(*learned);
    }
    const auto quantized = [&](const LinearPlan& plan) -> Expected<QuantizedLinear> {
        if (keepsBlocks) return readCodedLinear(folder, inputs.checkpoint->config(), plan);
        auto weight = checkpoint->readMatrix(plan.name + ".weight");
        if (!weight) return fail(weight.error());
        return quantizeLinear(*weight, plan.actual);
    };
    return exportModel(*checkpoint, *inputs.format.tokenizer, inputs.plan, quantized, exportProvenance(inputs, checkpointHash), target,
                       progress, options);
}

Expected<void> runExportStage(Session& session) {
    const auto& inputs = session.inputs();
    auto& schedule = session.schedule();
    const auto total = inputs.plan.size();
    // The manifest is told before the folder appears, so that a run killed between the two knows the folder as its own.
    auto& manifest = session.manifest().json();
    const auto& target = inputs.spec.exportFolder;
    std::error_code code;
    if (announced(session) && fs::exists(fs::path(target) / "provenance.json", code)) {
        removeLeftover(target);
        schedule.setFound("export", total);
        return session.tellProgress("export");
    }
    const auto preflight = passedPreflight(inputs);
    if (!preflight) return fail(preflight.error());
    for (const auto& item : preflight->items)
        if (item.level == PreflightItem::Level::Warning)
            if (auto said = session.say("warning", "Export: " + item.message); !said) return said;
    manifest["export"] = {{"folder", target}, {"format", preflight->format}};
    if (auto saved = session.manifest().save(); !saved) return saved;

    schedule.begin("export");
    const Progress progress{session.stop(), [&](std::uint64_t done, std::uint64_t of) {
                                schedule.advance("export", of > 0 ? done * total / of : 0);
                                // A progress event that cannot be written shows again, and is reported, at the end of
                                // the stage.
                                (void)session.tellProgress("export");
                            }};
    const auto result =
        exportQuantized(session.folder(), inputs, inputs.checkpointHash, target, progress, inputs.spec.exporting);
    if (!result) return fail(result.error());
    schedule.advance("export", total);
    schedule.end("export");
    manifest["export"]["bytes"] = result->bytes;
    manifest["export"]["files"] = result->files;
    manifest["export"]["max_reload_error"] = result->maxReloadError;
    if (auto told = session.tellProgress("export"); !told) return told;
    return session.keepTiming("export");
}

}  // namespace safequant
