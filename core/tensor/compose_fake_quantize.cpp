// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits>

#include "core/tensor/fake_quantize.h"

namespace safequant {
namespace {

/// A value whose gradient is that of `x`.
at::Tensor straightThrough(const at::Tensor& value, const at::Tensor& x) { return x + (value - x).detach(); }

at::Tensor roundThrough(const at::Tensor& x) { return straightThrough(x.round(), x); }

/// Rounds groups, the last dimension of `x`, to codes and back. `stored`: scales are kept as bfloat16.
at::Tensor throughCodes(const at::Tensor& x, const at::Tensor& offsets, int bits, bool symmetric, const at::Tensor& upper,
                        const at::Tensor& lower, bool stored) {
    constexpr double kEpsilon = std::numeric_limits<float>::epsilon();
    const double lowest = -static_cast<double>(1 << (bits - 1)), highest = -lowest - 1.0;
    at::Tensor high = std::get<0>(x.max(-1, true)).clamp_min(0.0), low = std::get<0>(x.min(-1, true)).clamp_max(0.0);
    at::Tensor scale;
    if (symmetric) {
        at::Tensor magnitude = at::maximum(high, -low);
        if (upper.defined()) magnitude = magnitude * upper;
        scale = magnitude / ((highest - lowest) / 2.0);
    } else {
        if (upper.defined()) high = high * upper;
        if (lower.defined()) low = low * lower;
        scale = (high - low) / (highest - lowest);
    }
    if (stored) scale = straightThrough(scale.to(at::kBFloat16).to(at::kFloat), scale);
    scale = stored ? at::where(scale == 0.0, at::full_like(scale, kEpsilon), scale) : scale.clamp_min(kEpsilon);
    at::Tensor position = x / scale;
    if (offsets.defined()) position = position + offsets;
    if (symmetric) return roundThrough(position.clamp(lowest, highest)) * scale;
    const at::Tensor zero = roundThrough((lowest - low / scale).clamp(lowest, highest));
    return (roundThrough((position + zero).clamp(lowest, highest)) - zero) * scale;
}

/// LLM.int8()'s activations: entries below a magnitude in 127 steps of their absmax, the others as they are. Gradients pass as if nothing were rounded.
at::Tensor ordinaryThroughCodes(const at::Tensor& x, double keptFrom) {
    const at::Tensor values = x.detach();
    const at::Tensor outliers = values.abs().ge(keptFrom);
    const at::Tensor ordinary = values.masked_fill(outliers, 0.0);
    const at::Tensor absmax = std::get<0>(ordinary.abs().max(1, true));
    const at::Tensor factor = at::where(absmax.gt(0.0), 127.0 / absmax, at::zeros_like(absmax));
    const at::Tensor rounded = at::where(outliers, values, (ordinary * factor).round() * absmax * 7.874015718698502e-3);
    return x + (rounded - values);
}

}  // namespace

at::Tensor composeFakeQuantizeWeight(const at::Tensor& weight, const WeightTerms& terms, const WeightGrid& grid) {
    at::Tensor scaled = weight;
    if (terms.outputScale.defined()) scaled = scaled * terms.outputScale.unsqueeze(1);
    if (terms.inputScale.defined()) scaled = scaled * terms.inputScale;
    const std::int64_t groups = grid.groups(weight.size(1));
    const auto grouped = [&](const at::Tensor& tensor) {
        return tensor.defined() ? tensor.reshape({weight.size(0), groups, -1}) : tensor;
    };
    return throughCodes(grouped(scaled), grouped(terms.offsets), grid.bits, grid.symmetric, grouped(terms.upper), grouped(terms.lower),
                        true)
        .reshape(weight.sizes());
}

at::Tensor composeFakeQuantizeActivations(const at::Tensor& x, const ActivationScheme& scheme) {
    if (scheme.bits >= 16) return x;
    if (scheme.keptFrom > 0.0F) return ordinaryThroughCodes(x, scheme.keptFrom);
    return throughCodes(x, {}, scheme.bits, scheme.symmetric, {}, {}, false);
}

}  // namespace safequant
