// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/linear_product.h"

#include <ATen/ATen.h>
#include <dnnl.h>
#include <torch/csrc/autograd/custom_function.h>

#include <stdexcept>
#include <string>

namespace safequant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The product of two contiguous matrices, either transposed first.
at::Tensor product(const at::Tensor& a, bool transposeA, const at::Tensor& b, bool transposeB) {
    const std::int64_t m = a.size(transposeA ? 1 : 0), k = a.size(transposeA ? 0 : 1), n = b.size(transposeB ? 0 : 1);
    if (!a.is_cpu()) return at::matmul(transposeA ? a.t() : a, transposeB ? b.t() : b);
    at::Tensor c = at::empty({m, n}, a.options());
    multiplyMatrices(transposeA, transposeB, m, n, k, a.data_ptr<float>(), a.size(1), b.data_ptr<float>(), b.size(1), false,
                     c.data_ptr<float>(), n);
    return c;
}

class LinearProduct : public torch::autograd::Function<LinearProduct> {
public:
    static at::Tensor forward(AutogradContext* context, at::Tensor x, at::Tensor weight, at::Tensor bias) {
        x = x.contiguous();
        weight = weight.contiguous();
        at::Tensor y = product(x, false, weight, true);
        if (bias.numel() > 0) y.add_(bias);
        context->save_for_backward({x, weight});
        return y;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor gradient = gradients[0].contiguous();
        variable_list result(3);
        if (context->needs_input_grad(0)) result[0] = product(gradient, false, saved[1], false);
        if (context->needs_input_grad(1)) result[1] = product(gradient, true, saved[0], false);
        if (context->needs_input_grad(2)) result[2] = gradient.sum(0);
        return result;
    }
};

}  // namespace

void multiplyMatrices(bool transposeA, bool transposeB, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
                      const float* b, std::int64_t ldb, bool accumulate, float* c, std::int64_t ldc, float factor) {
    if (m == 0 || n == 0) return;
    const dnnl_status_t status = dnnl_sgemm(transposeA ? 'T' : 'N', transposeB ? 'T' : 'N', m, n, k, factor, a, lda, b, ldb,
                                            accumulate ? 1.0F : 0.0F, c, ldc);
    if (status != dnnl_success)
        throw std::runtime_error("[multiplyMatrices] oneDNN refused a product of " + std::to_string(m) + " x " + std::to_string(n) + " x " +
                                 std::to_string(k) + " (status " + std::to_string(status) + ")");
}

at::Tensor linearProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    // A function of autograd takes no undefined tensor.
    return LinearProduct::apply(x, weight, bias.defined() ? bias : at::empty({0}, x.options()));
}

}  // namespace safequant
