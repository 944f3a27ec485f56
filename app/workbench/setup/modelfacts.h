// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "core/engine/protocol/messages.h"

namespace safequant::workbench {

/// "Llama family · 30 blocks · 134.5 M · GGUF Q4_1".
QString modelSummary(const protocol::CheckpointInfo& info);

/// What tells the model from others of its size, a line each: vocabulary and context, attention, rotary positions, output.
QString modelFamilyFacts(const protocol::CheckpointInfo& info);

}  // namespace safequant::workbench
