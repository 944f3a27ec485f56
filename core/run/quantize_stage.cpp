// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <memory>
#include <numeric>

#include "core/activations/capture.h"
#include "core/activations/store.h"
#include "core/quantize/method.h"
#include "core/run/block_results.h"
#include "core/run/block_stage.h"
#include "core/run/coded_blocks.h"
#include "core/realign/realigner.h"
#include "core/run/learning_samples.h"
#include "core/run/quantized_blocks.h"
#include "core/run/session.h"
#include "core/separability/probe.h"

namespace safequant {
namespace {

/// Of the probe that realignment uses, on standardised features.
constexpr double kProbeC = 0.1;

/// Learns the blocks of a run one after the other and leaves each in the run's folder.
class LearnedBlocks {
public:
    explicit LearnedBlocks(Session& session) : m_session(session) {}

    /// Makes sure that the block's file is there. Blocks found finished are passed through, so that the streams are where they
    /// would be had this session learned them.
    Expected<void> require(int block) {
        const RunInputs& inputs = m_session.inputs();
        if (hasCodedBlock(m_session.folder(), block)) return {};
        if (m_realigner == nullptr)
            if (auto opened = open(); !opened) return opened;
        while (m_realigner->next() < block) {
            const auto plan = planOfBlock(inputs.plan, m_realigner->next());
            const auto learned = readCodedBlock(m_session.folder(), inputs.checkpoint->config(), plan, m_realigner->next());
            if (!learned) return fail(learned.error());
            if (auto passed = m_realigner->pass(learned->weights, m_session.stop()); !passed) return passed;
        }
        const auto probe = alignedProbe();
        if (!probe) return fail(probe.error());
        const auto learned = m_realigner->learn(*probe, Progress{m_session.stop(), {}});
        if (!learned) return fail(learned.error());
        if (auto written = writeCodedBlock(m_session.folder(), inputs.checkpoint->config(), *learned); !written) return written;
        return m_session.say("info", describe(block, m_realigner->last()));
    }

private:
    Expected<void> open() {
        const RunInputs& inputs = m_session.inputs();
        auto samples = drawLearningSamples(inputs);
        if (!samples) return fail(samples.error());
        RealignSetup setup;
        setup.checkpoint = inputs.checkpoint;
        setup.aligned = inputs.aligned;
        setup.plan = inputs.plan;
        setup.samples = std::move(*samples);
        setup.learning = inputs.spec.learning.learning;
        setup.earlyEpochs = inputs.spec.learning.earlyEpochs;
        setup.firstBlock = inputs.spec.learning.firstBlock;
        setup.lastBlock = inputs.spec.learning.lastBlock;
        setup.device = inputs.spec.learning.device;
        auto realigner = Realigner::create(std::move(setup));
        if (!realigner) return fail(realigner.error());
        m_realigner = std::move(*realigner);
        return {};
    }

    /// The probe of the aligned model's next block, where the objective uses one: malicious against all benign calibration samples.
    Expected<BlockProbe> alignedProbe() {
        if (!m_session.inputs().spec.learning.learning.objective.usesProbe()) return BlockProbe{};
        const auto rows = m_realigner->prepare(m_session.stop());
        if (!rows) return fail(rows.error());
        ProbeOptions options;
        options.fixedC = kProbeC;
        std::vector<int> clusters(rows->malicious.size());
        std::iota(clusters.begin(), clusters.end(), 0);
        Probe probe = fitProbe(rows->activations, rows->malicious, clusters, options, m_session.stop());
        if (m_session.stop().stop_requested()) return fail(cancelledError());
        return BlockProbe{std::move(probe.weights), static_cast<float>(probe.intercept)};
    }

    static std::string describe(int block, const RealignedBlock& outcome) {
        const auto rounded = [](double value) {
            char text[32];
            std::snprintf(text, sizeof(text), "%.4g", value);
            return std::string(text);
        };
        std::string text = "Block " + std::to_string(block) + " learned: relative error " + rounded(outcome.benignError) + " on benign samples, ";
        text += rounded(outcome.maliciousError) + " on malicious ones (" + rounded(outcome.maliciousBefore) + " before)";
        if (!outcome.epochs.empty())
            text += "; loss " + rounded(outcome.epochs.front().benign + outcome.epochs.front().malicious + outcome.epochs.front().probe) + " to " +
                    rounded(outcome.epochs.back().benign + outcome.epochs.back().malicious + outcome.epochs.back().probe);
        return text + ".";
    }

    Session& m_session;
    std::unique_ptr<Realigner> m_realigner;
};

}  // namespace

Expected<void> runQuantizeStage(Session& session) {
    const auto& inputs = session.inputs();
    const auto& config = inputs.checkpoint->config();
    const auto method = findQuantizationMethod(inputs.spec.method);
    if (!method) return fail(method.error());
    LearnedBlocks learned(session);
    std::vector<protocol::LinearInfo> linears;
    BlockStage stage(session, "quantize", "quantized");
    return stage.run(
        [&](ActivationStream& stream, int block) -> Expected<Matrix> {
            if ((*method)->learned())
                if (auto made = learned.require(block); !made) return fail(made.error());
            const auto quantized = loadQuantizedBlock(session.folder(), inputs, block);
            if (!quantized) return fail(quantized.error());
            linears.clear();
            for (const auto& linear : quantized->linears) linears.push_back(linearInfo(linear, config));
            return advance(stream, config, quantized->weights);
        },
        [&](int block, const Matrix& activations) -> Expected<BlockOutcome> {
            const auto base = readArrayFile(blockPath(session.folder(), "base", block));
            if (!base) return fail(base.error());
            return measureQuantizedBlock(inputs, block, activations, *base, linears);
        });
}

}  // namespace safequant
