// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/patch_training.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/patch/safe_score.h"
#include "core/training/tensor_file.h"

namespace safequant {

const char* patchMaskName(PatchMask mask) {
    switch (mask) {
        case PatchMask::SafeScore: return "safe-score";
        case PatchMask::Protection:
            return "protection-score";
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

PatchTraining::PatchTraining(std::shared_ptr<GridBlocks> blocks, TrainingModel model, std::vector<PreferencePair> pairs,
                             const PatchOptions& options)
    : FactorTraining(std::move(blocks), std::move(model), options), m_pairs(std::move(pairs)) {}

Expected<PatchTraining> PatchTraining::create(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<GridBlocks> blocks,
                                              std::vector<PreferencePair> pairs, const PatchOptions& options, const Progress& progress,
                                              const std::string& reference) {
    if (pairs.empty()) return fail(ErrorKind::BadInput, "There are no preference pairs to learn from.");
    const bool scores = options.masked() && options.mask == PatchMask::SafeScore;
    if (scores && std::none_of(pairs.begin(), pairs.end(), [](const PreferencePair& pair) { return pair.malicious; }))
        return fail(ErrorKind::BadInput, "Scores of weights need chosen answers to malicious prompts, and there are none.");
    auto model = patchedModel(std::move(checkpoint), blocks, options);
    if (!model) return fail(model.error());
    PatchTraining training(std::move(blocks), std::move(*model), std::move(pairs), options);
    if (!reference.empty() && std::filesystem::exists(reference)) {
        if (auto read = training.readReference(reference); !read) return fail(read.error());
        return training;
    }
    if (auto taken = training.takeReference(progress); !taken) return fail(taken.error());
    if (reference.empty()) return training;
    if (auto kept =
            writeTensorFile(reference, {{"chosen", storedNumbers(training.m_chosen)}, {"rejected", storedNumbers(training.m_rejected)}});
        !kept)
        return fail(kept.error());
    return training;
}

Expected<void> PatchTraining::readReference(const std::string& path) {
    const auto file = TensorFile::open(path);
    if (!file) return fail(file.error());
    for (const auto& [name, target] : {std::pair{"chosen", &m_chosen}, {"rejected", &m_rejected}}) {
        const at::Tensor stored = at::empty({static_cast<std::int64_t>(m_pairs.size())}, at::kLong);
        if (auto read = file->read(name, stored); !read) return read;
        *target = numbersOf(stored);
    }
    return {};
}

Expected<void> PatchTraining::takeReference(const Progress& progress) {
    const auto batch = static_cast<std::size_t>(options().batch);
    for (std::size_t first = 0; first < m_pairs.size(); first += batch) {
        const std::size_t count = std::min(batch, m_pairs.size() - first);
        std::vector<const TrainingSample*> samples;
        for (std::size_t i = first; i < first + count; ++i) samples.push_back(&m_pairs[i].chosen);
        for (std::size_t i = first; i < first + count; ++i)
            if (!m_pairs[i].alone()) samples.push_back(&m_pairs[i].rejected);
        const auto losses = model().losses(samples, progress.stop);
        if (!losses) return fail(losses.error());
        std::size_t rejected = count;
        for (std::size_t i = 0; i < count; ++i) {
            m_chosen.push_back(-losses->samples[i].sum);
            m_rejected.push_back(m_pairs[first + i].alone() ? 0.0 : -losses->samples[rejected++].sum);
        }
        progress(first + count, m_pairs.size());
    }
    return {};
}

Expected<void> PatchTraining::identify(const std::stop_token& stop) {
    if (options().mask == PatchMask::Random) {
        maskRandomWeights(blocks(), options());
        return {};
    }
    std::vector<const TrainingSample*> refusals;
    for (const PreferencePair& pair : m_pairs)
        if (pair.malicious && refusals.size() < static_cast<std::size_t>(options().scoredPairs)) refusals.push_back(&pair.chosen);
    return maskCriticalWeights(blocks(), model(), refusals, options(), stop);
}

Expected<PatchStep> PatchTraining::step(const std::stop_token& stop) {
    PatchStep result;
    const PatchOptions& some = options();
    const bool due = m_identified < 0 || (some.identifyEvery > 0 && some.mask == PatchMask::SafeScore && done() % some.identifyEvery == 0);
    if (some.masked() && due && m_identified != done()) {
        if (auto identified = identify(stop); !identified) return fail(identified.error());
        m_identified = done();
        result.identified = true;
    }
    const auto chosen = chosenOf(m_pairs.size());
    std::vector<const TrainingSample*> samples;
    for (const std::size_t pair : chosen) samples.push_back(&m_pairs[pair].chosen);
    const bool compares = some.preferenceWeight > 0.0;
    std::size_t two = compares ? 0 : chosen.size();
    if (compares)
        for (const std::size_t pair : chosen) {
            if (m_pairs[pair].alone()) continue;
            samples.push_back(&m_pairs[pair].rejected);
            ++two;
        }
    const double share = 1.0 / static_cast<double>(chosen.size());
    // Of what is told alone: the loss is a mean over the batch.
    const double shareOfTwo = two > 0 ? 1.0 / static_cast<double>(two) : 0.0;
    const auto weights = [&](std::span<const SampleLoss> losses) {
        std::vector<double> byLoss(losses.size(), 0.0);
        std::size_t rejected = chosen.size();
        if (compares && two > 0) result.preferred = 0.0;
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            const double targets = static_cast<double>(losses[i].targets);
            result.chosenLoss += share * losses[i].sum / targets;
            result.loss += share * some.chosenWeight * losses[i].sum / targets;
            byLoss[i] = share * some.chosenWeight / targets;
            if (!compares) result.margin += share * (-losses[i].sum - m_chosen[chosen[i]]);
            if (!compares || m_pairs[chosen[i]].alone()) continue;
            const PreferenceLoss preference =
                preferenceLoss(-losses[i].sum, -losses[rejected].sum, m_chosen[chosen[i]], m_rejected[chosen[i]], some.beta);
            result.loss += share * some.preferenceWeight * preference.loss;
            result.margin += shareOfTwo * preference.margin;
            result.preferred += preference.margin > 0.0 ? shareOfTwo : 0.0;
            byLoss[i] -= share * some.preferenceWeight * preference.byChosen;
            byLoss[rejected++] = -share * some.preferenceWeight * preference.byRejected;
        }
        return byLoss;
    };
    optimizer().clearGradients();
    if (const auto loss = model().addGradient(samples, weights, stop); !loss) return fail(loss.error());
    if (auto stepped = advance(result); !stepped) return fail(stepped.error());
    return result;
}

}  // namespace safequant
