// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "core/checkpoint/family.h"

namespace safequant {

/// `model_type` of Gemma 3 with a vision part; its text model is described by `text_config`.
inline constexpr std::string_view kGemma3MultimodalType = "gemma3";

/// Gemma 1: scaled embeddings, gains of 1 + weight, GELU.
extern const ModelFamily kGemmaFamily;
/// Gemma 2: also norms behind both branches, capped scores and logits, a window on every other block.
extern const ModelFamily kGemma2Family;
/// Gemma 3 (text): as Gemma 2 with normalised heads in place of the cap on scores; five blocks of six have a window and rotary
/// positions of their own.
extern const ModelFamily kGemma3Family;

}  // namespace safequant
