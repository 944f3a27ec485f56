// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/family.h"

namespace safequant {

/// Phi-3, Phi-3.5 mini and Phi-4 (mini): fused projections, a window on every block or none, LongRope, partly rotating heads.
extern const ModelFamily kPhi3Family;

}  // namespace safequant
