// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include "core/patch/patch_options.h"

namespace safequant {

/// KL(P || Q) of every row in nats, `[rows]`, P the softmax of `teacher` and Q that of `logits`, both `[rows, vocabulary]`; differentiable
/// in `logits`. With `terms.topK` over the teacher's most likely tokens alone: either probabilities of the whole vocabulary, whose sum over
/// a part is no divergence and may be negative, or those of the tokens among themselves.
at::Tensor divergence(const at::Tensor& logits, const at::Tensor& teacher, const AlignmentTerms& terms);

}  // namespace safequant
