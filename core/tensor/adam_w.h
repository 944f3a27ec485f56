// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

namespace safequant {

/// Parameters that learn at one rate.
struct AdamWGroup {
    std::vector<at::Tensor> parameters;  ///< Contiguous float32 leaves that require a gradient.
    double learningRate = 1e-3;          ///< Above 0.
    double weightDecay = 0.0;            ///< Decoupled: a step first scales parameters by 1 - rate * decay.
};

struct AdamWOptions {
    double beta1 = 0.9, beta2 = 0.999;  ///< In [0, 1).
    double epsilon = 1e-8;              ///< Added to the root of the second moment.
};

/// AdamW (Loshchilov and Hutter 2019, algorithm 2), the numbers of torch.optim.AdamW. On the processor a step is one pass over
/// each parameter; nothing is allocated after the first step.
class AdamW {
public:
    /// Throws std::invalid_argument on a parameter that is no contiguous float32 leaf with a gradient, or a number out of range.
    explicit AdamW(std::vector<AdamWGroup> groups, const AdamWOptions& options = {});

    /// One step along the parameters' gradients, every group's learning rate times `factor` (a schedule's). Parameters without
    /// a gradient, and their moments, stay as they are.
    void step(double factor = 1.0);
    /// Sets gradients to zero in place.
    void clearGradients();

    const std::vector<at::Tensor>& parameters() const { return m_parameters; }  ///< Of all groups, in order.
    /// Steps that each of `parameters()` has taken.
    const std::vector<std::int64_t>& steps() const { return m_steps; }
    /// Moving averages of gradients and of their squares, one for each of `parameters()`, zero at the start.
    const std::vector<at::Tensor>& firstMoments() const { return m_first; }
    const std::vector<at::Tensor>& secondMoments() const { return m_second; }
    /// Goes on from a state that was kept; parameters are the caller's to put back. Throws std::invalid_argument on other shapes.
    void restore(std::vector<std::int64_t> steps, std::span<const at::Tensor> firstMoments, std::span<const at::Tensor> secondMoments);

private:
    std::vector<AdamWGroup> m_groups;
    AdamWOptions m_options;
    std::vector<at::Tensor> m_parameters, m_first, m_second;
    at::Tensor m_scratch;  // For devices other than the processor.
    std::vector<std::int64_t> m_steps;
};

/// Scales gradients in place so that their norm over all parameters is at most `limit` (torch's clip_grad_norm_); returns the norm
/// before, in which parameters without a gradient do not count. `limit` 0: nothing is scaled.
double clipGradients(std::span<const at::Tensor> parameters, double limit);

}  // namespace safequant
