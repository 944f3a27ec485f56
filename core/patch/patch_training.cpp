// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/patch_training.h"

#include <algorithm>
#include <cmath>

#include "core/patch/safe_score.h"
#include "core/tensor/device.h"
#include "core/training/training_schedule.h"

namespace safequant {
namespace {

constexpr double kBytesPerGib = 1024.0 * 1024.0 * 1024.0;
constexpr std::int64_t kBitsOfAWord = 64;

/// A mask, 64 weights a word, as a file holds it.
at::Tensor packedMask(const at::Tensor& mask) {
    at::Tensor words = at::zeros({(mask.numel() + kBitsOfAWord - 1) / kBitsOfAWord}, at::kLong);
    const auto* values = mask.data_ptr<std::uint8_t>();
    auto* packed = words.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < mask.numel(); ++i)
        packed[i / kBitsOfAWord] |= static_cast<std::int64_t>(static_cast<std::uint64_t>(values[i]) << (i % kBitsOfAWord));
    return words;
}

void unpackMask(const at::Tensor& words, const at::Tensor& mask) {
    const auto* packed = words.data_ptr<std::int64_t>();
    auto* values = mask.data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < mask.numel(); ++i)
        values[i] = static_cast<std::uint8_t>((static_cast<std::uint64_t>(packed[i / kBitsOfAWord]) >> (i % kBitsOfAWord)) & 1U);
}

}  // namespace

const char* patchMaskName(PatchMask mask) {
    switch (mask) {
        case PatchMask::SafeScore: return "safe-score";
        case PatchMask::Random: return "random";
        case PatchMask::All: break;
    }
    return "all";
}

PreferenceLoss preferenceLoss(double chosen, double rejected, double referenceChosen, double referenceRejected, double beta) {
    PreferenceLoss result;
    result.margin = (chosen - referenceChosen) - (rejected - referenceRejected);
    const double x = -beta * result.margin;
    // log(1 + e^x) without overflow, and its derivative.
    result.loss = std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    const double slope = x >= 0.0 ? 1.0 / (1.0 + std::exp(-x)) : std::exp(x) / (1.0 + std::exp(x));
    result.byChosen = -beta * slope;
    result.byRejected = beta * slope;
    return result;
}

PatchTraining::PatchTraining(std::shared_ptr<GridBlocks> blocks, TrainingModel model, std::vector<PreferencePair> pairs, const PatchOptions& options)
    : m_blocks(std::move(blocks)),
      m_model(std::move(model)),
      m_pairs(std::move(pairs)),
      m_options(options),
      m_optimizer({{m_blocks->parameters(), options.learningRate, 0.0}}) {}

Expected<PatchTraining> PatchTraining::create(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<GridBlocks> blocks,
                                              std::vector<PreferencePair> pairs, const PatchOptions& options, const Progress& progress) {
    if (pairs.empty()) return fail(ErrorKind::BadInput, "There are no preference pairs to learn from.");
    if (blocks->modules().empty()) return fail(ErrorKind::BadInput, "No linear is quantized, so there is nothing to patch.");
    const bool scores = options.masked() && options.mask == PatchMask::SafeScore;
    if (scores && std::none_of(pairs.begin(), pairs.end(), [](const PreferencePair& pair) { return pair.malicious; }))
        return fail(ErrorKind::BadInput, "Scores of weights need chosen answers to malicious prompts, and there are none.");
    prepareTensorThreads();
    auto model = TrainingModel::load(std::move(checkpoint), blocks, at::kCPU, static_cast<std::uint64_t>(options.graphMemoryGib * kBytesPerGib));
    if (!model) return fail(model.error());
    PatchTraining training(std::move(blocks), std::move(*model), std::move(pairs), options);
    if (auto taken = training.takeReference(progress); !taken) return fail(taken.error());
    return training;
}

Expected<void> PatchTraining::takeReference(const Progress& progress) {
    const auto batch = static_cast<std::size_t>(m_options.batch);
    for (std::size_t first = 0; first < m_pairs.size(); first += batch) {
        const std::size_t count = std::min(batch, m_pairs.size() - first);
        std::vector<const TrainingSample*> samples;
        for (std::size_t i = first; i < first + count; ++i) samples.push_back(&m_pairs[i].chosen);
        for (std::size_t i = first; i < first + count; ++i) samples.push_back(&m_pairs[i].rejected);
        const auto losses = m_model.losses(samples, progress.stop);
        if (!losses) return fail(losses.error());
        for (std::size_t i = 0; i < count; ++i) {
            m_chosen.push_back(-losses->samples[i].sum);
            m_rejected.push_back(-losses->samples[count + i].sum);
        }
        progress(first + count, m_pairs.size());
    }
    return {};
}

Expected<void> PatchTraining::identify(const std::stop_token& stop) {
    if (m_options.mask == PatchMask::Random) {
        maskRandomWeights(*m_blocks, m_options);
        return {};
    }
    std::vector<const TrainingSample*> refusals;
    for (const PreferencePair& pair : m_pairs)
        if (pair.malicious && refusals.size() < static_cast<std::size_t>(m_options.scoredPairs)) refusals.push_back(&pair.chosen);
    return maskCriticalWeights(*m_blocks, m_model, refusals, m_options, stop);
}

Expected<PatchStep> PatchTraining::step(const std::stop_token& stop) {
    PatchStep result;
    const bool due = m_identified < 0 || (m_options.identifyEvery > 0 && m_options.mask == PatchMask::SafeScore && m_done % m_options.identifyEvery == 0);
    if (m_options.masked() && due && m_identified != m_done) {
        if (auto identified = identify(stop); !identified) return fail(identified.error());
        m_identified = m_done;
        result.identified = true;
    }
    const auto chosen = samplesOfStep(m_done, static_cast<std::size_t>(m_options.batch), m_pairs.size(), m_options.seed, "patch.pass.");
    std::vector<const TrainingSample*> samples;
    for (const std::size_t pair : chosen) samples.push_back(&m_pairs[pair].chosen);
    if (m_options.preferenceWeight > 0.0)
        for (const std::size_t pair : chosen) samples.push_back(&m_pairs[pair].rejected);
    const double share = 1.0 / static_cast<double>(chosen.size());
    const auto weights = [&](std::span<const SampleLoss> losses) {
        std::vector<double> byLoss(losses.size(), 0.0);
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            const double targets = static_cast<double>(losses[i].targets);
            result.chosenLoss += share * losses[i].sum / targets;
            result.loss += share * m_options.chosenWeight * losses[i].sum / targets;
            byLoss[i] = share * m_options.chosenWeight / targets;
            if (m_options.preferenceWeight == 0.0) {
                result.margin += share * (-losses[i].sum - m_chosen[chosen[i]]);
                continue;
            }
            const PreferenceLoss preference =
                preferenceLoss(-losses[i].sum, -losses[chosen.size() + i].sum, m_chosen[chosen[i]], m_rejected[chosen[i]], m_options.beta);
            result.loss += share * m_options.preferenceWeight * preference.loss;
            result.margin += share * preference.margin;
            result.preferred += preference.margin > 0.0 ? share : 0.0;
            byLoss[i] -= share * m_options.preferenceWeight * preference.byChosen;
            byLoss[chosen.size() + i] = -share * m_options.preferenceWeight * preference.byRejected;
        }
        return byLoss;
    };
    m_optimizer.clearGradients();
    if (const auto loss = m_model.addGradient(samples, weights, stop); !loss) return fail(loss.error());
    result.gradientNorm = clipGradients(m_optimizer.parameters(), m_options.clipNorm);
    if (!std::isfinite(result.loss) || !std::isfinite(result.gradientNorm))
        return fail(ErrorKind::Failed, "The loss is no longer a number at step " + std::to_string(m_done + 1) + "; choose a smaller learning rate.");
    const double factor = rateFactor(RateSchedule::Cosine, m_done, m_options.warmupSteps, m_options.steps);
    result.learningRate = m_options.learningRate * factor;
    m_optimizer.step(factor);
    result.step = ++m_done;
    return result;
}

std::vector<NamedTensor> PatchTraining::state(at::Tensor counts) const {
    std::vector<NamedTensor> tensors{{"counts", std::move(counts)}};
    const auto& parameters = m_optimizer.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const std::string name = m_blocks->modules()[i / 2].name + (i % 2 == 0 ? ".A" : ".B");
        tensors.push_back({name, parameters[i].detach()});
        tensors.push_back({name + ".first_moment", m_optimizer.firstMoments()[i]});
        tensors.push_back({name + ".second_moment", m_optimizer.secondMoments()[i]});
    }
    return tensors;
}

Expected<void> PatchTraining::save(const std::string& path) const {
    // Steps done, the step masks are of, then the steps of each parameter.
    std::vector<std::int64_t> counts{m_done, m_identified};
    counts.insert(counts.end(), m_optimizer.steps().begin(), m_optimizer.steps().end());
    auto tensors = state(at::tensor(counts, at::kLong));
    for (const GridBlocks::Module& module : m_blocks->modules())
        if (module.mask.defined()) tensors.push_back({module.name + ".mask", packedMask(module.mask)});
    return writeTensorFile(path, tensors);
}

Expected<void> PatchTraining::restore(const std::string& path) {
    const auto file = TensorFile::open(path);
    if (!file) return fail(file.error());
    at::Tensor counts = at::zeros({static_cast<std::int64_t>(m_optimizer.steps().size()) + 2}, at::kLong);
    for (const NamedTensor& named : state(counts))
        if (auto read = file->read(named.name, named.tensor); !read) return read;
    const auto* values = counts.data_ptr<std::int64_t>();
    if (values[0] < 0 || values[0] > m_options.steps) return fail(ErrorKind::Mismatch, "The state is of another number of steps.", path);
    m_done = static_cast<int>(values[0]);
    m_identified = static_cast<int>(values[1]);
    if (m_identified >= 0) {
        for (GridBlocks::Module& module : m_blocks->modules()) {
            module.mask = at::empty(module.grid.latent().sizes(), at::kByte);
            at::Tensor words = at::zeros({(module.mask.numel() + kBitsOfAWord - 1) / kBitsOfAWord}, at::kLong);
            if (auto read = file->read(module.name + ".mask", words); !read) return read;
            unpackMask(words, module.mask);
        }
    }
    m_optimizer.restore({values + 2, values + counts.numel()}, m_optimizer.firstMoments(), m_optimizer.secondMoments());
    return {};
}

}  // namespace safequant
