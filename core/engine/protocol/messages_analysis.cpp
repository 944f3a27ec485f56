// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/analysis_messages.h"
#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<ProbeWeight> M>
void visitFields(V& visit, M& m) {
    visit("dimension", m.dimension);
    visit("weight", m.weight);
    visit("mean_difference", m.meanDifference);
}

template <typename V, MessageOf<ProbeWeights> M>
void visitFields(V& visit, M& m) {
    visit("model", m.model);
    visit("block", m.block);
    visit("hidden", m.hidden);
    visit("intercept", m.intercept);
    visit("c", m.c);
    visit("malicious", m.malicious);
    visit("benign", m.benign);
    visit("weights", m.weights);
}

template <typename V, MessageOf<ProbeSimilarity> M>
void visitFields(V& visit, M& m) {
    visit("model", m.model);
    visit("blocks", m.blocks);
    visit("cosines", m.cosines);
}

template <typename V, MessageOf<ProbeTransfer> M>
void visitFields(V& visit, M& m) {
    visit("model", m.model);
    visit("probes", m.probes);
    visit("blocks", m.blocks);
    visit("total", m.total);
    visit("correct", m.correct);
    visit("auc", m.auc);
}

template <typename V, MessageOf<CalibrationBin> M>
void visitFields(V& visit, M& m) {
    visit("low", m.low);
    visit("high", m.high);
    visit("mean_probability", m.meanProbability);
    visit("malicious", m.malicious);
}

template <typename V, MessageOf<ReliabilityCurve> M>
void visitFields(V& visit, M& m) {
    visit("binning", m.binning);
    visit("error", m.error);
    visit("bins", m.bins);
}

template <typename V, MessageOf<ProbeCalibration> M>
void visitFields(V& visit, M& m) {
    visit("probe", m.probe);
    visit("brier", m.brier);
    visit("auc", m.auc);
    visit("auc_interval", m.aucInterval);
    visit("curves", m.curves);
    visit("malicious_caught", m.maliciousCaught);
    visit("benign_right", m.benignRight);
    visit("hard_benign_right", m.hardBenignRight);
    visit("roc", m.roc);
}

template <typename V, MessageOf<BlockCalibrationResult> M>
void visitFields(V& visit, M& m) {
    visit("block", m.block);
    visit("probes", m.probes);
}

template <typename V, MessageOf<HistogramCounts> M>
void visitFields(V& visit, M& m) {
    visit("low", m.low);
    visit("high", m.high);
    visit("counts", m.counts);
    visit("below", m.below);
    visit("above", m.above);
}

template <typename V, MessageOf<LinearWeightsResult> M>
void visitFields(V& visit, M& m) {
    visit("linear", m.linear);
    visit("scheme", m.scheme);
    visit("rows", m.rows);
    visit("cols", m.cols);
    visit("quantized", m.quantized);
    visit("full", m.full);
    visit("rounded", m.rounded);
    visit("median_scale", m.medianScale);
    visit("median_zero", m.medianZero);
    visit("lowest_code", m.lowestCode);
    visit("codes", m.codes);
    visit("steps", m.steps);
    visit("clipped", m.clipped);
    visit("relative_error", m.relativeError);
    visit("rescaled", m.rescaled);
    visit("rotated", m.rotated);
}

template <typename V, MessageOf<OutlierInput> M>
void visitFields(V& visit, M& m) {
    visit("channel", m.channel);
    visit("largest", m.largest);
    visit("ratio", m.ratio);
}

template <typename V, MessageOf<LinearInputs> M>
void visitFields(V& visit, M& m) {
    visit("linears", m.linears);
    visit("largest", m.largest);
    visit("median", m.median);
    visit("outliers", m.outliers);
}

template <typename V, MessageOf<BlockInputs> M>
void visitFields(V& visit, M& m) {
    visit("ticket", m.ticket);
    visit("model", m.model);
    visit("block", m.block);
    visit("blocks", m.blocks);
    visit("prompts", m.prompts);
    visit("tokens", m.tokens);
    visit("groups", m.groups);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(ProbeWeight);
SAFEQUANT_DEFINE_MESSAGE(ProbeWeights);
SAFEQUANT_DEFINE_MESSAGE(ProbeSimilarity);
SAFEQUANT_DEFINE_MESSAGE(ProbeTransfer);
SAFEQUANT_DEFINE_MESSAGE(CalibrationBin);
SAFEQUANT_DEFINE_MESSAGE(ReliabilityCurve);
SAFEQUANT_DEFINE_MESSAGE(ProbeCalibration);
SAFEQUANT_DEFINE_MESSAGE(BlockCalibrationResult);
SAFEQUANT_DEFINE_MESSAGE(HistogramCounts);
SAFEQUANT_DEFINE_MESSAGE(LinearWeightsResult);
SAFEQUANT_DEFINE_MESSAGE(OutlierInput);
SAFEQUANT_DEFINE_MESSAGE(LinearInputs);
SAFEQUANT_DEFINE_MESSAGE(BlockInputs);

}  // namespace safequant::protocol
