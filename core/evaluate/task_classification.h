// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/evaluate/task.h"

namespace safequant {

/// The question, "Answer with one intent: " and the choices in the model's chat format; right when the greedy answer begins with the
/// right choice. The accuracy after fine-tuning on such questions is FA.
TaskKind classificationTask();

}  // namespace safequant
