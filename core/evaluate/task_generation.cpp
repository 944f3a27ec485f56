// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/task_generation.h"

namespace safequant {

Expected<std::vector<TaskAnswer>> answerTask(LanguageModel& model, const ChatFormat& format, std::span<const TaskItem> items, int newTokens,
                                             const std::function<std::string(const TaskItem&)>& question,
                                             const std::function<bool(const TaskItem&, const std::string&)>& right, const Progress& progress) {
    std::vector<std::vector<std::int32_t>> prompts;
    for (const TaskItem& item : items) {
        auto prompt = format.encodePrompt(question(item));
        if (!prompt) {
            auto error = prompt.error();
            error.context = "task item " + item.id;
            return fail(std::move(error));
        }
        prompts.push_back(std::move(*prompt));
    }
    DecodingOptions decoding;
    decoding.maxNewTokens = newTokens;
    const auto generated = model.generate(prompts, decoding, {}, progress);
    if (!generated) return fail(generated.error());
    std::vector<TaskAnswer> answers;
    for (std::size_t i = 0; i < items.size(); ++i) {
        auto said = format.tokenizer->decode((*generated)[i].tokens, true);
        const bool correct = right(items[i], said);
        answers.push_back({items[i].id, correct, std::move(said)});
    }
    return answers;
}

}  // namespace safequant
