// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/checkpoint.h"
#include "core/engine/protocol/messages.h"
#include "core/prompts/prompt_set.h"

namespace safequant {

/// Facts of a checkpoint as clients show them, with what copies of the model in its folder do differently with text (compareWithCopies).
protocol::CheckpointInfo checkpointInfo(const Checkpoint& checkpoint);

/// A prompt set as clients show it.
protocol::PromptSetInfo promptSetInfo(const PromptSet& set);

}  // namespace safequant
