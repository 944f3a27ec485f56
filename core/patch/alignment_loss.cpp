// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/alignment_loss.h"

namespace safequant {
namespace {

/// sum p (log p - log q) over the last dimension.
at::Tensor sumOfLogs(const at::Tensor& p, const at::Tensor& q) { return (p.exp() * (p - q)).sum(1); }

}  // namespace

at::Tensor divergence(const at::Tensor& logits, const at::Tensor& teacher, const AlignmentTerms& terms) {
    if (terms.topK == 0 || terms.topK >= teacher.size(1)) return sumOfLogs(at::log_softmax(teacher, 1), at::log_softmax(logits, 1));
    const at::Tensor top = std::get<1>(at::topk(teacher, terms.topK, 1));
    if (terms.wholeSoftmax) return sumOfLogs(at::log_softmax(teacher, 1).gather(1, top), at::log_softmax(logits, 1).gather(1, top));
    return sumOfLogs(at::log_softmax(teacher.gather(1, top), 1), at::log_softmax(logits.gather(1, top), 1));
}

}  // namespace safequant
