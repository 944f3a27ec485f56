// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/training_sample.h"

#include <algorithm>

namespace safequant {
namespace {

using Tokens = std::vector<std::int32_t>;

std::string trimmed(const std::string& text) {
    constexpr const char* kSpaces = " \t\r\n\f\v";
    const auto first = text.find_first_not_of(kSpaces);
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

Expected<Tokens> encoded(const ChatFormat& format, std::vector<ChatMessage> messages, bool addGenerationPrompt) {
    const auto spans = format.renderChat(messages, addGenerationPrompt);
    if (!spans) return fail(spans.error());
    return format.tokenizer->encode(std::span<const TextSpan>(*spans));
}

}  // namespace

std::size_t TrainingSample::learned() const {
    return static_cast<std::size_t>(std::count_if(targets.begin(), targets.end(), [](std::int32_t id) { return id >= 0; }));
}

Expected<TrainingSample> encodeChat(const ChatFormat& format, const DecoderConfig& config, const TrainingChat& chat) {
    std::vector<ChatMessage> messages = chat.messages;
    const auto broken = [&](const std::string& problem) { return fail(ErrorKind::BadInput, problem, chat.origin); };
    while (!messages.empty() && messages.back().role != "assistant") messages.pop_back();
    if (messages.empty()) return broken("The conversation has no turn of the assistant, so there is nothing to learn from it.");
    for (ChatMessage& message : messages) {
        if (message.role != "assistant") continue;
        message.content = trimmed(message.content);
        if (message.content.empty()) return broken("An answer of the assistant is empty.");
    }
    auto whole = encoded(format, messages, false);
    if (!whole) return broken(whole.error().message);
    const auto isEnd = [&](std::int32_t id) {
        return std::find(config.endTokens.begin(), config.endTokens.end(), id) != config.endTokens.end();
    };
    std::vector<bool> learned(whole->size(), false);
    std::size_t end = 0;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (messages[i].role != "assistant") continue;
        const auto turns = messages.begin() + static_cast<std::ptrdiff_t>(i);
        const auto before = encoded(format, {messages.begin(), turns}, true);
        if (!before) return broken(before.error().message);
        if (before->size() >= whole->size() || !std::equal(before->begin(), before->end(), whole->begin()))
            return broken("The model's template writes the turns before an answer in another way once the answer follows, so it "
                          "cannot be learned as it will be generated. Give the conversation up to this answer alone.");
        const std::size_t begin = before->size();
        end = begin;
        while (end < whole->size() && !isEnd((*whole)[end])) ++end;
        const bool last = i + 1 == messages.size();
        if (end == whole->size() && !last) {
            const auto behind = encoded(format, {messages.begin(), turns + 1}, false);
            if (!behind) return broken(behind.error().message);
            end = std::min(behind->size(), whole->size());
        } else if (end == whole->size() && !chat.unfinished && !config.endTokens.empty()) {
            whole->push_back(config.endTokens.front());
            learned.push_back(false);
            ++end;
        } else if (end < whole->size() && !(last && chat.unfinished)) {
            ++end;
        }
        std::fill(learned.begin() + static_cast<std::ptrdiff_t>(begin), learned.begin() + static_cast<std::ptrdiff_t>(end), true);
    }
    // The last id has nothing behind it to predict.
    TrainingSample sample;
    sample.tokens.assign(whole->begin(), whole->begin() + static_cast<std::ptrdiff_t>(end - 1));
    for (std::size_t i = 1; i < end; ++i) sample.targets.push_back(learned[i] ? (*whole)[i] : -1);
    if (sample.learned() == 0) return broken("The answer has no tokens.");
    return sample;
}

}  // namespace safequant
