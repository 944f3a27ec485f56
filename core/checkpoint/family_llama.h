// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/family.h"

namespace safequant {

/// Llama 1 to 3 and its many relatives (TinyLlama, SmolLM2, ...): biases only where attention_bias or mlp_bias say so.
extern const ModelFamily kLlamaFamily;
/// Mistral 7B: Llama with a window on every block (v0.1) or none (later ones).
extern const ModelFamily kMistralFamily;

}  // namespace safequant
