// SPDX-License-Identifier: GPL-3.0-or-later
// Run specs, and what a run folder holds as text.
#include <string>

#include "core/checkpoint/json_file.h"
#include "core/run/answer_file.h"
#include "core/run/event_log.h"
#include "core/run/manifest.h"
#include "core/run/run_folder.h"
#include "core/run/run_spec.h"
#include "tests/fuzz/scratch_folder.h"
#include "tests/fuzz/targets.h"

namespace safequant::fuzzing {

bool acceptsRunSpec(std::span<const std::byte> input) {
    const auto json = parseStrictJson(textOf(input), "spec.json");
    if (!json) return false;
    const auto spec = runSpecFromJson(*json, "spec.json");
    return spec && runSpecFromJson(runSpecToJson(*spec), "spec.json").has_value();
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
