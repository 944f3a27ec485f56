// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/grid_blocks.h"

#include <c10/core/GradMode.h>

#include <cmath>
#include <utility>

#include "core/base/random.h"
#include "core/model/clone_block.h"
#include "core/tensor/linear_product.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

/// A parameter's gradient to add to, zero when there was none.
float* gradientOf(const at::Tensor& parameter) {
    at::Tensor leaf = parameter;
    if (!leaf.grad().defined()) leaf.mutable_grad() = at::zeros(leaf.sizes());
    return leaf.grad().data_ptr<float>();
}

}  // namespace

void GridBlocks::add(const BlockWeights& original, CodedBlock quantized) {
    const int index = static_cast<int>(m_blocks.size());
    Block block;
    block.tensors = tensorBlock(m_config, quantized.weights, at::kCPU);
    block.firstModule = m_modules.size();
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        if (quantized.linears[i].codes.empty()) continue;
        const auto role = static_cast<LinearRole>(i);
        const Matrix& weight = original[role].weight;
        Module module{linearName(index, role), index, role, GridWeight(weight, quantized.linears[i], m_scaled), {}, {}, {}};
        RandomStream random(m_seed, "patch." + module.name);
        const auto in = static_cast<std::int64_t>(weight.cols()), out = static_cast<std::int64_t>(weight.rows());
        const float bound = 1.0F / std::sqrt(static_cast<float>(in));
        std::vector<float> values(static_cast<std::size_t>(m_factors.rank) * weight.cols());
        for (float& value : values) value = bound * static_cast<float>(2.0 * random.uniform() - 1.0);
        module.a = tensorOf(values, at::kCPU).view({m_factors.rank, in}).requires_grad_();
        module.b = at::zeros({out, m_factors.rank}).requires_grad_();
        m_modules.push_back(std::move(module));
        block.tensors[role].weight = at::Tensor();
        quantized.weights.linears[i].weight = Matrix();
        quantized.linears[i] = {};
    }
    block.modules = m_modules.size() - block.firstModule;
    block.quantized = std::move(quantized);
    m_blocks.push_back(std::move(block));
}

std::span<GridBlocks::Module> GridBlocks::modulesOf(std::size_t block) {
    return std::span(m_modules).subspan(m_blocks[block].firstModule, m_blocks[block].modules);
}

at::Tensor GridBlocks::change(const Module& module) const {
    const std::int64_t out = module.b.size(0), in = module.a.size(1), rank = module.a.size(0);
    at::Tensor change = at::empty({out, in});
    multiplyMatrices(false, false, out, in, rank, module.b.data_ptr<float>(), rank, module.a.data_ptr<float>(), in, false, change.data_ptr<float>(), in,
                     factor());
    return change;
}

TensorBlock GridBlocks::block(std::size_t index) {
    const bool learning = c10::GradMode::is_enabled();
    Block& block = m_blocks[index];
    TensorBlock tensors = block.tensors;
    for (const Module& module : modulesOf(index)) {
        at::Tensor* passes = learning && !m_visitor ? &block.passes[static_cast<std::size_t>(module.role)] : nullptr;
        const c10::AutoGradMode leaf(false);
        tensors[module.role].weight = module.grid.rounded(change(module), module.mask, passes).requires_grad_(learning);
    }
    return tensors;
}

void GridBlocks::learned(std::size_t index, const TensorBlock& used) {
    const c10::AutoGradMode noGradients(false);
    for (Module& module : modulesOf(index)) {
        const at::Tensor& weight = used[module.role].weight;
        if (m_visitor) {
            m_visitor(module, weight);
            continue;
        }
        at::Tensor& passes = m_blocks[index].passes[static_cast<std::size_t>(module.role)];
        const at::Tensor gradient = weight.grad().mul_(passes).contiguous();
        passes = at::Tensor();
        const std::int64_t out = gradient.size(0), in = gradient.size(1), rank = module.a.size(0);
        const float* g = gradient.data_ptr<float>();
        multiplyMatrices(false, true, out, rank, in, g, in, module.a.data_ptr<float>(), in, true, gradientOf(module.b), rank, factor());
        multiplyMatrices(true, false, rank, in, out, module.b.data_ptr<float>(), rank, g, in, true, gradientOf(module.a), in, factor());
    }
}

std::vector<at::Tensor> GridBlocks::parameters() const {
    std::vector<at::Tensor> parameters;
    for (const Module& module : m_modules) {
        parameters.push_back(module.a);
        parameters.push_back(module.b);
    }
    return parameters;
}

OpenCodes GridBlocks::openCodes(std::size_t index) const {
    OpenCodes counts;
    const Block& block = m_blocks[index];
    for (std::size_t m = block.firstModule; m < block.firstModule + block.modules; ++m) {
        const Module& module = m_modules[m];
        const auto role = static_cast<std::size_t>(module.role);
        counts.codes[role] = module.grid.start().codes.size();
        counts.open[role] = module.mask.defined() ? static_cast<std::uint64_t>(module.mask.sum().item<std::int64_t>()) : counts.codes[role];
    }
    return counts;
}

PatchedBlock GridBlocks::patched(std::size_t index, const BlockWeights& original) const {
    const Block& block = m_blocks[index];
    PatchedBlock patched;
    patched.open = openCodes(index).open;
    patched.block = {cloneOf(block.quantized.weights), block.quantized.linears, block.quantized.reports};
    // Only what was scaled before it was coded cannot be measured against the checkpoint's weights.
    const bool reports = m_scaled && !patched.block.reports.empty();
    patched.block.reports.assign(reports ? kLinearsPerBlock : 0, {});
    for (std::size_t m = block.firstModule; m < block.firstModule + block.modules; ++m) {
        const Module& module = m_modules[m];
        const auto role = static_cast<std::size_t>(module.role);
        QuantizedLinear coded = module.grid.coded(change(module), module.mask);
        const auto& before = module.grid.start().codes;
        for (std::size_t i = 0; i < before.size(); ++i) patched.changed[role] += before[i] != coded.codes[i] ? 1 : 0;
        if (reports) patched.block.reports[role].weightError = module.grid.relativeError(original[module.role].weight, coded);
        patched.block.weights.linears[role].weight = coded.dequantize();
        patched.block.linears[role] = std::move(coded);
    }
    return patched;
}

}  // namespace safequant
