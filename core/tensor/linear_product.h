// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

namespace safequant {

/// y = x W^T + b, differentiable in all three: x `[rows, in]`, weight `[out, in]`, bias `[out]` or undefined; `[rows, out]`. On the
/// processor oneDNN multiplies, which takes the best instructions it finds at run time, elsewhere ATen. Gradients nobody asks for
/// are not computed.
at::Tensor linearProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

/// C = op(A) op(B) [+ C], row-major float32 on the processor, by oneDNN: A is `[m, k]` (or `[k, m]` transposed), rows `lda` floats
/// apart; likewise B and C. Runs on one thread inside a parallel region.
void multiplyMatrices(bool transposeA, bool transposeB, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
                      const float* b, std::int64_t ldb, bool accumulate, float* c, std::int64_t ldc, float factor = 1.0F);

}  // namespace safequant
