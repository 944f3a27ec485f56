// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/family.h"

namespace safequant {

/// Qwen2 and Qwen2.5: biases on query, key and value.
extern const ModelFamily kQwen2Family;
/// Qwen3 (dense): normalised heads of queries and keys, heads of a size of their own.
extern const ModelFamily kQwen3Family;

}  // namespace safequant
