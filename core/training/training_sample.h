// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/decoder_config.h"
#include "core/text/chat_template.h"

namespace safequant {

/// A conversation to learn the assistant's turns of.
struct TrainingChat {
    std::vector<ChatMessage> messages;
    bool unfinished = false;  ///< The last answer was cut off: that it ends there is not learned.
    std::string origin;       ///< "file:line" or a prompt's id, for messages.
};

/// A conversation as ids.
struct TrainingSample {
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> targets;  ///< Of each token: the id that must follow it, or -1 where nothing is learned.

    std::size_t learned() const;        ///< Targets that are ids.
};

/// Renders and encodes a conversation as a reader of the answers would meet it: each assistant's turn follows the ids of what comes
/// before it with the generation prompt, and is learned up to its end token. White space around answers is dropped, as it is from
/// the ids after the last answer. Errors: bad_input when there is no answer, when the template raises, or when it writes what
/// comes before an answer in another way once the answer is there.
Expected<TrainingSample> encodeChat(const ChatFormat& format, const DecoderConfig& config, const TrainingChat& chat);

}  // namespace safequant
