// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/run/session.h"

namespace safequant {

/// Takes over the first blocks that the spec's `continues` names, as the other run's quantizer left them, with what it told of learning them. Blocks
/// that this run has are left. Errors: not_found when the other run lacks a block; mismatch when it quantizes another checkpoint, or these blocks to
/// other schemes or in another rotation; io.
Expected<void> takeContinuedBlocks(Session& session);

}  // namespace safequant
