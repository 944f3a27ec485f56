// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/checkpoint_info.h"

#include <algorithm>
#include <map>

#include "core/checkpoint/config_text.h"
#include "core/text/tokenizer_difference.h"

namespace safequant {

protocol::CheckpointInfo checkpointInfo(const Checkpoint& checkpoint) {
    const auto& config = checkpoint.config();
    protocol::CheckpointInfo info;
    info.path = checkpoint.path();
    info.format = checkpoint.format();
    info.name = config.name;
    info.modelType = config.modelType;
    info.blocks = config.blocks;
    info.hiddenSize = config.hiddenSize;
    info.intermediateSize = config.intermediateSize;
    info.heads = config.heads;
    info.kvHeads = config.kvHeads;
    info.vocabulary = config.vocabulary;
    info.maxPositions = config.maxPositions;
    info.hasChatTemplate = !checkpoint.tokenizerSource().chatTemplate.empty();
    info.attention = attentionText(config);
    info.rotaryPositions = ropeText(config);
    info.output = outputText(config);
    if (const auto metadata = checkpoint.metadata(); metadata.contains("adapters"))
        info.adapters = metadata["adapters"].get<std::vector<std::string>>();
    std::map<std::string, std::uint64_t> bytesByType;
    for (const auto& tensor : checkpoint.tensors()) {
        std::uint64_t count = 1;
        for (const auto extent : tensor.shape) count *= static_cast<std::uint64_t>(extent);
        info.parameters += count;
        info.bytes += tensor.bytes;
        bytesByType[tensor.storedType] += tensor.bytes;
    }
    std::vector<std::pair<std::string, std::uint64_t>> types(bytesByType.begin(), bytesByType.end());
    std::stable_sort(types.begin(), types.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [type, bytes] : types) info.storedTypes += (info.storedTypes.empty() ? "" : ", ") + type;
    for (int block = 0; block < config.blocks; ++block) {
        for (int role = 0; role < kLinearsPerBlock; ++role) {
            const auto linear = static_cast<LinearRole>(role);
            const auto [rows, cols] = linearShape(config, linear);
            info.linears.push_back(linearName(block, linear));
            info.linearRows.push_back(rows);
            info.linearCols.push_back(cols);
        }
    }
    for (const auto& [path, differences] : compareWithCopies(checkpoint)) {
        protocol::TokenizerCopy copy{path, {}};
        for (const auto& [aspect, detail] : differences) copy.differences.push_back({aspect, detail});
        info.tokenizerCopies.push_back(std::move(copy));
    }
    return info;
}

protocol::PromptSetInfo promptSetInfo(const PromptSet& set) {
    protocol::PromptSetInfo info;
    info.name = set.name;
    info.hash = set.hash;
    for (const auto& prompt : set.prompts) {
        info.prompts.push_back({prompt.id, prompt.text, promptLabelName(prompt.label), promptSplitName(prompt.split),
                                prompt.category, prompt.source, prompt.cluster});
        info.clusters = std::max(info.clusters, prompt.cluster + 1);
    }
    for (const auto& notice : set.notices)
        info.notices.push_back(notice.file + ":" + std::to_string(notice.line) + ": " + notice.message);
    return info;
}

}  // namespace safequant
