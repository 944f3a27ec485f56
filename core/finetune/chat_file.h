// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/finetune/finetune_spec.h"
#include "core/training/training_sample.h"

namespace safequant {

/// Reads every row of a JSON Lines file of conversations. Errors: not_found, io; bad_input naming line and field.
Expected<std::vector<TrainingChat>> readChatFile(const ChatFile& file);

/// A row as `ChatFile` reads it: {"messages": [{"role", "content"}, ...]}, with "unfinished": true where the last answer was cut off.
nlohmann::json chatToJson(const TrainingChat& chat);

}  // namespace safequant
