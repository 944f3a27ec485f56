// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include "core/tensor/row_layout.h"

namespace safequant {

/// Shape and constants of causal grouped-query attention.
struct AttentionShape {
    int heads = 0, kvHeads = 0, headDim = 0;
    float scale = 1.0F;    ///< Of the scores.
    float softcap = 0.0F;  ///< Above 0: scores become softcap * tanh(score / softcap).
    int window = 0;        ///< Above 0: a query sees this many positions, its own being the last.
};

/// Causal attention of every row to the rows of its sequence and prefix, differentiable: queries `[rows, heads * headDim]`, keys and
/// values `[rows, kvHeads * headDim]`; `[rows, heads * headDim]`. On the processor without padding, sequences and heads shared out
/// among threads; scores are computed again on the way back, so that memory stays within a head's scores for each thread.
at::Tensor rowAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, const RowLayout& layout,
                        const AttentionShape& shape);

/// The same of ATen's operations on padded sequences, for other devices and to check against.
at::Tensor composeRowAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, const RowLayout& layout,
                               const AttentionShape& shape);

}  // namespace safequant
