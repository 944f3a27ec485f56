// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/learned_blocks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "core/base/random.h"
#include "core/run/coded_blocks.h"
#include "core/run/gather.h"
#include "core/run/learning_samples.h"
#include "core/run/signature_reference.h"
#include "core/separability/probe.h"
#include "core/signature/tail_rows.h"

namespace safequant {
namespace {

/// Of the probe that realignment uses, on standardised features.
constexpr double kProbeC = 0.1;
/// Parts of the chats that are left out in turn, to be judged by a probe of the others.
constexpr int kProbeFolds = 5;

/// Running sums over the chats of one stream.
struct StreamTally {
    std::array<double, 2> logits{};
    std::array<std::size_t, 2> count{};
    std::size_t right = 0;

    void add(double logit, bool malicious) {
        logits[malicious] += logit;
        ++count[malicious];
        right += (logit > 0.0) == malicious;
    }
    protocol::StreamProbe summary() const {
        return {static_cast<double>(right) / static_cast<double>(count[0] + count[1]), logits[1] / static_cast<double>(count[1]),
                logits[0] / static_cast<double>(count[0])};
    }
};

/// Another direction of the same length, with the mean score over `rows` kept.
void turnAtRandom(Probe& probe, const Matrix& rows, RandomStream random) {
    const auto meanScore = [&] {
        double sum = 0.0;
        for (std::size_t i = 0; i < rows.rows(); ++i) sum += probe.score({rows.row(i), rows.cols()});
        return sum / static_cast<double>(rows.rows());
    };
    const auto length = [&] {
        double sum = 0.0;
        for (const float weight : probe.weights) sum += static_cast<double>(weight) * static_cast<double>(weight);
        return std::sqrt(sum);
    };
    const double before = meanScore(), wanted = length();
    for (float& weight : probe.weights) weight = static_cast<float>(random.normal());
    const double scale = wanted / length();
    for (float& weight : probe.weights) weight = static_cast<float>(static_cast<double>(weight) * scale);
    probe.intercept += before - meanScore();
}

}  // namespace

std::optional<std::vector<protocol::StreamProbe>> judgeStreams(std::span<const Matrix> streams, const std::vector<bool>& malicious,
                                                               std::span<const int> clusters, std::uint64_t seed, const std::stop_token& stop) {
    // Every class must remain in every fold's training part.
    std::array<std::unordered_set<int>, 2> members;
    for (std::size_t i = 0; i < malicious.size(); ++i) members[malicious[i]].insert(clusters[i]);
    if (std::min(members[0].size(), members[1].size()) < kProbeFolds) return std::nullopt;
    const auto folds = stratifiedGroupFolds(malicious, clusters, kProbeFolds, seed);
    std::vector<StreamTally> tallies(streams.size());
    ProbeOptions options;
    options.fixedC = kProbeC;
    for (int fold = 0; fold < kProbeFolds; ++fold) {
        std::vector<std::size_t> fitted;
        for (std::size_t i = 0; i < folds.size(); ++i)
            if (folds[i] != fold) fitted.push_back(i);
        const Probe probe =
            fitProbe(gather(streams[0], fitted), gatherValues(malicious, fitted), gatherValues(clusters, fitted), options, stop);
        if (stop.stop_requested()) return std::nullopt;
        for (std::size_t s = 0; s < streams.size(); ++s)
            for (std::size_t i = 0; i < folds.size(); ++i)
                if (folds[i] == fold) tallies[s].add(probe.score({streams[s].row(i), streams[s].cols()}), malicious[i]);
    }
    std::vector<protocol::StreamProbe> judged;
    for (const StreamTally& tally : tallies) judged.push_back(tally.summary());
    return judged;
}

Expected<void> LearnedBlocks::require(int block) {
    if (hasCodedBlock(m_folder, block)) return {};
    if (m_realigner == nullptr)
        if (auto opened = open(); !opened) return opened;
    const RunInputs& inputs = m_session.inputs();
    if (auto passed = passCodedBlocks(*m_realigner, m_folder, inputs.checkpoint->config(), inputs.plan, block, m_session.stop()); !passed)
        return passed;
    return learn(block);
}

Expected<void> LearnedBlocks::open() {
    const RunInputs& inputs = m_session.inputs();
    auto samples = drawLearningSamples(inputs, m_session.stop());
    if (!samples) return fail(samples.error());
    RealignSetup setup;
    setup.checkpoint = inputs.checkpoint;
    setup.aligned = inputs.aligned;
    setup.plan = inputs.plan;
    setup.samples = std::move(*samples);
    setup.learning = inputs.spec.learning.learning;
    if (auto chosen = chooseTail(setup); !chosen) return chosen;
    setup.earlyEpochs = inputs.spec.learning.earlyEpochs;
    setup.firstBlock = inputs.spec.learning.firstBlock;
    setup.lastBlock = inputs.spec.learning.lastBlock;
    setup.device = inputs.spec.learning.device;
    std::unordered_map<std::string, int> clusterOf;
    for (const auto& prompt : inputs.prompts.prompts) clusterOf.emplace(prompt.id, prompt.cluster);
    std::vector<bool> malicious;
    std::vector<int> clusters;
    for (const auto& sample : setup.samples) {
        malicious.push_back(sample.kind == SampleKind::Malicious);
        const auto cluster = clusterOf.find(sample.id);
        clusters.push_back(cluster == clusterOf.end() ? -1 : cluster->second);
    }
    auto realigner = Realigner::create(std::move(setup));
    if (!realigner) return fail(realigner.error());
    m_realigner = std::move(*realigner);
    for (const std::size_t chat : m_realigner->chats()) {
        m_malicious.push_back(malicious[chat]);
        m_clusters.push_back(clusters[chat]);
    }
    return {};
}

Expected<void> LearnedBlocks::chooseTail(RealignSetup& setup) {
    const RunInputs& inputs = m_session.inputs();
    RealignObjective& objective = setup.learning.objective;
    if (objective.target != MaliciousTarget::Signature) return {};
    if (objective.tail == 0) {
        const auto tail = inputs.signature != nullptr ? Expected<int>(inputs.signature->tail) : templateTail(inputs.format);
        if (!tail) return fail(tail.error());
        objective.tail = *tail;
    }
    if (inputs.signature == nullptr) return {};
    auto shifts = signatureShifts(inputs, objective, Progress{m_session.stop(), {}});
    if (!shifts) return fail(shifts.error());
    setup.shifts = std::move(*shifts);
    return {};
}

Matrix LearnedBlocks::baseRows(RealignStream stream) const {
    Matrix rows = m_realigner->chatRows(stream);
    if (const auto& rotation = m_session.inputs().residualRotation) rotation->applyInverse(rows.data(), rows.rows());
    return rows;
}

Expected<BlockProbe> LearnedBlocks::objectiveProbe() {
    if (!m_session.inputs().spec.learning.learning.objective.usesProbe()) return BlockProbe{};
    const auto& signature = m_session.inputs().signature;
    if (auto prepared = m_realigner->prepare(m_session.stop()); !prepared) return fail(prepared.error());
    ProbeOptions options;
    options.fixedC = kProbeC;
    std::vector<int> apart(m_malicious.size());
    std::iota(apart.begin(), apart.end(), 0);
    // A probe asks for few coordinates that matter: of the model as it was, since after a rotation all of them do.
    const Matrix rows = baseRows(RealignStream::Aligned);
    Probe probe = signature != nullptr ? signatureProbe(*signature, m_realigner->next()) : fitProbe(rows, m_malicious, apart, options, m_session.stop());
    if (m_session.stop().stop_requested()) return fail(cancelledError());
    if (m_session.inputs().spec.learning.randomProbe) turnAtRandom(probe, rows, RandomStream(m_session.inputs().spec.seed, "probe-direction"));
    if (const auto& rotation = m_session.inputs().residualRotation) rotation->apply(probe.weights.data(), 1);
    return BlockProbe{std::move(probe.weights), static_cast<float>(probe.intercept)};
}

Expected<void> LearnedBlocks::learn(int block) {
    const auto start = std::chrono::steady_clock::now();
    const auto probe = objectiveProbe();
    if (!probe) return fail(probe.error());
    protocol::LearnedBlock told;
    told.block = block;
    told.plannedEpochs = m_realigner->epochsOf(block);
    Expected<void> telling;
    const auto learned = m_realigner->learn(*probe, Progress{m_session.stop(), {}}, [&](const EpochLosses& losses) {
        told.epochs.push_back({losses.epoch, losses.benign, losses.malicious, losses.probe});
        told.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (telling) telling = m_session.tellLearning(told);
    });
    if (!learned) return fail(learned.error());
    if (!telling) return telling;
    if (auto written = writeCodedBlock(m_folder, m_session.inputs().checkpoint->config(), *learned); !written) return written;
    const RealignedBlock& outcome = m_realigner->last();
    told.benignError = outcome.benignError;
    if (std::find(m_malicious.begin(), m_malicious.end(), true) != m_malicious.end()) {
        told.maliciousError = outcome.maliciousError;
        told.maliciousBefore = outcome.maliciousBefore;
    }
    const std::array streams = {baseRows(RealignStream::Aligned), baseRows(RealignStream::FineTuned), baseRows(RealignStream::Quantized)};
    const auto judged = judgeStreams(streams, m_malicious, m_clusters, m_session.inputs().spec.seed, m_session.stop());
    if (m_session.stop().stop_requested()) return fail(cancelledError());
    if (judged) {
        if (m_session.inputs().aligned != nullptr) told.aligned = (*judged)[0];
        told.fineTuned = (*judged)[1];
        told.quantized = (*judged)[2];
    }
    told.finished = true;
    told.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return m_session.tellLearning(told);
}

}  // namespace safequant
