// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/evaluate/task.h"

namespace safequant {

/// "Question: ...\nAnswer:" without a chat template; the choice of the highest log-likelihood divided by its length in bytes is
/// taken, as acc_norm of the LM Evaluation Harness does.
TaskKind multipleChoiceTask();

}  // namespace safequant
