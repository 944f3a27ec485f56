// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tuning/latent_blocks.h"

#include <c10/core/GradMode.h>

#include "core/model/clone_block.h"
#include "core/quantize/quantize_block.h"
#include "core/tensor/fake_quantize.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

WeightGrid gridOf(const QuantizationScheme& scheme) {
    return {scheme.weightBits, scheme.groupSize, scheme.symmetric};
}

}  // namespace

void LatentBlocks::add(BlockWeights weights, std::span<const LinearPlan> plan) {
    checkBlockPlan("LatentBlocks::add", plan);
    Block block;
    block.plan.assign(plan.begin(), plan.end());
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) weights.linears[i].input = inputOf(plan[i].actual);
    block.tensors = tensorBlock(m_config, weights, at::kCPU);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        if (!plan[i].quantized()) continue;
        m_parameters.push_back({plan[i].name, block.tensors.linears[i].weight.requires_grad_()});
        weights.linears[i].weight = Matrix();
    }
    block.kept = std::move(weights);
    m_blocks.push_back(std::move(block));
}

TensorBlock LatentBlocks::block(std::size_t index) {
    const bool learning = c10::GradMode::is_enabled();
    const Block& block = m_blocks[index];
    TensorBlock tensors = block.tensors;
    const c10::AutoGradMode leaf(false);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        TensorLinear& linear = tensors.linears[i];
        if (m_fullPrecision) linear.input = {};
        if (!block.plan[i].quantized()) continue;
        linear.weight = m_fullPrecision ? linear.weight.detach()
                                        : fakeQuantizeWeight(linear.weight, {}, gridOf(block.plan[i].actual)).requires_grad_(learning);
    }
    return tensors;
}

void LatentBlocks::learned(std::size_t index, const TensorBlock& used) {
    const c10::AutoGradMode noGradients(false);
    const Block& block = m_blocks[index];
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        if (!block.plan[i].quantized()) continue;
        at::Tensor latent = block.tensors.linears[i].weight;
        const at::Tensor gradient = used.linears[i].weight.grad();
        if (latent.grad().defined())
            latent.mutable_grad().add_(gradient);
        else
            latent.mutable_grad() = gradient.contiguous();
    }
}

CodedBlock LatentBlocks::rounded(std::size_t index) const {
    const Block& block = m_blocks[index];
    BlockWeights weights = cloneOf(block.kept);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i)
        if (block.plan[i].quantized()) weights.linears[i].weight = matrixOf(block.tensors.linears[i].weight.detach());
    return roundedBlock(std::move(weights), block.plan);
}

}  // namespace safequant
