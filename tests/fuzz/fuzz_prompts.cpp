// SPDX-License-Identifier: GPL-3.0-or-later
// Prompt sets and the engine's messages.
#include <string>

#include "core/engine/protocol/messages.h"
#include "core/prompts/prompt_reader.h"
#include "tests/fuzz/scratch_folder.h"
#include "tests/fuzz/targets.h"

namespace safequant::fuzzing {

/// Every format, found from the content or said, with a label for the whole file: any of them may take it.
bool acceptsPrompts(std::span<const std::byte> input) {
    bool accepted = parsePromptSet(std::string(textOf(input)), "prompts").has_value();
    for (const auto format : {PromptFormat::Auto, PromptFormat::Csv, PromptFormat::Json, PromptFormat::JsonLines, PromptFormat::Text}) {
        PromptReader reader;
        PromptFile file;
        file.path = "prompts";
        file.format = format;
        file.label = PromptLabel::Benign;
        reader.read(file, textOf(input));
        auto read = reader.finish();
        accepted = accepted || (read.problemCount == 0 && format == PromptFormat::Auto);
        (void)arrangePrompts(read, {});
    }
    return accepted;
}

bool acceptsProtocol(std::span<const std::byte> input) {
    protocol::FrameReader reader;
    const std::string_view text = textOf(input);
    reader.feed(text.substr(0, text.size() / 2));
    static_cast<void>(reader.next());
    reader.feed(text.substr(text.size() / 2));
    bool any = false;
    while (true) {
        const auto message = reader.next();
        if (!message || !*message) return any && message.has_value();
        any = true;
        protocol::RunState state;
        protocol::RunEvent event;
        try {
            fromJson(**message, event);
            applyEvent(state, event);
        } catch (const nlohmann::json::exception&) {
            return false;
        }
    }
}

}  // namespace safequant::fuzzing
