// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/engine/protocol/placed_messages.h"

namespace safequant {

/// Sends prompts through a run's models, as far as its blocks are finished, and measures their last-token activations with the probes
/// and axes the run keeps. Memory is a block and the prompts. Progress counts blocks of both models. Errors: those of opening the run's
/// checkpoint and of the template; bad_input when there is no prompt or one is empty or too long; not_found when no block is finished.
Expected<protocol::PlacedPrompts> placePrompts(const std::string& folder, const std::vector<std::string>& texts, const Progress& progress = {});

}  // namespace safequant
