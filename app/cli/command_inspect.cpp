// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/cli/command.h"
#include "app/cli/terminal_progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/engine/checkpoint_info.h"
#include "core/run/run_spec.h"
#include "core/text/tokenizer_difference.h"

namespace safequant::cli {
namespace {

struct InspectOptions {
    std::string path;
    std::vector<std::string> adapters;
    std::string otherTokenizer;
    bool tensors = false;
};

/// What the tokenizers and templates of two checkpoints do differently; 1 when they do.
int compareWith(const CommonOptions& options, const Checkpoint& checkpoint, const std::string& otherPath) {
    const auto other = openCheckpoint(otherPath);
    if (!other) return reportError(options, other.error());
    const auto differences = compareTokenizers(checkpoint.tokenizerSource(), (*other)->tokenizerSource());
    if (!differences) return reportError(options, differences.error());
    if (options.json) {
        auto list = nlohmann::json::array();
        for (const auto& [aspect, detail] : *differences) list.push_back({{"aspect", aspect}, {"detail", detail}});
        std::printf("%s\n", nlohmann::json{{"differences", list}}.dump(2).c_str());
    } else {
        for (const auto& [aspect, detail] : *differences) std::printf("%-16s %s\n", aspect.c_str(), detail.c_str());
        if (differences->empty()) std::printf("The tokenizers and chat templates are the same.\n");
    }
    return differences->empty() ? 0 : exitCodeFor(ErrorKind::Failed);
}

int inspect(const CommonOptions& options, const InspectOptions& chosen) {
    if (const auto described = inspectSignature(options, chosen.path)) return *described;
    const auto opened = openModel(chosen.path, chosen.adapters);
    if (!opened) return reportError(options, opened.error());
    const Checkpoint& checkpoint = **opened;
    if (!chosen.otherTokenizer.empty()) return compareWith(options, checkpoint, chosen.otherTokenizer);
    const auto info = checkpointInfo(checkpoint);
    if (options.json) {
        auto json = protocol::toJson(info);
        json["metadata"] = checkpoint.metadata();
        json["config"] = checkpoint.configJson();
        json["activation"] = activationName(checkpoint.config().activation);
        if (chosen.tensors) {
            for (const auto& t : checkpoint.tensors())
                json["tensors"].push_back({{"name", t.name}, {"type", t.storedType}, {"shape", t.shape}, {"bytes", t.bytes}});
        }
        std::printf("%s\n", json.dump(2).c_str());
        return 0;
    }
    std::printf("%s\n  format          %s (%s)\n  family          %s\n  parameters      %.1f M in %s\n  blocks          %d\n"
                "  hidden          %d, intermediate %d\n  heads           %d, key/value %d\n  vocabulary      %d\n"
                "  output          %s\n  context         %d tokens\n  attention       %s\n  rotary          %s\n  activation      %s\n"
                "  chat template   %s\n",
                info.name.c_str(), info.format.c_str(), info.storedTypes.c_str(), info.modelType.c_str(),
                static_cast<double>(info.parameters) / 1e6, sizeText(info.bytes).c_str(), info.blocks, info.hiddenSize,
                info.intermediateSize, info.heads, info.kvHeads, info.vocabulary, info.output.c_str(), info.maxPositions,
                info.attention.c_str(), info.rotaryPositions.c_str(),
                activationName(checkpoint.config().activation), info.hasChatTemplate ? "yes" : "no");
    for (const auto& adapter : info.adapters) std::printf("  adapter         %s\n", adapter.c_str());
    for (const auto& [path, differences] : info.tokenizerCopies) {
        std::printf("  other copy      %s%s\n", path.c_str(), differences.empty() ? ": tokenizer and chat template are the same" : "");
        for (const auto& [aspect, detail] : differences) std::printf("    %-14s%s\n", aspect.c_str(), detail.c_str());
    }
    if (chosen.tensors) {
        for (const auto& t : checkpoint.tensors()) {
            std::string shape;
            for (const auto extent : t.shape) shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
            std::printf("  %-50s %-6s %s\n", t.name.c_str(), t.storedType.c_str(), shape.c_str());
        }
    }
    return 0;
}

}  // namespace

void addInspectCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<InspectOptions>();
    auto* command = app.add_subcommand("inspect", "Say what a checkpoint or an aligned model's signature holds (reads metadata only)");
    command->add_option("checkpoint", chosen->path, "GGUF file, Hugging Face folder, org/name in its local cache, or what `safequant signature` wrote")->required();
    command->add_option("--adapter", chosen->adapters, "PEFT LoRA adapter folder merged into the checkpoint; repeatable")->allow_extra_args(false);
    command->add_flag("--tensors", chosen->tensors, "List every tensor");
    command->add_option("--compare-tokenizer", chosen->otherTokenizer,
                        "Another copy of the model: say only what its tokenizer and chat template do differently (copies in the "
                        "model's own folder are compared anyway)");
    command->footer("Examples:\n  safequant inspect model.gguf\n  safequant inspect model.gguf --compare-tokenizer model-folder\n  safequant inspect model-folder --tensors --json\n  safequant inspect aligned.signature.h5");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return inspect(options, *chosen); }; });
}

}  // namespace safequant::cli
