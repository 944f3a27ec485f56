// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/base/files.h"
#include "core/run/aligned_places.h"
#include "core/run/answer_file.h"
#include "core/run/block_results.h"
#include "core/run/manifest.h"
#include "core/run/patch_record.h"
#include "core/run/prompt_table.h"
#include "core/run/run_lock.h"
#include "core/run/timed_folder.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

void makeAbsolute(std::string& path) {
    if (!path.empty() && !path.starts_with("builtin:")) path = fs::absolute(path).lexically_normal().string();
}

protocol::RunSummary summaryOf(const std::string& folder, const Manifest& manifest) {
    protocol::RunSummary summary;
    summary.folder = folder;
    summary.name = manifest.text("name");
    summary.model = manifest.text("model");
    summary.scheme = manifest.text("scheme");
    summary.created = manifest.text("created");
    summary.status = manifest.text("status");
    summary.detail = manifest.text("detail");
    if (summary.status != "finished") {
        if (runOwner(folder))
            summary.status = "running";
        else if (summary.status == "running")
            summary.status = "interrupted";
        else if (summary.status == "created")
            summary.status = "stopped";
    }
    summary.resumable = summary.status != "finished" && summary.status != "running";
    return summary;
}

Expected<std::vector<float>> valuesOf(const std::string& path, const std::string& name) {
    auto array = readArray(path, name);
    if (!array) return fail(array.error());
    return std::move(array->values);
}

Expected<protocol::FloatArray> coordinatesOf(const std::string& path, const std::string& kind, std::size_t rows) {
    auto array = readArray(path, "coordinates/" + kind);
    if (!array) return fail(array.error());
    if (array->shape != std::vector<std::size_t>{rows, 2})
        return fail(ErrorKind::BadInput, "The coordinates have another shape than the run's evaluation prompts.", path);
    return protocol::FloatArray{{static_cast<std::int64_t>(rows), 2}, std::move(array->values)};
}

/// Boundary and both explained shares.
Expected<std::vector<float>> axesNumbersOf(const std::string& path, const std::string& kind) {
    auto numbers = valuesOf(path, "axes/" + kind + "/numbers");
    if (numbers && numbers->size() != 3) return fail(ErrorKind::BadInput, "The projection's axes are damaged.", path);
    return numbers;
}

}  // namespace

Expected<RunSpec> completedRunSpec(RunSpec spec) {
    anchorModels(spec);
    for (auto& file : spec.prompts) makeAbsolute(file.path);
    makeAbsolute(spec.signature);
    makeAbsolute(spec.continues.run);
    makeAbsolute(spec.perplexityText);
    for (auto& task : spec.tasks) makeAbsolute(task.file);
    makeAbsolute(spec.exportFolder);
    if (spec.name.empty()) spec.name = fs::path(spec.checkpoint).stem().string() + " " + spec.scheme.describe();
    return runSpecFromJson(runSpecToJson(spec), {});
}

Expected<std::string> createRunFolder(const std::string& workspace, const RunSpec& spec) {
    const auto whole = completedRunSpec(spec);
    if (!whole) return fail(whole.error());
    const auto folder = makeTimedFolder((fs::absolute(workspace).lexically_normal() / "runs").string(), whole->name);
    if (!folder) return folder;
    if (auto written = writeFileAtomically(*folder + "/spec.json", runSpecToJson(*whole).dump(2) + "\n"); !written)
        return fail(written.error());
    if (auto saved = Manifest::create(*folder, *whole).save(); !saved) return fail(saved.error());
    return folder;
}

Expected<protocol::RunSummary> readRunSummary(const std::string& folder) {
    const auto manifest = Manifest::read(folder);
    if (!manifest) return fail(manifest.error());
    return summaryOf(folder, *manifest);
}

std::vector<protocol::RunSummary> listRuns(const std::string& workspace) {
    std::vector<protocol::RunSummary> runs;
    std::error_code code;
    for (fs::directory_iterator entry(fs::path(workspace) / "runs", code), end; !code && entry != end;
         entry.increment(code)) {
        auto summary = readRunSummary(entry->path().string());
        if (summary) runs.push_back(std::move(*summary));
    }
    std::sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.folder > b.folder; });
    return runs;
}

Expected<protocol::RunState> readRunState(const std::string& folder) {
    const auto manifest = Manifest::read(folder);
    if (!manifest) return fail(manifest.error());
    const auto spec = readRunSpec(folder + "/spec.json");
    if (!spec) return fail(spec.error());
    protocol::RunState state;
    if (auto table = readPromptTable(folder); table)
        state.prompts = std::move(table->prompts);
    else if (table.error().kind != ErrorKind::NotFound)
        return fail(table.error());
    const auto lines = readJsonLines(folder + "/events.jsonl");
    if (!lines) return fail(lines.error());
    for (const auto& line : *lines) {
        const auto event = protocol::parseMessage<protocol::RunEvent>(line);
        if (event) protocol::applyEvent(state, *event);
    }
    // Events of older runs do not tell it, or not all of it.
    if (spec->patch) {
        auto record = readPatchRecord(folder, *spec->patch, *manifest);
        if (!record) return fail(record.error());
        if (*record) {
            if (state.patch) addPatchNews(**record, *state.patch);
            state.patch = std::move(**record);
        }
    }
    const auto told = state.summary.detail;
    state.summary = summaryOf(folder, *manifest);
    if (state.summary.status == "running" || state.summary.status == "interrupted") state.summary.detail = told;
    state.spec = runSpecToJson(*spec);
    for (const auto& [stage, unit] :
         {std::pair{"capture", "blocks"}, {"tune", "answers"}, {"patch", "answers"}, {"quantize", "blocks"}, {"evaluate", "answers"}, {"export", "tensors"}}) {
        const auto known = [&, name = stage](const auto& each) { return each.stage == name; };
        if (!spec->hasStage(stage) || std::any_of(state.stages.begin(), state.stages.end(), known)) continue;
        protocol::StageProgress waiting;
        waiting.stage = stage;
        waiting.unit = unit;
        state.stages.push_back(std::move(waiting));
    }
    return state;
}

Expected<protocol::ProjectionResult> readProjection(const std::string& folder, int block, const std::string& kind,
                                                    const std::string& probe) {
    if (probe != "transferred" && probe != "refitted")
        return fail(ErrorKind::BadInput, "There is no probe \"" + probe + "\"; there are \"transferred\" and \"refitted\".", "probe");
    if (kind != "probe" && kind != "lda" && kind != "pca")
        return fail(ErrorKind::BadInput,
                    "There is no projection \"" + kind + "\"; there are \"probe\", \"lda\" and \"pca\".");
    auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    const auto base = blockPath(folder, "base", block);
    std::error_code code;
    if (block < 0 || !fs::exists(base, code))
        return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " is not finished yet.", folder);

    protocol::ProjectionResult result;
    result.block = block;
    result.kind = kind;
    result.probe = probe;
    result.prompts = std::move(table->evaluation);
    auto coordinates = coordinatesOf(base, kind, result.prompts.size());
    if (!coordinates) return fail(coordinates.error());
    result.base = std::move(*coordinates);
    auto logits = valuesOf(base, "probe/logits");
    if (!logits) return fail(logits.error());
    result.logitsBase = std::move(*logits);
    const auto numbers = axesNumbersOf(base, kind);
    if (!numbers) return fail(numbers.error());
    result.boundary = static_cast<double>((*numbers)[0]);
    result.explained1 = static_cast<double>((*numbers)[1]);
    result.explained2 = static_cast<double>((*numbers)[2]);
    auto aligned = alignedPlaces(folder, block, kind);
    if (!aligned) return fail(aligned.error());
    result.aligned = std::move(*aligned);

    const auto quantized = blockPath(folder, "quantized", block);
    if (!fs::exists(quantized, code)) return result;
    const bool refitted = probe == "refitted";
    const bool ownAxes = refitted && kind == "probe";
    coordinates = coordinatesOf(quantized, ownAxes ? kRefittedProjection : kind, result.prompts.size());
    if (!coordinates) return fail(coordinates.error());
    result.quantized = std::move(*coordinates);
    if (ownAxes) {
        const auto own = axesNumbersOf(quantized, kRefittedProjection);
        if (!own) return fail(own.error());
        // Each model's points keep their distance from its own boundary, so that one line serves both.
        const float shift = (*numbers)[0] - (*own)[0];
        for (std::size_t i = 0; i < result.quantized.values.size(); i += 2) result.quantized.values[i] += shift;
    }
    logits = valuesOf(quantized, refitted ? "probe/logits" : "transferred/logits");
    if (!logits) return fail(logits.error());
    result.logitsQuantized = std::move(*logits);
    return result;
}

Expected<std::vector<protocol::AnswerItem>> readAnswers(const std::string& folder, const std::vector<int>& prompts) {
    auto answers = AnswerFile::read(folder);
    if (!answers) return answers;
    if (prompts.empty()) return answers;
    std::erase_if(*answers, [&](const auto& answer) {
        return std::find(prompts.begin(), prompts.end(), answer.prompt) == prompts.end();
    });
    return answers;
}

}  // namespace safequant
