// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "core/model/decoder.h"
#include "core/tensor/row_attention.h"
#include "core/tensor/row_layout.h"

namespace safequant {

/// A low-rank change of a linear: y = x W^T + scale (x A^T) B^T (Hu et al., LoRA, 2021).
struct LowRankChange {
    at::Tensor a;  ///< `[rank, in]`, or undefined: no change.
    at::Tensor b;  ///< `[out, rank]`.
    float scale = 1.0F;
};

/// One linear as tensors.
struct TensorLinear {
    at::Tensor weight;  ///< `[out, in]`.
    at::Tensor bias;    ///< `[out]` or undefined.
    ActivationScheme input;
    LowRankChange change;
};

/// One decoder block as tensors on one device; any of them may require a gradient or be the result of others that do.
struct TensorBlock {
    std::array<TensorLinear, kLinearsPerBlock> linears;  ///< Indexed by LinearRole.
    at::Tensor inputNorm, preFeedForwardNorm;            ///< Gains `[hidden]`, with the 1 of normAddsOne.
    at::Tensor attentionOutputNorm, feedForwardOutputNorm;  ///< Undefined without postNorms.
    at::Tensor queryNorm, keyNorm;                          ///< `[headDim]`; undefined without qkNorm.
    BlockAttention attention;

    TensorLinear& operator[](LinearRole role) { return linears[static_cast<std::size_t>(role)]; }
    const TensorLinear& operator[](LinearRole role) const { return linears[static_cast<std::size_t>(role)]; }
};

/// The weights of a block on a device.
TensorBlock tensorBlock(const DecoderConfig& config, const BlockWeights& weights, const at::Device& device);

/// Rotary angles of a layout for each of a configuration's ropes.
std::vector<RowAngles> layoutAngles(const DecoderConfig& config, const RowLayout& layout, const at::Device& device);

/// y = x / sqrt(mean(x^2) + epsilon) * gain over the last dimension, differentiable.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& gain, float epsilon);

/// Sees the input of every linear, `[rows, in]`, before it is quantized.
using LinearObserver = std::function<void(LinearRole role, const at::Tensor& input)>;

/// The block's output for `hidden` `[rows, hidden]`, differentiable in everything: what forwardBlock computes, for learning.
/// Activations are fake-quantized where a linear's `input` says so. Throws std::invalid_argument on rows that do not fit.
at::Tensor forwardTensorBlock(const DecoderConfig& config, const TensorBlock& block, const RowLayout& layout,
                              std::span<const RowAngles> angles, const at::Tensor& hidden, const LinearObserver& observe = {});

/// The same with attention of the caller's: of rotated queries `[rows, heads * headDim]`, keys and values
/// `[rows, kvHeads * headDim]` to `[rows, heads * headDim]`. `angles` are those of the rows, one for each rope.
using BlockAttend = std::function<at::Tensor(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values)>;
at::Tensor forwardTensorBlockWith(const DecoderConfig& config, const TensorBlock& block, std::span<const RowAngles> angles,
                                  const at::Tensor& hidden, const BlockAttend& attend, const LinearObserver& observe = {});

/// Shape and constants of a block's attention.
AttentionShape attentionShape(const DecoderConfig& config, const BlockAttention& attention);

}  // namespace safequant
