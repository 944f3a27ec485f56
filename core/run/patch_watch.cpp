// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/patch_watch.h"

#include "core/run/patch_spec.h"

namespace safequant {

Expected<void> PatchWatch::lookBefore() {
    auto probing = PatchProbing::open(m_session.folder(), m_inputs);
    if (!probing) return fail(probing.error());
    if (*probing) m_probing.emplace(std::move(**probing));
    const auto& known = m_session.state().patch->probes;
    const int done = m_patcher.done();
    const bool due = done % kPatchLookEvery == 0 || done == m_inputs.spec.patch->options.steps;
    if (!m_probing || !due || (!known.empty() && known.back().step >= done)) return {};
    return look();
}

Expected<void> PatchWatch::tellStep(const PatchStep& step, double seconds) {
    const PatchSpec& spec = *m_inputs.spec.patch;
    protocol::PatchProgress news;
    protocol::PatchStepFigures figures;
    figures.step = step.step;
    figures.loss = step.loss;
    if (spec.kind == PatchKind::Align) {
        figures.aligned = step.aligned;
        figures.pretrained = spec.options.alignment.contrast > 0.0 ? step.pretrained : -1.0;
        figures.limited = step.limited;
    } else {
        figures.margin = step.margin;
        figures.preferred = step.preferred;
        figures.chosenLoss = step.chosenLoss;
    }
    figures.learningRate = step.learningRate;
    figures.gradientNorm = step.gradientNorm;
    figures.identified = step.identified;
    figures.seconds = seconds;
    news.steps.push_back(figures);
    if (step.identified || m_session.state().patch->linears.empty()) news.linears = linears();
    return m_session.tellPatch(std::move(news));
}

/// What may change of every linear; what has changed is as the last look saw it.
std::vector<protocol::PatchedLinear> PatchWatch::linears() const {
    const auto& known = m_session.state().patch;
    std::vector<protocol::PatchedLinear> linears;
    for (int block = 0; block < m_inputs.checkpoint->config().blocks; ++block) {
        const OpenCodes counts = m_patcher.openCodes(block);
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            if (counts.codes[i] == 0) continue;
            protocol::PatchedLinear linear{linearName(block, static_cast<LinearRole>(i)), block, counts.codes[i], counts.open[i], 0};
            if (known && linears.size() < known->linears.size()) linear.changed = known->linears[linears.size()].changed;
            linears.push_back(std::move(linear));
        }
    }
    return linears;
}

Expected<void> PatchWatch::look() {
    protocol::PatchProgress news;
    std::vector<protocol::PatchedLinear> seen;
    const auto patched = [&](int block) -> Expected<BlockWeights> {
        const auto original = loadBlock(*m_inputs.checkpoint, block);
        if (!original) return fail(original.error());
        PatchedBlock now = m_patcher.patched(block, *original);
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i)
            if (const auto codes = now.block.linears[i].codes.size(); codes > 0)
                seen.push_back({linearName(block, static_cast<LinearRole>(i)), block, codes, now.open[i], now.changed[i]});
        return std::move(now.block.weights);
    };
    if (m_probing) {
        auto accuracy = m_probing->look(patched, m_session.stop());
        if (!accuracy) return fail(accuracy.error());
        news.probes.push_back({m_patcher.done(), std::move(*accuracy)});
        news.baseProbes = m_probing->base();
    } else {
        for (int block = 0; block < m_inputs.checkpoint->config().blocks; ++block)
            if (const auto weights = patched(block); !weights) return fail(weights.error());
    }
    // What may change is found by the first step.
    if (m_patcher.done() > 0) news.linears = std::move(seen);
    return m_session.tellPatch(std::move(news));
}

}  // namespace safequant
