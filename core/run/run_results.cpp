// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_results.h"

#include <optional>

#include "core/base/files.h"
#include "core/quantize/method.h"
#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "core/run/run_spec.h"
#include "core/run/task_results.h"

namespace safequant {
namespace {

std::optional<protocol::RunResults> resultsOf(const protocol::RunSummary& run) {
    if (run.status != "finished") return std::nullopt;
    const auto text = readTextFile(run.folder + "/summary.json");
    const auto spec = readRunSpec(run.folder + "/spec.json");
    const auto manifest = Manifest::read(run.folder);
    if (!text || !spec || !manifest) return std::nullopt;
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    // The summary has the fields of the message by the same names, besides others.
    auto results = protocol::parseMessage<protocol::RunResults>(
        {{"metrics", json.value("metrics", nlohmann::json::array())}, {"tasks", json.value("tasks", nlohmann::json::array())}});
    if (!results || results->metrics.empty()) return std::nullopt;
    results->summary = run;
    results->baseBytes = manifest->json().value(nlohmann::json::json_pointer("/model_bytes/base"), -1.0);
    results->quantizedBytes = manifest->json().value(nlohmann::json::json_pointer("/model_bytes/quantized"), -1.0);
    if (spec->hasStage("quantize")) {
        const auto method = findQuantizationMethod(spec->method);
        results->method = method ? std::string((*method)->title) : spec->method;
        if (spec->patch) results->method += " + " + patchTitle(spec->patch->method);
        results->quantizeSeconds = manifest->json().value(nlohmann::json::json_pointer("/timings/quantize/seconds"), -1.0);
        if (spec->patch && results->quantizeSeconds >= 0.0)
            results->quantizeSeconds += manifest->json().value(nlohmann::json::json_pointer("/timings/patch/seconds"), 0.0);
    }
    return std::move(*results);
}

}  // namespace

std::vector<protocol::RunResults> listRunResults(const std::string& workspace) {
    std::vector<protocol::RunResults> all;
    for (const auto& run : listRuns(workspace))
        if (auto results = resultsOf(run)) all.push_back(std::move(*results));
    return all;
}

Expected<std::vector<protocol::TaskRate>> taskRates(const std::string& folder) {
    const auto results = readTaskResults(folder);
    if (!results) return fail(results.error());
    std::vector<protocol::TaskRate> rates;
    for (const auto& result : *results) rates.push_back({result.model, result.task, taskAccuracy(result.answers)});
    return rates;
}

}  // namespace safequant
