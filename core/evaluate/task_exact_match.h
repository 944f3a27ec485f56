// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "core/evaluate/task.h"

namespace safequant {

/// The last number written in a text, after "####" where that stands (GSM8K's mark); commas inside numbers are passed over.
std::optional<double> numberIn(std::string_view text);

/// The question alone in the model's chat format, no examples; right when the number in the greedy answer is the right one.
TaskKind exactMatchTask();

}  // namespace safequant
