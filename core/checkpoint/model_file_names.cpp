// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/model_file_names.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace safequant {

std::vector<std::string> neededSideFiles(std::span<const std::string> names) {
    const auto has = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    std::set<std::string_view> needed(kSideFileNames.begin(), kSideFileNames.end());
    std::string_view tokenizer;
    for (const std::string_view name : {"tokenizer.json", "tokenizer.model", "tekken.json"}) {
        if (tokenizer.empty() && has(name)) tokenizer = name;
        else needed.erase(name);
    }
    if (tokenizer.empty()) {
        if (has("vocab.json") && has("merges.txt")) needed.insert({"vocab.json", "merges.txt"});
        else needed.insert("qwen.tiktoken");
    }
    std::vector<std::string> files;
    std::copy_if(names.begin(), names.end(), std::back_inserter(files), [&](const std::string& name) { return needed.contains(name); });
    return files;
}

}  // namespace safequant
