// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/critical_weights.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "core/base/random.h"
#include "core/checkpoint/decoder_tensors.h"
#include "core/patch/score_choice.h"
#include "core/patch/whole_blocks.h"
#include "core/quantize/quantize_block.h"
#include "core/tensor/device.h"
#include "core/training/tensor_file.h"
#include "core/training/training_model.h"

namespace safequant {
namespace {

/// What one sample's gradient adds to a weight's score: by `factor` times |w g|, or (`scale` g)^2.
struct Share {
    float factor = 1.0F, scale = 1.0F;
};

WeightBits bitsOf(const at::Tensor& mask) { return packBits({mask.data_ptr<std::uint8_t>(), static_cast<std::size_t>(mask.numel())}); }

std::size_t weightsOf(const DecoderConfig& config, const LinearPlan& plan) {
    const auto [out, in] = linearShape(config, plan.role);
    return static_cast<std::size_t>(out) * static_cast<std::size_t>(in);
}

/// Scores of a checkpoint's weights, one block at a time.
class Scoring {
public:
    Scoring(std::shared_ptr<const Checkpoint> checkpoint, std::span<const LinearPlan> plan, std::span<const ScoredSample> samples,
            const PatchOptions& options, const Progress& progress)
        : m_checkpoint(std::move(checkpoint)),
          m_plan(plan),
          m_protects(options.mask == PatchMask::Protection),
          m_options(options),
          m_progress(progress) {
        std::size_t refusals = 0, others = 0;
        for (const ScoredSample& scored : samples) (scored.refusal ? refusals : others) += 1;
        for (const ScoredSample& scored : samples) {
            if (!scored.refusal && (!m_protects || options.generalWeight == 0.0)) continue;
            Share share;
            share.factor = scored.refusal ? 1.0F / static_cast<float>(refusals)
                                          : -static_cast<float>(options.generalWeight) / static_cast<float>(others);
            share.scale = 1.0F / static_cast<float>(scored.sample.learned());
            m_samples.push_back(&scored.sample);
            m_shares.push_back(share);
        }
    }

    Expected<WeightChoice> choose() {
        auto model = TrainingModel::load(
            m_checkpoint,
            std::make_shared<WholeBlocks>(m_checkpoint, [this](int block, LinearRole role, const at::Tensor& w) { add(block, role, w); }),
            at::kCPU, 0);
        if (!model) return fail(model.error());
        m_passes = m_options.global ? 2 : 1;
        SharedChoice shared;
        if (m_options.global) {
            if (auto scored = pass(*model, [&](std::size_t, const at::Tensor& scores) { shared.count(scores); }); !scored)
                return fail(scored.error());
            shared.setShare(m_options.share);
        }
        WeightChoice choice;
        const auto scored = pass(*model, [&](std::size_t linear, const at::Tensor& scores) {
            choice[m_plan[linear].name] = bitsOf(m_options.global ? shared.choose(linear, scores)
                                                                  : largestScores(scores, countOfShare(m_options.share, scores.numel())));
        });
        if (!scored) return fail(scored.error());
        if (m_options.global)
            for (const auto& place : shared.rest()) setBit(choice[m_plan[place.linear].name], static_cast<std::size_t>(place.index));
        return choice;
    }

private:
    void add(int block, LinearRole role, const at::Tensor& weight) {
        const auto linear = static_cast<std::size_t>(block) * kLinearsPerBlock + static_cast<std::size_t>(role);
        if (role == LinearRole::Query) ++m_sample;
        if (!m_plan[linear].quantized()) return;
        at::Tensor& sum = m_scores[linear];
        if (!sum.defined()) sum = at::zeros_like(weight);
        const at::Tensor gradient = weight.grad().contiguous();
        const float* w = weight.data_ptr<float>();
        const float* g = gradient.data_ptr<float>();
        float* total = sum.data_ptr<float>();
        const Share share = m_shares[m_sample - 1];
        at::parallel_for(0, sum.numel(), 1 << 16, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t i = first; i < last; ++i) {
                const float scaled = share.scale * g[i];
                total[i] += share.factor * (m_protects ? scaled * scaled : std::abs(w[i] * g[i]));
            }
        });
    }

    Expected<void> pass(TrainingModel& model, const std::function<void(std::size_t linear, const at::Tensor& scores)>& use) {
        bool numbers = true;
        m_sample = 0;
        const auto visited = model.visitSampleGradients(
            m_samples,
            [&](std::size_t /*block*/) {
                for (const auto& [linear, scores] : m_scores) {
                    numbers = numbers && at::isfinite(scores).all().item<bool>();
                    if (numbers) use(linear, scores);
                }
                m_scores.clear();
                m_sample = 0;
                m_progress(++m_done, m_passes * static_cast<std::uint64_t>(m_checkpoint->config().blocks));
            },
            m_progress.stop);
        if (!visited) return visited;
        if (!numbers) return fail(ErrorKind::Failed, "A score of the model's weights is no number.", m_checkpoint->path());
        return {};
    }

    std::shared_ptr<const Checkpoint> m_checkpoint;
    std::span<const LinearPlan> m_plan;
    bool m_protects = false;
    const PatchOptions& m_options;
    const Progress& m_progress;
    std::vector<const TrainingSample*> m_samples;
    std::vector<Share> m_shares;
    std::map<std::size_t, at::Tensor> m_scores;  // Of the present block, by place in the plan.
    std::size_t m_sample = 0;                    // Samples that came back through it.
    std::uint64_t m_done = 0, m_passes = 1;
};

WeightBits drawnWeights(const std::string& linear, std::size_t weights, const PatchOptions& options) {
    std::vector<std::uint32_t> order(weights);
    std::iota(order.begin(), order.end(), 0U);
    RandomStream(options.seed, "critical weights, " + linear).shuffle(order);
    WeightBits bits((weights + 63) / 64, 0);
    const std::int64_t count = countOfShare(options.share, static_cast<std::int64_t>(weights));
    for (std::int64_t i = 0; i < count; ++i) setBit(bits, order[static_cast<std::size_t>(i)]);
    return bits;
}

}  // namespace

Expected<WeightChoice> chooseCriticalWeights(std::shared_ptr<const Checkpoint> checkpoint, std::span<const LinearPlan> plan,
                                             std::span<const ScoredSample> samples, const PatchOptions& options, const Progress& progress) {
    WeightChoice choice;
    if (options.mask == PatchMask::Random || options.mask == PatchMask::All) {
        for (const LinearPlan& linear : plan) {
            if (!linear.quantized()) continue;
            const std::size_t weights = weightsOf(checkpoint->config(), linear);
            choice[linear.name] = options.mask == PatchMask::Random ? drawnWeights(linear.name, weights, options)
                                                                    : packBits(std::vector<std::uint8_t>(weights, 1));
        }
        return choice;
    }
    const auto has = [&](bool refusal) {
        return std::any_of(samples.begin(), samples.end(), [&](const ScoredSample& scored) { return scored.refusal == refusal; });
    };
    if (!has(true))
        return fail(ErrorKind::BadInput, "Scores of weights need refusals of malicious prompts, and there are none.", "quantization.patch");
    if (options.mask == PatchMask::Protection && options.generalWeight > 0.0 && !has(false))
        return fail(ErrorKind::BadInput,
                    "The general loss needs answers to benign prompts, or texts, and there are none; set \"beta\" to 0 to do without.",
                    "quantization.patch");
    prepareTensorThreads();
    return Scoring(std::move(checkpoint), plan, samples, options, progress).choose();
}

Expected<void> writeWeightChoice(const std::string& path, const WeightChoice& choice) {
    std::vector<NamedTensor> tensors;
    for (const auto& [linear, bits] : choice) {
        at::Tensor words = at::empty({static_cast<std::int64_t>(bits.size())}, at::kLong);
        std::memcpy(words.data_ptr<std::int64_t>(), bits.data(), bits.size() * sizeof(std::uint64_t));
        tensors.push_back({linear, std::move(words)});
    }
    return writeTensorFile(path, tensors);
}

Expected<WeightChoice> readWeightChoice(const std::string& path, const DecoderConfig& config, std::span<const LinearPlan> plan) {
    const auto file = TensorFile::open(path);
    if (!file) return fail(file.error());
    WeightChoice choice;
    for (const LinearPlan& linear : plan) {
        if (!linear.quantized()) continue;
        WeightBits bits((weightsOf(config, linear) + 63) / 64);
        const at::Tensor words = at::empty({static_cast<std::int64_t>(bits.size())}, at::kLong);
        if (auto read = file->read(linear.name, words); !read) return fail(read.error());
        std::memcpy(bits.data(), words.data_ptr<std::int64_t>(), bits.size() * sizeof(std::uint64_t));
        choice[linear.name] = std::move(bits);
    }
    return choice;
}

}  // namespace safequant
