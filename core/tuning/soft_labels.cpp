// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tuning/soft_labels.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace safequant {
namespace {

/// Rows whose logits are there at once.
constexpr std::int64_t kRowsAtOnce = 256;

}  // namespace

SoftLoss softCrossEntropy(const TrainingModel& model, const at::Tensor& hidden, const at::Tensor& taught, at::Tensor* gradient) {
    if (hidden.size(0) != taught.size(0))
        throw std::invalid_argument("[softCrossEntropy] got labels of " + std::to_string(taught.size(0)) + " rows, need " +
                                    std::to_string(hidden.size(0)));
    if (gradient != nullptr) *gradient = at::empty_like(hidden);
    at::Tensor losses = at::empty({hidden.size(0)}, hidden.options()), entropies = at::empty_like(losses);
    for (std::int64_t first = 0; first < hidden.size(0); first += kRowsAtOnce) {
        const std::int64_t count = std::min(kRowsAtOnce, hidden.size(0) - first);
        at::Tensor probabilities;
        {
            const c10::AutoGradMode noGradients(false);
            const at::Tensor logs = at::log_softmax(model.logitsOfInputs(taught.narrow(0, first, count)), 1);
            probabilities = logs.exp();
            entropies.narrow(0, first, count).copy_((probabilities * logs).sum(1).neg());
        }
        const c10::AutoGradMode mode(gradient != nullptr);
        const at::Tensor x = hidden.narrow(0, first, count).detach().requires_grad_(gradient != nullptr);
        const at::Tensor loss = (probabilities * at::log_softmax(model.logits(x), 1)).sum(1).neg();
        losses.narrow(0, first, count).copy_(loss.detach());
        if (gradient == nullptr) continue;
        loss.sum().backward();
        gradient->narrow(0, first, count).copy_(x.grad());
    }
    return {losses.sum(at::kDouble).item<double>(), entropies.sum(at::kDouble).item<double>()};
}

}  // namespace safequant
