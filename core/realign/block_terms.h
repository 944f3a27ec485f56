// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <span>
#include <vector>

#include "core/model/decoder.h"
#include "core/quantize/coded_block.h"
#include "core/quantize/scheme.h"
#include "core/realign/learning_options.h"
#include "core/tensor/adam_w.h"
#include "core/tensor/fake_quantize.h"
#include "core/tensor/tensor_block.h"

namespace safequant {

/// The learnable terms of one block over its frozen full-precision weights.
class BlockTerms {
public:
    /// `inputMaxima`: largest magnitude of each input channel of every linear, `[kLinearsPerBlock][in]`; used with initialAlpha alone,
    /// else may be empty. `plan`: the block's seven entries.
    BlockTerms(const DecoderConfig& config, const BlockWeights& weights, std::span<const LinearPlan> plan, const LearnableTerms& terms,
               std::span<const std::vector<float>> inputMaxima, const at::Device& device);

    /// The block as it would be quantized now, differentiable in the terms.
    TensorBlock compose() const;
    /// What learns, each kind at its rate.
    std::vector<AdamWGroup> groups() const;
    /// Brings terms back into their ranges; after every step.
    void clamp();
    /// Copies of all that learns, in the order of groups(), and back.
    std::vector<at::Tensor> values() const;
    void restore(const std::vector<at::Tensor>& values);
    CodedBlock finish() const;

private:
    struct LinearTerms {
        at::Tensor upper, lower, offsets;  // Undefined: not learned.
    };
    at::Tensor scale(Equivalence equivalence) const;
    /// What a linear is rounded with: scales of the equivalences and the terms of its own.
    WeightTerms weightTerms(LinearRole role) const;
    WeightGrid grid(LinearRole role) const;
    std::array<at::Tensor, kEquivalences> initialScales(std::span<const std::vector<float>> inputMaxima) const;

    const DecoderConfig& m_config;
    const BlockWeights& m_weights;
    std::vector<LinearPlan> m_plan;
    LearnableTerms m_options;
    TensorBlock m_block;
    std::array<at::Tensor, kEquivalences> m_logScales;
    std::array<LinearTerms, kLinearsPerBlock> m_terms;
};

}  // namespace safequant
