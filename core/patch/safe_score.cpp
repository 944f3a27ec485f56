// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/safe_score.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <map>

#include "core/base/random.h"
#include "core/patch/score_choice.h"

namespace safequant {
namespace {

/// Scores of a model, one block at a time: `use` gets each linear's.
Expected<void> eachScore(GridBlocks& blocks, TrainingModel& model, std::span<const TrainingSample* const> samples,
                         const std::function<void(GridBlocks::Module&, const at::Tensor&)>& use, const std::stop_token& stop) {
    std::map<GridBlocks::Module*, at::Tensor> scores;
    blocks.setVisitor([&](GridBlocks::Module& module, const at::Tensor& weight) {
        at::Tensor& sum = scores[&module];
        if (!sum.defined()) sum = at::zeros_like(weight);
        const at::Tensor gradient = weight.grad().contiguous();
        const float* w = weight.data_ptr<float>();
        const float* g = gradient.data_ptr<float>();
        float* total = sum.data_ptr<float>();
        at::parallel_for(0, sum.numel(), 1 << 16, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t i = first; i < last; ++i) total[i] += std::abs(w[i] * g[i]);
        });
        at::Tensor leaf = weight;
        leaf.mutable_grad() = at::Tensor();
    });
    const auto visited = model.visitSampleGradients(
        samples,
        [&](std::size_t /*block*/) {
            for (const auto& [module, score] : scores) use(*module, score);
            scores.clear();
        },
        stop);
    blocks.setVisitor({});
    return visited;
}

}  // namespace

Expected<void> maskCriticalWeights(GridBlocks& blocks, TrainingModel& model, std::span<const TrainingSample* const> samples, const PatchOptions& options,
                                   const std::stop_token& stop) {
    // Masks are put in place together: a score is of the model as it is before.
    std::map<GridBlocks::Module*, at::Tensor> masks;
    const auto moduleIndex = [&](const GridBlocks::Module& module) { return static_cast<std::size_t>(&module - blocks.modules().data()); };
    SharedChoice shared;
    if (options.global) {
        if (auto scored = eachScore(
                blocks, model, samples, [&](auto&, const at::Tensor& scores) { shared.count(scores); }, stop);
            !scored)
            return scored;
        shared.setShare(options.share);
    }
    const auto scored = eachScore(
        blocks, model, samples,
        [&](GridBlocks::Module& module, const at::Tensor& scores) {
            masks[&module] = options.global ? shared.choose(moduleIndex(module), scores)
                                            : largestScores(scores, countOfShare(options.share, scores.numel()));
        },
        stop);
    if (!scored) return scored;
    if (options.global)
        for (const auto& place : shared.rest()) masks[&blocks.modules()[place.linear]].data_ptr<std::uint8_t>()[place.index] = 1;
    for (auto& [module, mask] : masks) module->mask = std::move(mask);
    return {};
}

void maskRandomWeights(GridBlocks& blocks, const PatchOptions& options) {
    for (GridBlocks::Module& module : blocks.modules()) {
        RandomStream random(options.seed, "patch mask, " + module.name);
        module.mask = at::empty(module.grid.latent().sizes(), at::kByte);
        auto* values = module.mask.data_ptr<std::uint8_t>();
        for (std::int64_t i = 0; i < module.mask.numel(); ++i) values[i] = random.uniform() < options.share ? 1 : 0;
    }
}

double maskedShare(const GridBlocks::Module& module) {
    return module.mask.defined() ? static_cast<double>(module.mask.sum().item<std::int64_t>()) / static_cast<double>(module.mask.numel()) : 1.0;
}

}  // namespace safequant
