// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

#include "core/base/nearest_name.h"
#include "core/run/run_spec.h"
#include "core/run/spec_reader.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "builtin:";
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kBundled{{
    {"default", "prompts/default.jsonl"},
    {"perplexity", "texts/perplexity.txt"},
    {"tasks", "tasks/banking-intents.jsonl"},
    {"default-run", "runs/default.json"},
    {"repair-run", "runs/repair.json"},
    {"assessment", "runs/assessment.json"},
    {"banking-intents-test", "tasks/banking-intents-test.jsonl"},
    {"arc-easy", "tasks/arc-easy.jsonl"},
    {"gsm8k", "tasks/gsm8k.jsonl"},
    {"smollm2-aligned", "models/smollm2-aligned"},
    {"smollm2-eroded", "models/smollm2-eroded"},
}};

std::vector<fs::path> resourceFolders() {
    std::vector<fs::path> folders;
    if (const char* chosen = std::getenv("SAFEQUANT_RESOURCES"); chosen != nullptr && *chosen != '\0')
        folders.emplace_back(chosen);
    std::error_code code;
    const auto program = fs::read_symlink("/proc/self/exe", code);
    if (!code) folders.push_back(program.parent_path().parent_path() / "share" / "safequant");
    folders.emplace_back(SAFEQUANT_SOURCE_RESOURCES);
    return folders;
}

}  // namespace

Expected<std::string> resolveResource(const std::string& name) {
    if (!name.starts_with(kPrefix)) return name;
    const auto id = std::string_view(name).substr(kPrefix.size());
    std::vector<std::string> known;
    for (const auto& [bundled, file] : kBundled) {
        known.push_back(std::string(kPrefix) + std::string(bundled));
        if (bundled != id) continue;
        std::string tried;
        for (const auto& folder : resourceFolders()) {
            std::error_code code;
            const auto path = folder / file;
            if (fs::exists(path, code)) return path.string();
            tried += (tried.empty() ? "" : ", ") + path.string();
        }
        return fail(ErrorKind::NotFound,
                    "This bundled file is missing; looked for " + tried +
                        ". Reinstall, or set SAFEQUANT_RESOURCES to the folder that holds it.",
                    name);
    }
    return fail(ErrorKind::NotFound, "There is no bundled file of this name" + didYouMean(name, known), name);
}

Expected<std::shared_ptr<const Checkpoint>> openModel(const std::string& checkpoint, std::vector<std::string> adapters) {
    for (std::string& adapter : adapters) {
        auto path = resolveResource(adapter);
        if (!path) return fail(path.error());
        adapter = std::move(*path);
    }
    return openCheckpoint(checkpoint, adapters);
}

}  // namespace safequant
