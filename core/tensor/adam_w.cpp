// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/adam_w.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace safequant {
namespace {

constexpr std::int64_t kValuesAThread = 1 << 15;

/// Numbers of one step that all values of a group share.
struct StepNumbers {
    float shrink;      ///< 1 - rate * decay.
    float rate;        ///< Learning rate over the first moment's bias.
    float secondRoot;  ///< Root of the second moment's bias.
    float beta1, beta2, epsilon;
};

void stepValues(const StepNumbers& numbers, const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& first,
                const at::Tensor& second) {
    float* const p = parameter.data_ptr<float>();
    float* const m = first.data_ptr<float>();
    float* const v = second.data_ptr<float>();
    const float* const g = gradient.data_ptr<float>();
    at::parallel_for(0, parameter.numel(), kValuesAThread, [=](std::int64_t begin, std::int64_t end) {
        const StepNumbers n = numbers;
        for (std::int64_t i = begin; i < end; ++i) {
            m[i] += (1.0F - n.beta1) * (g[i] - m[i]);
            v[i] = n.beta2 * v[i] + (1.0F - n.beta2) * g[i] * g[i];
            p[i] = p[i] * n.shrink - n.rate * m[i] / (std::sqrt(v[i]) / n.secondRoot + n.epsilon);
        }
    });
}

void composeStep(const StepNumbers& numbers, at::Tensor parameter, const at::Tensor& gradient, at::Tensor first, at::Tensor second,
                 at::Tensor scratch) {
    parameter.mul_(numbers.shrink);
    first.lerp_(gradient, 1.0F - numbers.beta1);
    second.mul_(numbers.beta2).addcmul_(gradient, gradient, 1.0F - numbers.beta2);
    at::sqrt_out(scratch, second).div_(numbers.secondRoot).add_(numbers.epsilon);
    parameter.addcdiv_(first, scratch, -numbers.rate);
}

void check(bool holds, const std::string& message) {
    if (!holds) throw std::invalid_argument("[AdamW] got " + message);
}

}  // namespace

AdamW::AdamW(std::vector<AdamWGroup> groups, const AdamWOptions& options) : m_groups(std::move(groups)), m_options(options) {
    const auto isShare = [](double beta) { return beta >= 0.0 && beta < 1.0; };
    check(isShare(options.beta1) && isShare(options.beta2), "a beta outside [0, 1)");
    check(options.epsilon > 0.0, "epsilon " + std::to_string(options.epsilon) + ", need more than 0");
    std::int64_t largest = 0;
    for (const AdamWGroup& group : m_groups) {
        check(group.learningRate > 0.0, "learning rate " + std::to_string(group.learningRate) + ", need more than 0");
        check(group.weightDecay >= 0.0, "weight decay " + std::to_string(group.weightDecay) + ", need 0 or more");
        for (const at::Tensor& parameter : group.parameters) {
            check(parameter.defined() && parameter.scalar_type() == at::kFloat && parameter.is_contiguous() && parameter.is_leaf() &&
                      parameter.requires_grad(),
                  "a tensor that cannot learn, need contiguous float32 leaves that require a gradient");
            m_parameters.push_back(parameter);
            m_first.push_back(at::zeros_like(parameter.detach()));
            m_second.push_back(at::zeros_like(parameter.detach()));
            if (!parameter.is_cpu()) largest = std::max(largest, parameter.numel());
        }
    }
    m_steps.resize(m_parameters.size(), 0);
    if (largest > 0) m_scratch = at::empty({largest}, m_parameters.back().options().requires_grad(false));
}

void AdamW::step(double factor) {
    const c10::AutoGradMode noGradients(false);
    std::size_t next = 0;
    for (const AdamWGroup& group : m_groups) {
        const double rate = group.learningRate * factor;
        for (const at::Tensor& parameter : group.parameters) {
            const std::size_t index = next++;
            if (!parameter.grad().defined()) continue;
            const auto steps = static_cast<double>(++m_steps[index]);
            const StepNumbers numbers{static_cast<float>(1.0 - rate * group.weightDecay),
                                      static_cast<float>(rate / (1.0 - std::pow(m_options.beta1, steps))),
                                      static_cast<float>(std::sqrt(1.0 - std::pow(m_options.beta2, steps))),
                                      static_cast<float>(m_options.beta1), static_cast<float>(m_options.beta2),
                                      static_cast<float>(m_options.epsilon)};
            const at::Tensor gradient = parameter.grad().contiguous();
            if (parameter.is_cpu()) {
                stepValues(numbers, parameter, gradient, m_first[index], m_second[index]);
            } else {
                composeStep(numbers, parameter, gradient, m_first[index], m_second[index],
                            m_scratch.narrow(0, 0, parameter.numel()).view(parameter.sizes()));
            }
        }
    }
}

void AdamW::restore(std::vector<std::int64_t> steps, std::span<const at::Tensor> firstMoments,
                    std::span<const at::Tensor> secondMoments) {
    const std::size_t count = m_parameters.size();
    check(steps.size() == count && firstMoments.size() == count && secondMoments.size() == count, "a state of other parameters");
    for (std::size_t i = 0; i < count; ++i)
        check(firstMoments[i].sizes() == m_first[i].sizes() && secondMoments[i].sizes() == m_second[i].sizes(),
              "moments of another shape than parameter " + std::to_string(i));
    for (std::size_t i = 0; i < count; ++i) {
        m_first[i].copy_(firstMoments[i]);
        m_second[i].copy_(secondMoments[i]);
    }
    m_steps = std::move(steps);
}

void AdamW::clearGradients() {
    for (const at::Tensor& parameter : m_parameters)
        if (at::Tensor& gradient = parameter.mutable_grad(); gradient.defined()) gradient.detach_().zero_();
}

double clipGradients(std::span<const at::Tensor> parameters, double limit) {
    const c10::AutoGradMode noGradients(false);
    std::vector<at::Tensor> norms;
    for (const at::Tensor& parameter : parameters)
        if (parameter.grad().defined()) norms.push_back(parameter.grad().norm());
    if (norms.empty()) return 0.0;
    const double norm = at::stack(norms).to(at::kDouble).norm().item<double>();
    if (limit <= 0.0 || norm <= limit) return norm;
    for (const at::Tensor& parameter : parameters)
        if (at::Tensor& gradient = parameter.mutable_grad(); gradient.defined()) gradient.mul_(limit / (norm + 1e-6));
    return norm;
}

}  // namespace safequant
