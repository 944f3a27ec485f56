// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/whole_blocks.h"

#include <c10/core/GradMode.h>

#include <stdexcept>

#include "core/model/decoder.h"

namespace safequant {

TensorBlock WholeBlocks::block(std::size_t index) {
    const auto weights = loadBlock(*m_checkpoint, static_cast<int>(index));
    if (!weights) throw std::runtime_error(weights.error().describe());
    TensorBlock tensors = tensorBlock(m_checkpoint->config(), *weights, at::kCPU);
    if (m_visitor && c10::GradMode::is_enabled())
        for (TensorLinear& linear : tensors.linears) linear.weight.requires_grad_();
    return tensors;
}

void WholeBlocks::learned(std::size_t index, const TensorBlock& used) {
    const c10::AutoGradMode noGradients(false);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        at::Tensor weight = used.linears[i].weight;
        m_visitor(static_cast<int>(index), static_cast<LinearRole>(i), weight);
        weight.mutable_grad() = at::Tensor();
    }
}

}  // namespace safequant
