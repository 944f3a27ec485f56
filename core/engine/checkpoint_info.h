// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "core/checkpoint/checkpoint.h"
#include "core/engine/protocol/messages.h"
#include "core/prompts/prompt_set.h"

namespace safequant {

/// Facts of a checkpoint as clients show them.
protocol::CheckpointInfo checkpointInfo(const Checkpoint& checkpoint);

/// What copies of the model in its folder do differently with text (compareWithCopies): a list of {path, differences: [{aspect,
/// detail}]}. `checkpoint/open` and `safequant inspect --json` have it as "tokenizer_copies".
nlohmann::json tokenizerCopies(const Checkpoint& checkpoint);

/// A prompt set as clients show it.
protocol::PromptSetInfo promptSetInfo(const PromptSet& set);

}  // namespace safequant
