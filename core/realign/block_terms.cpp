// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/realign/block_terms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

/// sigmoid(4) = 0.982: where learnable clipping begins (OmniQuant, section 3.2).
constexpr double kInitialClipping = 4.0;
/// The smallest magnitude in the initial scales.
constexpr float kSmallestMaximum = 1e-5F;

constexpr LinearRole kAttentionInputs[] = {LinearRole::Query, LinearRole::Key, LinearRole::Value};
constexpr LinearRole kFeedForwardInputs[] = {LinearRole::Gate, LinearRole::Up};

std::size_t indexOf(LinearRole role) { return static_cast<std::size_t>(role); }
std::size_t indexOf(Equivalence equivalence) { return static_cast<std::size_t>(equivalence); }

/// Channels of keys and values, for every query head of their group: `[heads * headDim]`.
at::Tensor repeatHeads(const at::Tensor& channels, const DecoderConfig& config) {
    return channels.reshape({config.kvHeads, 1, config.headDim})
        .expand({config.kvHeads, config.heads / config.kvHeads, config.headDim})
        .reshape({-1});
}

/// The largest over the query heads that share a channel of keys and values.
at::Tensor largestOfHeads(const at::Tensor& channels, const DecoderConfig& config) {
    return channels.reshape({config.kvHeads, config.heads / config.kvHeads, config.headDim}).amax({1}).reshape({-1});
}

QuantizedLinear quantizedLinear(const WeightCodes& codes, const QuantizationScheme& scheme, const at::Tensor& weight) {
    return {scheme, static_cast<int>(weight.size(0)), static_cast<int>(weight.size(1)), codes.codes, codes.scales, codes.zeros};
}

/// A weight with the scales that move into it.
at::Tensor scaledWeight(at::Tensor weight, const WeightTerms& terms) {
    if (terms.outputScale.defined()) weight = weight * terms.outputScale.unsqueeze(1);
    if (terms.inputScale.defined()) weight = weight * terms.inputScale;
    return weight;
}

}  // namespace

BlockTerms::BlockTerms(const DecoderConfig& config, const BlockWeights& weights, std::span<const LinearPlan> plan,
                       const LearnableTerms& terms, std::span<const std::vector<float>> inputMaxima, const at::Device& device)
    : m_config(config), m_weights(weights), m_plan(plan.begin(), plan.end()), m_options(terms), m_block(tensorBlock(config, weights, device)) {
    if (plan.size() != kLinearsPerBlock)
        throw std::invalid_argument("[BlockTerms] got a plan of " + std::to_string(plan.size()) + " linears, need " +
                                    std::to_string(kLinearsPerBlock));
    if (terms.initialAlpha > 0.0 && inputMaxima.size() != kLinearsPerBlock)
        throw std::invalid_argument("[BlockTerms] got no input maxima, need those of every linear for initial scales");
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        m_block.linears[i].input = inputOf(m_plan[i].actual);
        if (!m_plan[i].quantized()) continue;
        const at::Tensor& weight = m_block.linears[i].weight;
        const WeightGrid linearGrid = grid(m_plan[i].role);
        const auto leaf = [&](at::IntArrayRef shape, double value) { return at::full(shape, value, weight.options()).requires_grad_(true); };
        const std::int64_t groups = linearGrid.groups(weight.size(1));
        const double clipping = terms.clippingInRange ? 1.0 : kInitialClipping;
        if (terms.clipping) m_terms[i].upper = leaf({weight.size(0), groups}, clipping);
        if (terms.clipping && !linearGrid.symmetric) m_terms[i].lower = leaf({weight.size(0), groups}, clipping);
        if (terms.offsets) m_terms[i].offsets = leaf(weight.sizes(), 0.0);
    }
    const auto initial = initialScales(inputMaxima);
    for (std::size_t i = 0; i < kEquivalences; ++i)
        if (terms.equivalences[i]) m_logScales[i] = initial[i].log().contiguous().requires_grad_(true);
}

std::array<at::Tensor, kEquivalences> BlockTerms::initialScales(std::span<const std::vector<float>> inputMaxima) const {
    const at::TensorOptions options = m_block.linears[0].weight.options();
    std::array<at::Tensor, kEquivalences> scales = {
        at::ones({m_config.hiddenSize}, options), at::ones({m_config.hiddenSize}, options), at::ones({m_config.kvWidth()}, options),
        at::ones({m_config.intermediateSize}, options)};
    if (m_options.initialAlpha <= 0.0) return scales;
    const auto columnMaxima = [&](LinearRole role) { return m_block[role].weight.abs().amax({0}); };
    const auto from = [&](const at::Tensor& activations, const at::Tensor& weights) {
        return activations.clamp_min(static_cast<double>(kSmallestMaximum)).pow(m_options.initialAlpha) /
               weights.clamp_min(static_cast<double>(kSmallestMaximum)).pow(1.0 - m_options.initialAlpha);
    };
    const auto maxima = [&](LinearRole role) { return tensorOf(inputMaxima[indexOf(role)], options.device()); };
    scales[0] = from(maxima(LinearRole::Query), at::maximum(at::maximum(columnMaxima(LinearRole::Query), columnMaxima(LinearRole::Key)),
                                                            columnMaxima(LinearRole::Value)));
    scales[1] = from(maxima(LinearRole::Gate), at::maximum(columnMaxima(LinearRole::Gate), columnMaxima(LinearRole::Up)));
    scales[2] = from(largestOfHeads(maxima(LinearRole::Output), m_config), largestOfHeads(columnMaxima(LinearRole::Output), m_config));
    scales[3] = from(maxima(LinearRole::Down), columnMaxima(LinearRole::Down));
    return scales;
}

WeightGrid BlockTerms::grid(LinearRole role) const {
    const QuantizationScheme& scheme = m_plan[indexOf(role)].actual;
    return {scheme.weightBits, scheme.groupSize, scheme.symmetric};
}

at::Tensor BlockTerms::scale(Equivalence equivalence) const {
    const at::Tensor& logScale = m_logScales[indexOf(equivalence)];
    return logScale.defined() ? logScale.exp() : at::Tensor();
}

WeightTerms BlockTerms::weightTerms(LinearRole role) const {
    const LinearTerms& own = m_terms[indexOf(role)];
    WeightTerms terms;
    const auto factor = [&](const at::Tensor& learned) {
        return learned.defined() && !m_options.clippingInRange ? learned.sigmoid() : learned;
    };
    terms.upper = factor(own.upper);
    terms.lower = factor(own.lower);
    terms.offsets = own.offsets;
    switch (role) {
        case LinearRole::Query:
        case LinearRole::Key: terms.inputScale = scale(Equivalence::NormToQueryKeyValue); break;
        case LinearRole::Value:
            terms.inputScale = scale(Equivalence::NormToQueryKeyValue);
            terms.outputScale = scale(Equivalence::ValueToOutput);
            break;
        case LinearRole::Output:
            terms.inputScale = scale(Equivalence::ValueToOutput);
            if (terms.inputScale.defined()) terms.inputScale = repeatHeads(terms.inputScale, m_config);
            break;
        case LinearRole::Gate: terms.inputScale = scale(Equivalence::NormToGateUp); break;
        case LinearRole::Up:
            terms.inputScale = scale(Equivalence::NormToGateUp);
            terms.outputScale = scale(Equivalence::UpToDown);
            break;
        case LinearRole::Down: terms.inputScale = scale(Equivalence::UpToDown); break;
    }
    if (terms.outputScale.defined()) terms.outputScale = terms.outputScale.reciprocal();
    return terms;
}

TensorBlock BlockTerms::compose() const {
    TensorBlock block = m_block;
    const auto foldNorm = [&](at::Tensor& norm, Equivalence equivalence) {
        if (m_logScales[indexOf(equivalence)].defined()) norm = norm / scale(equivalence);
    };
    foldNorm(block.inputNorm, Equivalence::NormToQueryKeyValue);
    foldNorm(block.preFeedForwardNorm, Equivalence::NormToGateUp);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        const auto role = static_cast<LinearRole>(i);
        TensorLinear& linear = block.linears[i];
        const WeightTerms terms = weightTerms(role);
        if (terms.outputScale.defined() && linear.bias.defined()) linear.bias = linear.bias * terms.outputScale;
        if (m_plan[i].quantized()) {
            linear.weight = fakeQuantizeWeight(linear.weight, terms, grid(role));
            continue;
        }
        linear.weight = scaledWeight(linear.weight, terms);
    }
    return block;
}

std::vector<AdamWGroup> BlockTerms::groups() const {
    AdamWGroup scales, clipping, offsets;
    scales.learningRate = m_options.scaleRate;
    clipping.learningRate = m_options.clippingRate;
    offsets.learningRate = m_options.offsetRate;
    const auto add = [](AdamWGroup& group, const at::Tensor& leaf) {
        if (leaf.defined()) group.parameters.push_back(leaf);
    };
    for (const at::Tensor& logScale : m_logScales) add(scales, logScale);
    for (const LinearTerms& terms : m_terms) {
        add(clipping, terms.upper);
        add(clipping, terms.lower);
        add(offsets, terms.offsets);
    }
    std::vector<AdamWGroup> groups;
    for (AdamWGroup* group : {&scales, &clipping, &offsets})
        if (!group->parameters.empty()) groups.push_back(std::move(*group));
    return groups;
}

void BlockTerms::clamp() {
    const at::NoGradGuard guard;
    for (LinearTerms& terms : m_terms) {
        if (terms.offsets.defined()) terms.offsets.clamp_(-0.5, 0.5);
        if (!m_options.clippingInRange) continue;
        if (terms.upper.defined()) terms.upper.clamp_(0.0, 1.0);
        if (terms.lower.defined()) terms.lower.clamp_(0.0, 1.0);
    }
}

std::vector<at::Tensor> BlockTerms::values() const {
    std::vector<at::Tensor> values;
    for (const AdamWGroup& group : groups())
        for (const at::Tensor& parameter : group.parameters) values.push_back(parameter.detach().clone());
    return values;
}

void BlockTerms::restore(const std::vector<at::Tensor>& values) {
    const at::NoGradGuard guard;
    std::size_t next = 0;
    for (const AdamWGroup& group : groups())
        for (at::Tensor parameter : group.parameters) parameter.copy_(values.at(next++));
}

CodedBlock BlockTerms::finish() const {
    const at::NoGradGuard guard;
    const TensorBlock composed = compose();
    CodedBlock learned;
    BlockWeights& weights = learned.weights;
    weights.index = m_weights.index;
    weights.attentionOutputNorm = m_weights.attentionOutputNorm;
    weights.feedForwardOutputNorm = m_weights.feedForwardOutputNorm;
    weights.queryNorm = m_weights.queryNorm;
    weights.keyNorm = m_weights.keyNorm;
    const auto storedNorm = [&](const at::Tensor& gains) {
        std::vector<float> values = valuesOf(gains);
        if (m_config.normAddsOne)
            for (float& value : values) value -= 1.0F;
        return values;
    };
    weights.inputNorm = storedNorm(composed.inputNorm);
    weights.preFeedForwardNorm = storedNorm(composed.preFeedForwardNorm);
    learned.reports.resize(kLinearsPerBlock);
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        const auto role = static_cast<LinearRole>(i);
        LinearWeights& linear = weights.linears[i];
        linear.bias = valuesOf(composed.linears[i].bias);
        linear.input = composed.linears[i].input;
        QuantizedLinear quantized;
        quantized.scheme = m_plan[i].actual;
        if (m_plan[i].quantized()) {
            const WeightTerms terms = weightTerms(role);
            quantized = quantizedLinear(weightCodes(m_block.linears[i].weight, terms, grid(role)), m_plan[i].actual, m_block.linears[i].weight);
            linear.weight = quantized.dequantize();
            const at::Tensor scaled = scaledWeight(m_block.linears[i].weight, terms);
            learned.reports[i].weightError =
                ((composed.linears[i].weight - scaled).norm() / scaled.norm().clamp_min(std::numeric_limits<float>::min())).item<double>();
        } else {
            linear.weight = matrixOf(composed.linears[i].weight);
        }
        learned.linears.push_back(std::move(quantized));
    }
    return learned;
}

}  // namespace safequant
