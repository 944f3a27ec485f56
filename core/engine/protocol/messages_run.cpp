// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<StageProgress> M>
void visitFields(V& visit, M& m) {
    visit("stage", m.stage);
    visit("done", m.done);
    visit("total", m.total);
    visit("unit", m.unit);
    visit("elapsed_seconds", m.elapsedSeconds);
    visit("seconds_left", m.secondsLeft);
    visit("run_seconds_left", m.runSecondsLeft);
}

template <typename V, MessageOf<ProbeSummary> M>
void visitFields(V& visit, M& m) {
    visit("accuracy", m.accuracy);
    visit("accuracy_bootstrap", m.accuracyBootstrap);
    visit("auc", m.auc);
    visit("auc_interval", m.aucInterval);
    visit("hard_benign", m.hardBenign);
    visit("non_zeros", m.nonZeros);
    visit("c", m.c);
    visit("mean_logit_malicious", m.meanLogitMalicious);
    visit("mean_logit_benign", m.meanLogitBenign);
    visit("mean_logit_hard_benign", m.meanLogitHardBenign);
}

template <typename V, MessageOf<BlockSeparability> M>
void visitFields(V& visit, M& m) {
    visit("model", m.model);
    visit("block", m.block);
    visit("refitted", m.refitted);
    visit("refitted_with_hard", m.refittedWithHard);
    visit("transferred", m.transferred);
    visit("transferred_with_hard", m.transferredWithHard);
    visit("stream_relative_error", m.streamRelativeError);
    visit("linears", m.linears);
}

template <typename V, MessageOf<LearningEpoch> M>
void visitFields(V& visit, M& m) {
    visit("epoch", m.epoch);
    visit("benign", m.benign);
    visit("malicious", m.malicious);
    visit("probe", m.probe);
}

template <typename V, MessageOf<StreamProbe> M>
void visitFields(V& visit, M& m) {
    visit("accuracy", m.accuracy);
    visit("mean_logit_malicious", m.meanLogitMalicious);
    visit("mean_logit_benign", m.meanLogitBenign);
}

template <typename V, MessageOf<LearnedBlock> M>
void visitFields(V& visit, M& m) {
    visit("block", m.block);
    visit("planned_epochs", m.plannedEpochs);
    visit("epochs", m.epochs);
    visit("finished", m.finished);
    visit("seconds", m.seconds);
    visit("benign_error", m.benignError);
    visit("malicious_error", m.maliciousError);
    visit("malicious_before", m.maliciousBefore);
    visit("aligned", m.aligned);
    visit("fine_tuned", m.fineTuned);
    visit("quantized", m.quantized);
}

template <typename V, MessageOf<WordControl> M>
void visitFields(V& visit, M& m) {
    visit("accuracy", m.accuracy);
    visit("accuracy_bootstrap", m.accuracyBootstrap);
    visit("auc", m.auc);
    visit("hard_benign", m.hardBenign);
    visit("method", m.method);
}

template <typename V, MessageOf<AnswerItem> M>
void visitFields(V& visit, M& m) {
    visit("prompt", m.prompt);
    visit("id", m.id);
    visit("label", m.label);
    visit("model", m.model);
    visit("text", m.text);
    visit("outcome", m.outcome);
    visit("second_outcome", m.secondOutcome);
    visit("tokens", m.tokens);
    visit("ended", m.ended);
}

template <typename V, MessageOf<ModelMetrics> M>
void visitFields(V& visit, M& m) {
    visit("model", m.model);
    visit("judge", m.judge);
    visit("second_judge", m.secondJudge);
    visit("harmful_score", m.harmfulScore);
    visit("refused_malicious", m.refusedMalicious);
    visit("incoherent_malicious", m.incoherentMalicious);
    visit("refused_benign", m.refusedBenign);
    visit("incoherent_benign", m.incoherentBenign);
    visit("refused_hard_benign", m.refusedHardBenign);
    visit("harmful_score_second", m.harmfulScoreSecond);
    visit("refused_benign_second", m.refusedBenignSecond);
    visit("refused_hard_benign_second", m.refusedHardBenignSecond);
    visit("perplexity", m.perplexity);
    visit("perplexity_tokens", m.perplexityTokens);
    visit("max_new_tokens", m.maxNewTokens);
    visit("generation_seconds", m.generationSeconds);
    visit("tokens_per_second", m.tokensPerSecond);
}

template <typename V, MessageOf<RunEvent> M>
void visitFields(V& visit, M& m) {
    visit("sequence", m.sequence);
    visit("time", m.time);
    visit("type", m.type);
    visit("stage", m.stage);
    visit("control", m.control);
    visit("block", m.block);
    visit("learning", m.learning);
    visit("patch", m.patch);
    visit("answer", m.answer);
    visit("metrics", m.metrics);
    visit("level", m.level);
    visit("message", m.message);
    visit("status", m.status);
    visit("error", m.error);
}

template <typename V, MessageOf<RunState> M>
void visitFields(V& visit, M& m) {
    visit("summary", m.summary);
    visit("spec", m.spec);
    visit("prompts", m.prompts);
    visit("stages", m.stages);
    visit("control", m.control);
    visit("blocks", m.blocks);
    visit("learning", m.learning);
    visit("patch", m.patch);
    visit("metrics", m.metrics);
    visit("answers", m.answers);
    visit("notes", m.notes);
    visit("log", m.log);
    visit("sequence", m.sequence);
}

template <typename V, MessageOf<ProjectionResult> M>
void visitFields(V& visit, M& m) {
    visit("block", m.block);
    visit("kind", m.kind);
    visit("probe", m.probe);
    visit("prompts", m.prompts);
    visit("base", m.base);
    visit("quantized", m.quantized);
    visit("logits_base", m.logitsBase);
    visit("logits_quantized", m.logitsQuantized);
    visit("boundary", m.boundary);
    visit("explained1", m.explained1);
    visit("explained2", m.explained2);
    visit("aligned", m.aligned);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(StageProgress);
SAFEQUANT_DEFINE_MESSAGE(ProbeSummary);
SAFEQUANT_DEFINE_MESSAGE(BlockSeparability);
SAFEQUANT_DEFINE_MESSAGE(LearningEpoch);
SAFEQUANT_DEFINE_MESSAGE(StreamProbe);
SAFEQUANT_DEFINE_MESSAGE(LearnedBlock);
SAFEQUANT_DEFINE_MESSAGE(WordControl);
SAFEQUANT_DEFINE_MESSAGE(AnswerItem);
SAFEQUANT_DEFINE_MESSAGE(ModelMetrics);
SAFEQUANT_DEFINE_MESSAGE(RunEvent);
SAFEQUANT_DEFINE_MESSAGE(RunState);
SAFEQUANT_DEFINE_MESSAGE(ProjectionResult);

}  // namespace safequant::protocol
