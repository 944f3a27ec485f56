// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

#include "core/engine/protocol/messages.h"

namespace safequant::workbench {

/// "Llama family · 30 blocks · 134.5 M · GGUF Q4_1".
QString modelSummary(const protocol::CheckpointInfo& info);

/// What tells the model from others of its size: vocabulary and context, attention, rotary positions, output.
QStringList modelFamilyFacts(const protocol::CheckpointInfo& info);

/// What to know before working with it: a missing template, copies whose tokenizers differ.
QStringList modelNotices(const protocol::CheckpointInfo& info);

}  // namespace safequant::workbench
