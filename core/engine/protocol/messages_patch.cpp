// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<PatchPairCount> M>
void visitFields(V& visit, M& m) {
    visit("label", m.label);
    visit("left_out", m.leftOut);
    visit("count", m.count);
    visit("alone", m.alone);
}

template <typename V, MessageOf<PatchStepFigures> M>
void visitFields(V& visit, M& m) {
    visit("step", m.step);
    visit("loss", m.loss);
    visit("aligned", m.aligned);
    visit("pretrained", m.pretrained);
    visit("limited", m.limited);
    visit("margin", m.margin);
    visit("preferred", m.preferred);
    visit("chosen_loss", m.chosenLoss);
    visit("learning_rate", m.learningRate);
    visit("gradient_norm", m.gradientNorm);
    visit("identified", m.identified);
    visit("seconds", m.seconds);
}

template <typename V, MessageOf<PatchedLinear> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("block", m.block);
    visit("codes", m.codes);
    visit("may_change", m.mayChange);
    visit("changed", m.changed);
    visit("kept", m.kept);
    visit("bits", m.bits);
}

template <typename V, MessageOf<PatchProbes> M>
void visitFields(V& visit, M& m) {
    visit("step", m.step);
    visit("accuracy", m.accuracy);
}

template <typename V, MessageOf<PatchProgress> M>
void visitFields(V& visit, M& m) {
    visit("method", m.method);
    visit("kind", m.kind);
    visit("planned_steps", m.plannedSteps);
    visit("pairs", m.pairs);
    visit("steps", m.steps);
    visit("linears", m.linears);
    visit("probes", m.probes);
    visit("base_probes", m.baseProbes);
    visit("finished", m.finished);
}

/// Puts items in the places of those of the same step, or before the first later one.
template <typename T>
void putByStep(std::vector<T>& known, const std::vector<T>& news) {
    for (const T& item : news) {
        const auto place = std::lower_bound(known.begin(), known.end(), item, [](const T& a, const T& b) { return a.step < b.step; });
        if (place != known.end() && place->step == item.step)
            *place = item;
        else
            known.insert(place, item);
    }
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(PatchPairCount);
SAFEQUANT_DEFINE_MESSAGE(PatchStepFigures);
SAFEQUANT_DEFINE_MESSAGE(PatchedLinear);
SAFEQUANT_DEFINE_MESSAGE(PatchProbes);
SAFEQUANT_DEFINE_MESSAGE(PatchProgress);

void addPatchNews(PatchProgress& known, const PatchProgress& news) {
    if (!news.method.empty()) known.method = news.method;
    if (!news.kind.empty()) known.kind = news.kind;
    if (news.plannedSteps > 0) known.plannedSteps = news.plannedSteps;
    if (!news.pairs.empty()) known.pairs = news.pairs;
    putByStep(known.steps, news.steps);
    if (!news.linears.empty()) known.linears = news.linears;
    putByStep(known.probes, news.probes);
    if (!news.baseProbes.empty()) known.baseProbes = news.baseProbes;
    known.finished = known.finished || news.finished;
}

}  // namespace safequant::protocol
