// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/prompt_check.h"

#include "core/checkpoint/checkpoint.h"
#include "core/text/chat_template.h"

namespace safequant {

Expected<CheckedPrompts> checkPromptsFor(const PromptSource& source, const std::string& checkpoint, const std::string& systemPrompt,
                                         int answerTokens) {
    const auto files = resolvePromptFiles(source.files);
    if (!files) return fail(files.error());
    PromptChecks checks;
    checks.split = source.split;
    checks.allowOverlap = source.allowOverlap;
    checks.answerTokens = answerTokens;
    ChatFormat format;
    if (!checkpoint.empty()) {
        const auto opened = openCheckpoint(checkpoint);
        if (!opened) return fail(opened.error());
        auto created = ChatFormat::create((*opened)->tokenizerSource(), systemPrompt);
        if (!created) return fail(created.error());
        format = std::move(*created);
        checks.context = (*opened)->config().maxPositions;
        checks.countTokens = [&format](const std::string& prompt) -> Expected<int> {
            const auto ids = format.encodePrompt(prompt);
            if (!ids) return fail(ids.error());
            return static_cast<int>(ids->size());
        };
    }
    return checkPrompts(*files, checks);
}

}  // namespace safequant
