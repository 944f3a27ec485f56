// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/safe_score.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "core/base/random.h"

namespace safequant {
namespace {

/// Counts scores by exponent and the first bits of the mantissa, so that a threshold over a whole model needs no scores kept.
class ScoreHistogram {
public:
    void add(const at::Tensor& scores) {
        const float* values = scores.data_ptr<float>();
        for (std::int64_t i = 0; i < scores.numel(); ++i) ++m_counts[bin(values[i])];
        m_total += static_cast<std::uint64_t>(scores.numel());
    }
    /// The least score of the bins that hold `share` of all, the largest first; within a bin, 1 part in 256 wide, all are taken.
    float threshold(double share) const {
        const auto wanted = static_cast<std::uint64_t>(std::llround(share * static_cast<double>(m_total)));
        std::uint64_t seen = 0;
        std::size_t index = m_counts.size();
        while (index > 0 && seen < wanted) seen += m_counts[--index];
        return std::bit_cast<float>(static_cast<std::uint32_t>(index) << kDropped);
    }

private:
    static constexpr int kDropped = 15;  // Scores are not negative: their bits are in their order.
    static std::size_t bin(float score) { return std::bit_cast<std::uint32_t>(score) >> kDropped; }

    std::vector<std::uint64_t> m_counts = std::vector<std::uint64_t>(std::size_t{1} << (32 - 1 - kDropped), 0);
    std::uint64_t m_total = 0;
};

/// The largest score that `share` of them stay at or above.
float ownThreshold(const at::Tensor& scores, double share) {
    const auto count = static_cast<std::size_t>(scores.numel());
    const auto kept = std::clamp<std::size_t>(static_cast<std::size_t>(std::llround(share * static_cast<double>(count))), 1, count);
    std::vector<float> values(scores.data_ptr<float>(), scores.data_ptr<float>() + count);
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(count - kept);
    std::nth_element(values.begin(), place, values.end());
    return *place;
}

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
    std::vector<std::pair<GridBlocks::Module*, at::Tensor>> masks;
    std::optional<float> everywhere;
    if (options.global) {
        ScoreHistogram histogram;
        if (auto scored = eachScore(blocks, model, samples, [&](auto&, const at::Tensor& scores) { histogram.add(scores); }, stop); !scored)
            return scored;
        everywhere = histogram.threshold(options.share);
    }
    const auto scored = eachScore(
        blocks, model, samples,
        [&](GridBlocks::Module& module, const at::Tensor& scores) {
            const float threshold = everywhere ? *everywhere : ownThreshold(scores, options.share);
            masks.emplace_back(&module, scores.ge(threshold).to(at::kByte));
        },
        stop);
    if (!scored) return scored;
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
