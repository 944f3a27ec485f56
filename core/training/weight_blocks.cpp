// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/weight_blocks.h"

#include <c10/core/GradMode.h>

#include <new>

namespace safequant {

Expected<std::shared_ptr<WeightBlocks>> WeightBlocks::load(const Checkpoint& checkpoint, std::span<const LinearRole> roles, const at::Device& device,
                                                           const Progress& progress) {
    const DecoderConfig& config = checkpoint.config();
    auto made = std::make_shared<WeightBlocks>();
    made->m_roles.assign(roles.begin(), roles.end());
    try {
        for (int block = 0; block < config.blocks; ++block) {
            if (progress.stopRequested()) return fail(cancelledError());
            const auto weights = loadBlock(checkpoint, block);
            if (!weights) return fail(weights.error());
            made->m_blocks.push_back(tensorBlock(config, *weights, device));
            for (const LinearRole role : roles) made->m_parameters.push_back({linearName(block, role), made->m_blocks.back()[role].weight.requires_grad_()});
            progress(static_cast<std::uint64_t>(block) + 1, static_cast<std::uint64_t>(config.blocks));
        }
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "There is not enough memory for the model's weights in float32.", checkpoint.path());
    }
    return made;
}

TensorBlock WeightBlocks::block(std::size_t index) {
    const bool learning = c10::GradMode::is_enabled();
    TensorBlock tensors = m_blocks[index];
    const c10::AutoGradMode leaf(false);
    for (const LinearRole role : m_roles) tensors[role].weight = tensors[role].weight.detach().requires_grad_(learning);
    return tensors;
}

void WeightBlocks::learned(std::size_t index, const TensorBlock& used) {
    const c10::AutoGradMode noGradients(false);
    for (const LinearRole role : m_roles) {
        at::Tensor weight = m_blocks[index][role].weight;
        const at::Tensor gradient = used[role].weight.grad();
        if (weight.grad().defined())
            weight.mutable_grad().add_(gradient);
        else
            weight.mutable_grad() = gradient.contiguous();
    }
}

}  // namespace safequant
