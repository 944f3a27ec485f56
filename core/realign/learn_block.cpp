// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/realign/learn_block.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "core/base/random.h"
#include "core/tensor/device.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

void checkOptions(const CalibrationRows& rows, const BlockLearning& options) {
    if (options.epochs < 0 || options.batchSize < 1 || rows.samples().empty())
        throw std::invalid_argument("[learnBlock] got " + std::to_string(options.epochs) + " epochs of " +
                                    std::to_string(rows.samples().size()) + " samples in batches of " + std::to_string(options.batchSize) +
                                    ", need at least none, one and one");
}

/// Batches of an order of samples.
std::vector<CalibrationBatch> batches(const CalibrationRows& rows, const std::vector<std::size_t>& order, int batchSize) {
    std::vector<CalibrationBatch> result;
    for (std::size_t first = 0; first < order.size(); first += static_cast<std::size_t>(batchSize))
        result.push_back(rows.batch(std::span(order).subspan(first, std::min(static_cast<std::size_t>(batchSize), order.size() - first))));
    return result;
}

/// Moves terms by one of the rules.
class Mover {
public:
    Mover(LearningRule rule, BlockTerms& terms, std::uint64_t steps) : m_rule(rule), m_terms(terms), m_steps(steps), m_optimizer(terms.groups()) {}

    void clearGradients() { m_optimizer.clearGradients(); }
    /// One step after a batch with this loss.
    void step(double loss) {
        if (m_rule == LearningRule::AdamW) {
            m_optimizer.step();
        } else {
            if (loss < m_least) {
                m_least = loss;
                m_best = m_terms.values();
            }
            const at::NoGradGuard guard;
            const double left = 1.0 - static_cast<double>(m_done) / static_cast<double>(m_steps);
            for (const AdamWGroup& group : m_terms.groups())
                for (at::Tensor parameter : group.parameters)
                    if (parameter.grad().defined()) parameter.sub_(parameter.grad().sign(), group.learningRate * left);
        }
        ++m_done;
        m_terms.clamp();
    }
    void finish() {
        if (!m_best.empty()) m_terms.restore(m_best);
    }

private:
    LearningRule m_rule;
    BlockTerms& m_terms;
    std::uint64_t m_steps, m_done = 0;
    AdamW m_optimizer;
    double m_least = std::numeric_limits<double>::infinity();
    std::vector<at::Tensor> m_best;
};

std::vector<std::size_t> inOrder(const CalibrationRows& rows) {
    std::vector<std::size_t> order(rows.samples().size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
}

/// Summed error of the samples that are not malicious, as the terms stand.
double benignLoss(const DecoderConfig& config, BlockTerms& terms, const CalibrationRows& rows, const CalibrationStream& input,
                  const BlockLoss& blockLoss, int batchSize, const at::Device& device) {
    const at::NoGradGuard guard;
    double sum = 0.0;
    for (const CalibrationBatch& batch : batches(rows, inOrder(rows), batchSize)) {
        const auto angles = layoutAngles(config, batch.layout, device);
        sum += blockLoss(batch, forwardTensorBlock(config, terms.compose(), batch.layout, angles, CalibrationRows::gather(input, batch, device)))
                   .benign;
    }
    return sum;
}

}  // namespace

std::optional<CodedBlock> learnBlock(const DecoderConfig& config, const BlockWeights& weights, std::span<const LinearPlan> plan,
                                       const CalibrationRows& rows, const CalibrationStream& input, const BlockTargets& targets,
                                       const BlockLearning& options, const at::Device& device, const Progress& progress,
                                       const std::function<void(const EpochLosses&)>& report) {
    checkOptions(rows, options);
    prepareTensorThreads();
    std::vector<std::vector<float>> maxima;
    if (options.terms.initialAlpha > 0.0) maxima = inputMaxima(config, weights, rows, input, options.batchSize, device);
    BlockTerms terms(config, weights, plan, options.terms, maxima, device);
    if (!options.terms.any()) return terms.finish();

    const BlockLoss blockLoss(options.objective, rows, targets, device);
    RandomStream random(options.seed, "learn-block-" + std::to_string(weights.index));
    std::vector<std::size_t> order = inOrder(rows);
    const auto malicious = static_cast<double>(std::count_if(rows.samples().begin(), rows.samples().end(), [&](const auto& sample) {
        return options.objective.isMalicious(sample.kind);
    }));
    const double others = static_cast<double>(order.size()) - malicious;
    const std::size_t steps = (order.size() + static_cast<std::size_t>(options.batchSize) - 1) / static_cast<std::size_t>(options.batchSize);
    const std::uint64_t allSteps = static_cast<std::uint64_t>(options.epochs) * steps;
    Mover mover(options.rule, terms, allSteps);
    const double most = options.guardrail > 0.0
                            ? options.guardrail * benignLoss(config, terms, rows, input, blockLoss, options.batchSize, device) / std::max(others, 1.0)
                            : std::numeric_limits<double>::infinity();
    double share = 1.0;
    std::uint64_t done = 0;
    for (int epoch = 0; epoch < options.epochs; ++epoch) {
        random.shuffle(order);
        EpochLosses losses{.epoch = epoch, .share = share};
        for (const CalibrationBatch& batch : batches(rows, order, options.batchSize)) {
            if (progress.stopRequested()) return std::nullopt;
            const auto angles = layoutAngles(config, batch.layout, device);
            const at::Tensor output =
                forwardTensorBlock(config, terms.compose(), batch.layout, angles, CalibrationRows::gather(input, batch, device));
            const BatchLoss loss = blockLoss(batch, output, share);
            mover.clearGradients();
            loss.total.backward();
            mover.step(loss.benign + loss.malicious + loss.probe);
            losses.benign += loss.benign / std::max(others, 1.0);
            losses.malicious += loss.malicious / std::max(malicious, 1.0);
            losses.probe += loss.probe / static_cast<double>(order.size());
            progress(++done, allSteps);
        }
        if (report) report(losses);
        if (losses.benign > most) share *= 0.5;
    }
    mover.finish();
    return terms.finish();
}

std::vector<std::vector<float>> inputMaxima(const DecoderConfig& config, const BlockWeights& weights, const CalibrationRows& rows,
                                            const CalibrationStream& input, int batchSize, const at::Device& device) {
    const at::NoGradGuard guard;
    TensorBlock block = tensorBlock(config, weights, device);
    std::array<at::Tensor, kLinearsPerBlock> maxima;
    const LinearObserver observe = [&](LinearRole role, const at::Tensor& x) {
        at::Tensor& largest = maxima[static_cast<std::size_t>(role)];
        const at::Tensor here = x.abs().amax({0});
        largest = largest.defined() ? at::maximum(largest, here) : here;
    };
    for (const CalibrationBatch& batch : batches(rows, inOrder(rows), batchSize)) {
        const auto angles = layoutAngles(config, batch.layout, device);
        forwardTensorBlock(config, block, batch.layout, angles, CalibrationRows::gather(input, batch, device), observe);
    }
    std::vector<std::vector<float>> result;
    for (const at::Tensor& largest : maxima) result.push_back(valuesOf(largest));
    return result;
}

}  // namespace safequant
