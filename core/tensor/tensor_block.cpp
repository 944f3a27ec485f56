// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/tensor_block.h"

#include <stdexcept>
#include <string>

#include "core/model/block_runner.h"
#include "core/tensor/fake_quantize.h"
#include "core/tensor/linear_product.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

/// One input of linears, quantized once for all of them that ask for the same scheme.
class LinearInput {
public:
    LinearInput(const TensorBlock& block, at::Tensor x, const LinearObserver& observe)
        : m_block(block), m_x(std::move(x)), m_observe(observe) {}

    at::Tensor operator()(LinearRole role) {
        const TensorLinear& linear = m_block[role];
        if (m_observe) m_observe(role, m_x);
        if (!m_quantized.defined() || m_scheme != linear.input) {
            m_scheme = linear.input;
            m_quantized = fakeQuantizeActivations(m_x, m_scheme);
        }
        at::Tensor y = linearProduct(m_quantized, linear.weight, linear.bias);
        if (linear.change.a.defined())
            y = y + linearProduct(linearProduct(m_x, linear.change.a), linear.change.b) * linear.change.scale;
        return y;
    }

private:
    const TensorBlock& m_block;
    at::Tensor m_x, m_quantized;
    const LinearObserver& m_observe;
    ActivationScheme m_scheme;
};

/// Rotates the leading dimensions of every head, split in halves.
at::Tensor rotated(const at::Tensor& heads, const RowAngles& angles) {
    const std::int64_t half = angles.cosines.size(1), width = heads.size(2);
    const at::Tensor cosines = angles.cosines.unsqueeze(1), sines = angles.sines.unsqueeze(1);
    const at::Tensor first = heads.narrow(2, 0, half), second = heads.narrow(2, half, half);
    std::vector<at::Tensor> parts = {first * cosines - second * sines, second * cosines + first * sines};
    if (2 * half < width) parts.push_back(heads.narrow(2, 2 * half, width - 2 * half));
    return at::cat(parts, 2);
}

at::Tensor activated(Activation activation, const at::Tensor& gate) {
    switch (activation) {
        case Activation::Silu: return at::silu(gate);
        case Activation::GeluTanh: return at::gelu(gate, "tanh");
        case Activation::Gelu: break;
    }
    return at::gelu(gate, "none");
}

}  // namespace

TensorBlock tensorBlock(const DecoderConfig& config, const BlockWeights& weights, const at::Device& device) {
    TensorBlock block;
    for (std::size_t i = 0; i < block.linears.size(); ++i) {
        const LinearWeights& linear = weights.linears[i];
        block.linears[i] = {tensorOf(linear.weight, device), tensorOf(linear.bias, device), linear.input, {}};
    }
    const auto gains = [&](const std::vector<float>& norm) { return tensorOf(normGains(config, norm), device); };
    block.inputNorm = gains(weights.inputNorm);
    block.preFeedForwardNorm = gains(weights.preFeedForwardNorm);
    block.attentionOutputNorm = gains(weights.attentionOutputNorm);
    block.feedForwardOutputNorm = gains(weights.feedForwardOutputNorm);
    block.queryNorm = gains(weights.queryNorm);
    block.keyNorm = gains(weights.keyNorm);
    block.attention = config.blockAttention(weights.index);
    return block;
}

std::vector<RowAngles> layoutAngles(const DecoderConfig& config, const RowLayout& layout, const at::Device& device) {
    std::vector<RowAngles> angles;
    for (std::size_t rope = 0; rope < config.ropes.size(); ++rope) angles.push_back(rowAngles(config, rope, layout, device));
    return angles;
}

at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& gain, float epsilon) {
    return x * at::rsqrt(at::mean(at::square(x), -1, true) + static_cast<double>(epsilon)) * gain;
}

AttentionShape attentionShape(const DecoderConfig& config, const BlockAttention& attention) {
    return {config.heads, config.kvHeads, config.headDim, config.scoreScale(), config.attentionSoftcap, attention.window};
}

at::Tensor forwardTensorBlock(const DecoderConfig& config, const TensorBlock& block, const RowLayout& layout,
                              std::span<const RowAngles> angles, const at::Tensor& hidden, const LinearObserver& observe) {
    if (hidden.dim() != 2 || hidden.size(0) != layout.rows || hidden.size(1) != config.hiddenSize)
        throw std::invalid_argument("[forwardTensorBlock] got " + std::to_string(hidden.numel()) + " values, need " +
                                    std::to_string(layout.rows) + " rows of " + std::to_string(config.hiddenSize));
    const auto attend = [&](const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) {
        return rowAttention(queries, keys, values, layout, attentionShape(config, block.attention));
    };
    return forwardTensorBlockWith(config, block, angles, hidden, attend, observe);
}

at::Tensor forwardTensorBlockWith(const DecoderConfig& config, const TensorBlock& block, std::span<const RowAngles> angles,
                                  const at::Tensor& hidden, const BlockAttend& attend, const LinearObserver& observe) {
    const std::int64_t rows = hidden.size(0);
    const float epsilon = config.normEpsilon;
    const RowAngles& angle = angles[static_cast<std::size_t>(block.attention.rope)];
    const auto heads = [&](at::Tensor x, int count, const at::Tensor& norm) {
        x = x.view({rows, count, config.headDim});
        if (norm.defined()) x = rmsNorm(x, norm, epsilon);
        return rotated(x, angle).view({rows, count * config.headDim});
    };
    const auto branch = [&](const at::Tensor& x, const at::Tensor& norm) { return norm.defined() ? rmsNorm(x, norm, epsilon) : x; };

    LinearInput normed(block, rmsNorm(hidden, block.inputNorm, epsilon), observe);
    const at::Tensor queries = heads(normed(LinearRole::Query), config.heads, block.queryNorm);
    const at::Tensor keys = heads(normed(LinearRole::Key), config.kvHeads, block.keyNorm);
    const at::Tensor values = normed(LinearRole::Value);
    LinearInput attended(block, attend(queries, keys, values), observe);
    const at::Tensor middle = hidden + branch(attended(LinearRole::Output), block.attentionOutputNorm);

    LinearInput normedMiddle(block, rmsNorm(middle, block.preFeedForwardNorm, epsilon), observe);
    const at::Tensor gate = activated(config.activation, normedMiddle(LinearRole::Gate));
    LinearInput product(block, gate * normedMiddle(LinearRole::Up), observe);
    return middle + branch(product(LinearRole::Down), block.feedForwardOutputNorm);
}

}  // namespace safequant
