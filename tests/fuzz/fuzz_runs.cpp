// SPDX-License-Identifier: GPL-3.0-or-later
// Prompt sets, run specs, the engine's messages and what a run folder holds as text.
#include <string>

#include "core/checkpoint/json_file.h"
#include "core/engine/protocol/messages.h"
#include "core/prompts/prompt_reader.h"
#include "core/run/answer_file.h"
#include "core/run/event_log.h"
#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "core/run/run_spec.h"
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

bool acceptsRunSpec(std::span<const std::byte> input) {
    const auto json = parseStrictJson(textOf(input), "spec.json");
    if (!json) return false;
    const auto spec = runSpecFromJson(*json, "spec.json");
    return spec && runSpecFromJson(runSpecToJson(*spec), "spec.json").has_value();
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

bool acceptsRunFolder(std::span<const std::byte> input) {
    const ScratchFolder folder;
    folder.unpackFolder(input);
    static_cast<void>(readRunSummary(folder.path()));
    static_cast<void>(readJsonLines(folder.path() + "/events.jsonl"));
    static_cast<void>(AnswerFile::read(folder.path()));
    const auto manifest = Manifest::read(folder.path());
    const auto state = readRunState(folder.path());
    return manifest && state;
}

}  // namespace safequant::fuzzing
