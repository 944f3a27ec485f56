// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/run/block_results.h"
#include "core/run/evaluation_table.h"
#include "core/run/results_file.h"
#include "core/run/run_folder.h"
#include "core/run/session.h"
#include "core/run/summary_text.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

ArrayFile::Array indexArray(const std::vector<std::size_t>& values) {
    ArrayFile::Array array;
    array.shape = {values.size()};
    for (const auto value : values) array.values.push_back(static_cast<float>(value));
    return array;
}

Expected<void> assembleResults(const Session& session) {
    const auto& inputs = session.inputs();
    const auto& layout = inputs.layout;
    ArrayFile root;
    std::vector<std::size_t> evaluation;
    for (const auto row : layout.evaluationRows) evaluation.push_back(layout.prompts[row]);
    root.arrays["prompts/captured"] = indexArray(layout.prompts);
    root.arrays["prompts/evaluation"] = indexArray(evaluation);
    nlohmann::json table = nlohmann::json::array();
    for (const auto& prompt : inputs.prompts.prompts)
        table.push_back({{"id", prompt.id},
                         {"label", promptLabelName(prompt.label)},
                         {"split", promptSplitName(prompt.split)},
                         {"cluster", prompt.cluster}});
    root.texts["prompts/table"] = table.dump();
    root.texts["summary"] = summaryJson(session.state(), inputs.spec).dump();
    std::vector<std::pair<std::string, std::string>> parts;
    for (const auto* model : {"base", "quantized"}) {
        if (model == std::string("quantized") && !inputs.spec.hasStage("quantize")) continue;
        for (int block = 0; block < inputs.checkpoint->config().blocks; ++block) {
            const auto path = blockPath(session.folder(), model, block);
            const auto stem = fs::path(path).stem().string();
            parts.emplace_back(std::string(model) + "/" + stem.substr(stem.rfind('-') + 1), path);
        }
    }
    return assembleArrayFiles(session.folder() + "/results.h5", root, parts);
}

Expected<void> addHash(nlohmann::json& hashes, const std::string& name, const fs::path& path) {
    std::error_code code;
    if (!fs::is_regular_file(path, code)) return {};
    auto hash = sha256File(path.string());
    if (!hash) return fail(hash.error());
    hashes[name] = std::move(*hash);
    return {};
}

/// Average bits of a quantized weight, with everything its format keeps; nothing where no block was quantized.
std::optional<double> meanBits(const Session& session) {
    double bits = 0.0, weights = 0.0;
    for (const auto& block : session.state().blocks) {
        if (block.model != "quantized" || block.linears.size() != kLinearsPerBlock) continue;
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            if (block.linears[i].actualBits >= 16) continue;
            const auto [rows, cols] = linearShape(session.inputs().checkpoint->config(), static_cast<LinearRole>(i));
            const double size = static_cast<double>(rows) * cols;
            bits += block.linears[i].bitsPerWeight * size;
            weights += size;
        }
    }
    if (weights == 0.0) return std::nullopt;
    return bits / weights;
}

}  // namespace

Expected<void> finishResults(Session& session) {
    const auto& spec = session.inputs().spec;
    if (spec.hasStage("capture"))
        if (auto assembled = assembleResults(session); !assembled) return assembled;
    const auto further = readEvaluationTable(session.folder());
    if (!further) return fail(further.error());
    auto summary = summaryJson(session.state(), spec);
    summary.update(toJson(*further));
    if (auto written = writeFileAtomically(session.folder() + "/summary.json", summary.dump(2) + "\n"); !written) return written;
    if (auto written =
            writeFileAtomically(session.folder() + "/summary.md", summaryMarkdown(session.state(), spec) + evaluationMarkdown(*further));
        !written)
        return written;
    if (const auto bits = meanBits(session)) session.manifest().json()["bits_per_weight"] = *bits;
    auto hashes = resultHashes(session.folder());
    if (!hashes) return fail(hashes.error());
    session.manifest().json()["results"] = std::move(*hashes);
    return session.manifest().save();
}

Expected<nlohmann::json> resultHashes(const std::string& folder) {
    const auto manifest = Manifest::read(folder);
    if (!manifest) return fail(manifest.error());
    nlohmann::json hashes = nlohmann::json::object();
    for (const auto* name : {"generations.jsonl", "patch/pairs.jsonl", "tuning/texts.jsonl", "perplexity.json", "results.h5", "summary.json"})
        if (auto added = addHash(hashes, name, fs::path(folder) / name); !added) return fail(added.error());
    std::error_code code;
    for (const auto* part : {"tasks", "attack"})
        for (fs::directory_iterator entry(fs::path(folder) / part, code), end; !code && entry != end; entry.increment(code))
            if (entry->path().extension() == ".json")
                if (auto added = addHash(hashes, std::string(part) + "/" + entry->path().filename().string(), entry->path()); !added)
                    return fail(added.error());
    for (fs::directory_iterator entry(fs::path(folder) / "blocks", code), end; !code && entry != end;
         entry.increment(code))
        if (entry->path().extension() == ".h5" || entry->path().extension() == ".safetensors")
            if (auto added = addHash(hashes, "blocks/" + entry->path().filename().string(), entry->path()); !added)
                return fail(added.error());
    const auto exported = manifest->json().find("export");
    if (exported == manifest->json().end() || !exported->is_object() || !exported->contains("folder")) return hashes;
    const fs::path target = (*exported)["folder"].get<std::string>();
    for (fs::recursive_directory_iterator entry(target, code), end; !code && entry != end; entry.increment(code))
        if (auto added = addHash(hashes, "export/" + entry->path().lexically_relative(target).string(), entry->path());
            !added)
            return fail(added.error());
    return hashes;
}

}  // namespace safequant
