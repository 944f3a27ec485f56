// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/prompts/prompt_set.h"
#include "core/text/chat_template.h"
#include "tests/benchmarks/benchmark_support.h"

namespace safequant::benchmarks {

/// The first evaluation prompts with a label, at most `count`, as token ids in the checkpoint's template.
inline std::vector<std::vector<std::int32_t>> encodedPrompts(const Options& options, const Checkpoint& checkpoint, PromptLabel label, std::size_t count) {
    const PromptSet set = orThrow(loadPromptSet({options["prompts"]}));
    const ChatFormat format = orThrow(ChatFormat::create(checkpoint.tokenizerSource()));
    std::vector<std::vector<std::int32_t>> prompts;
    for (const std::size_t index : set.indices(label, PromptSplit::Evaluation))
        if (prompts.size() < count) prompts.push_back(orThrow(format.encodePrompt(set.prompts[index].text)));
    return prompts;
}

}  // namespace safequant::benchmarks
