// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/realign/realigner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/quantize/quantize_block.h"
#include "core/realign/calibration_rows.h"
#include "core/realign/learn_block.h"
#include "core/realign/objective.h"
#include "core/tensor/device.h"

namespace safequant {
namespace {

bool sameShape(const DecoderConfig& a, const DecoderConfig& b) {
    return a.modelType == b.modelType && a.hiddenSize == b.hiddenSize && a.intermediateSize == b.intermediateSize && a.blocks == b.blocks &&
           a.heads == b.heads && a.kvHeads == b.kvHeads && a.headDim == b.headDim && a.vocabulary == b.vocabulary;
}

Expected<void> checkSetup(const RealignSetup& setup) {
    const RealignObjective& objective = setup.learning.objective;
    const bool shifts = objective.target == MaliciousTarget::Signature && !setup.shifts.empty();
    if (objective.target != MaliciousTarget::FineTuned && !shifts && setup.aligned == nullptr)
        return fail(ErrorKind::BadInput, "This objective needs the aligned model; name it, or use another objective.");
    if (shifts && setup.shifts.size() != static_cast<std::size_t>(setup.checkpoint->config().blocks))
        return fail(ErrorKind::BadInput, "There are shifts of " + std::to_string(setup.shifts.size()) + " blocks, and the model has " +
                                             std::to_string(setup.checkpoint->config().blocks) + ".");
    const bool needsMalicious = objective.target != MaliciousTarget::FineTuned || objective.usesProbe();
    if (setup.aligned != nullptr && !sameShape(setup.aligned->config(), setup.checkpoint->config()))
        return fail(ErrorKind::BadInput, "The aligned model has another shape or vocabulary than the model to quantize.",
                    setup.aligned->path());
    const auto count = [&](SampleKind kind) {
        return std::count_if(setup.samples.begin(), setup.samples.end(), [&](const auto& sample) { return sample.kind == kind; });
    };
    if (setup.samples.empty()) return fail(ErrorKind::BadInput, "There are no samples to calibrate on.");
    if (needsMalicious && count(SampleKind::Malicious) == 0)
        return fail(ErrorKind::BadInput, "This objective needs malicious prompts in the calibration mix.");
    return {};
}

/// Sums of squared differences over the rows of some samples.
struct StreamError {
    double difference = 0.0, square = 0.0;
    double relative() const { return square > 0.0 ? difference / square : 0.0; }
};

class RealignerOnStreams final : public Realigner {
public:
    RealignerOnStreams(RealignSetup setup, CalibrationRows rows, at::Device device)
        : m_setup(std::move(setup)), m_config(m_setup.checkpoint->config()), m_rows(std::move(rows)), m_device(device) {
        for (std::size_t i = 0; i < m_rows.samples().size(); ++i)
            if (const SampleKind kind = m_rows.samples()[i].kind; kind == SampleKind::Malicious || kind == SampleKind::Benign)
                m_chats.push_back(i);
    }

    Expected<void> embed() {
        auto embedded = m_rows.embed(*m_setup.checkpoint);
        if (!embedded) return fail(embedded.error());
        m_quantized = cloneStream(*embedded);
        m_fineTuned = std::move(*embedded);
        if (m_setup.learning.objective.metric == ErrorMetric::AsNormsRead) {
            auto weights = channelWeights(*m_setup.checkpoint);
            if (!weights) return fail(weights.error());
            m_channelWeights = std::move(*weights);
        }
        if (m_setup.aligned == nullptr) return {};
        auto aligned = m_rows.embed(*m_setup.aligned);
        if (!aligned) return fail(aligned.error());
        m_aligned = std::move(*aligned);
        return {};
    }

    int next() const override { return m_next; }
    int epochsOf(int block) const override { return block <= m_config.blocks / 2 ? m_setup.earlyEpochs : m_setup.learning.epochs; }
    const RealignedBlock& last() const override { return m_last; }

    Expected<void> prepare(const std::stop_token& stop) override { return moveFullPrecision(stop); }

    const std::vector<std::size_t>& chats() const override { return m_chats; }

    Matrix chatRows(RealignStream which) const override {
        const bool aligned = which == RealignStream::Aligned && !m_aligned.empty();
        const CalibrationStream& stream = which == RealignStream::Quantized ? m_quantized : aligned ? m_aligned : m_fineTuned;
        Matrix result(m_chats.size(), static_cast<std::size_t>(m_config.hiddenSize));
        for (std::size_t i = 0; i < m_chats.size(); ++i) {
            const auto [group, row] = m_rows.rowFromEnd(m_chats[i], 0);
            std::copy_n(stream[group].row(static_cast<std::size_t>(row)), result.cols(), result.row(i));
        }
        return result;
    }

    Expected<CodedBlock> learn(const BlockProbe& probe, const Progress& progress,
                               const std::function<void(const EpochLosses&)>& report) override {
        if (auto moved = moveFullPrecision(progress.stop); !moved) return fail(moved.error());
        BlockLearning learning = m_setup.learning;
        learning.epochs = epochsOf(m_next);
        const int lastBlock = m_setup.lastBlock < 0 ? m_config.blocks - 1 : m_setup.lastBlock;
        if (m_next < m_setup.firstBlock || m_next > lastBlock) {
            learning.objective = RealignObjective::reconstruction();
            learning.objective.metric = m_setup.learning.objective.metric;
        }
        if (learning.objective.usesProbe() && probe.weights.empty())
            return fail(ErrorKind::BadInput, "This objective needs a probe for block " + std::to_string(m_next) + ".");

        BlockTargets targets{{}, maliciousStream(learning.objective), probe, {}};
        if (!m_channelWeights.empty()) targets.channelWeights = m_channelWeights[static_cast<std::size_t>(m_next)];
        targets.fineTuned = std::move(m_fineTuned);  // Lent while the block learns.
        RealignedBlock outcome;
        bool finite = true;
        const auto keep = [&](const EpochLosses& losses) {
            finite = finite && std::isfinite(losses.benign + losses.malicious + losses.probe);
            outcome.epochs.push_back(losses);
            if (report) report(losses);
        };
        std::optional<CodedBlock> learned = learnBlock(m_config, *m_weights, planOfBlock(m_setup.plan, m_next), m_rows, m_quantized, targets,
                                                       learning, m_device, progress, keep);
        m_fineTuned = std::move(targets.fineTuned);
        if (!learned) return fail(cancelledError());
        if (!finite)
            return fail(ErrorKind::Failed, "The loss of block " + std::to_string(m_next) +
                                               " is not a finite number: lower the learning rates, or leave out rounding offsets.");
        m_last = std::move(outcome);
        if (auto moved = finishBlock(learned->weights, targets.malicious, progress.stop); !moved) return fail(moved.error());
        return std::move(*learned);
    }

    Expected<void> pass(const BlockWeights& learned, const std::stop_token& stop) override {
        if (auto moved = moveFullPrecision(stop); !moved) return moved;
        m_last = {};
        return finishBlock(learned, maliciousStream(m_setup.learning.objective), stop);
    }

private:
    /// What malicious samples are pulled to behind the next block.
    CalibrationStream maliciousStream(const RealignObjective& objective) const {
        static const Matrix none;
        return maliciousTarget(objective, m_rows, m_fineTuned, m_aligned, m_setup.shifts.empty() ? none : m_setup.shifts[static_cast<std::size_t>(m_next)]);
    }

    /// Moves the streams of both full-precision models through the next block, once.
    Expected<void> moveFullPrecision(const std::stop_token& stop) {
        if (m_weights) return {};
        auto weights = loadBlock(*m_setup.checkpoint, m_next);
        if (!weights) return fail(weights.error());
        CalibrationStream aligned;
        if (m_setup.aligned != nullptr) {
            const auto alignedWeights = loadBlock(*m_setup.aligned, m_next);
            if (!alignedWeights) return fail(alignedWeights.error());
            aligned = cloneStream(m_aligned);
            if (!m_rows.advance(m_setup.aligned->config(), *alignedWeights, aligned, stop)) return fail(cancelledError());
        }
        CalibrationStream fineTuned = cloneStream(m_fineTuned);
        if (!m_rows.advance(m_config, *weights, fineTuned, stop)) return fail(cancelledError());
        m_aligned = std::move(aligned);
        m_fineTuned = std::move(fineTuned);
        m_weights = std::move(*weights);
        return {};
    }

    Expected<void> finishBlock(const BlockWeights& learned, const CalibrationStream& malicious, const std::stop_token& stop) {
        CalibrationStream quantized = cloneStream(m_quantized);
        if (!m_rows.advance(m_config, learned, quantized, stop)) return fail(cancelledError());
        m_quantized = std::move(quantized);
        const CalibrationStream& target = malicious.empty() ? m_fineTuned : malicious;
        StreamError benign, repaired, before;
        for (std::size_t i = 0; i < m_rows.samples().size(); ++i) {
            if (!m_setup.learning.objective.isMalicious(m_rows.samples()[i].kind)) {
                addSample(i, m_quantized, m_fineTuned, benign);
                continue;
            }
            addSample(i, m_quantized, target, repaired);
            addSample(i, m_fineTuned, target, before);
        }
        m_last.benignError = benign.relative();
        m_last.maliciousError = repaired.relative();
        m_last.maliciousBefore = before.relative();
        m_weights.reset();
        ++m_next;
        return {};
    }

    /// Adds a sample's own rows.
    void addSample(std::size_t sample, const CalibrationStream& stream, const CalibrationStream& target, StreamError& error) const {
        const auto [group, first, last] = m_rows.ownRows(sample);
        for (std::int32_t row = first; row < last; ++row) {
            const float* a = stream[group].row(static_cast<std::size_t>(row));
            const float* b = target[group].row(static_cast<std::size_t>(row));
            for (std::size_t d = 0; d < stream[group].cols(); ++d) {
                const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
                error.difference += difference * difference;
                error.square += static_cast<double>(b[d]) * static_cast<double>(b[d]);
            }
        }
    }

    RealignSetup m_setup;
    const DecoderConfig m_config;
    CalibrationRows m_rows;
    at::Device m_device;
    std::vector<std::size_t> m_chats;
    std::vector<std::vector<float>> m_channelWeights;  // By block; empty unless the objective's metric asks for them.
    CalibrationStream m_fineTuned, m_aligned, m_quantized;
    std::optional<BlockWeights> m_weights;  // Of the next block, once the full-precision streams are behind it.
    RealignedBlock m_last;
    int m_next = 0;
};

}  // namespace

Expected<std::unique_ptr<Realigner>> Realigner::create(RealignSetup setup) {
    if (auto checked = checkSetup(setup); !checked) return fail(checked.error());
    const auto device = parseDevice(setup.device);
    if (!device) return fail(device.error());
    CalibrationRows rows(setup.checkpoint->config(), setup.samples);
    auto realigner = std::make_unique<RealignerOnStreams>(std::move(setup), std::move(rows), *device);
    if (auto embedded = realigner->embed(); !embedded) return fail(embedded.error());
    return realigner;
}

}  // namespace safequant
