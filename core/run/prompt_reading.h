// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/engine/protocol/prompt_messages.h"
#include "core/text/chat_template.h"

namespace safequant {

/// The tokens of one user prompt as `format` gives it to a model. The tokens that other prompts would share, before and behind, are the
/// template's; one that joins characters of both counts as the prompt's. Errors: those of the template.
Expected<protocol::PromptReading> readPrompt(const ChatFormat& format, const std::string& prompt);

}  // namespace safequant
