// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/prompt_messages.h"

#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<PromptFileInfo> M>
void visitFields(V& visit, M& m) {
    visit("path", m.path);
    visit("sha256", m.sha256);
    visit("format", m.format);
    visit("title", m.title);
    visit("benchmark", m.benchmark);
    visit("delimiter", m.delimiter);
    visit("columns", m.columns);
    visit("skipped", m.skipped);
    visit("map", m.map);
    visit("label_values", m.labelValues);
    visit("label", m.label);
    visit("suggested_label", m.suggestedLabel);
    visit("suggested_because", m.suggestedBecause);
    visit("prompts", m.prompts);
    visit("problems", m.problems);
    visit("corrected", m.corrected);
    visit("left_out", m.leftOut);
    visit("with_system", m.withSystem);
    visit("with_earlier", m.withEarlier);
}

template <typename V, MessageOf<PromptFinding> M>
void visitFields(V& visit, M& m) {
    visit("level", m.level);
    visit("kind", m.kind);
    visit("file", m.file);
    visit("line", m.line);
    visit("message", m.message);
}

template <typename V, MessageOf<PromptClassCount> M>
void visitFields(V& visit, M& m) {
    visit("label", m.label);
    visit("calibration", m.calibration);
    visit("evaluation", m.evaluation);
}

template <typename V, MessageOf<LengthSummary> M>
void visitFields(V& visit, M& m) {
    visit("count", m.count);
    visit("mean", m.mean);
    visit("median", m.median);
    visit("p95", m.p95);
    visit("shortest", m.shortest);
    visit("longest", m.longest);
}

template <typename V, MessageOf<PromptClassLength> M>
void visitFields(V& visit, M& m) {
    visit("label", m.label);
    visit("words", m.words);
    visit("tokens", m.tokens);
}

template <typename V, MessageOf<StyleFeature> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("malicious", m.malicious);
    visit("benign", m.benign);
    visit("auc", m.auc);
}

template <typename V, MessageOf<WordWeight> M>
void visitFields(V& visit, M& m) {
    visit("word", m.word);
    visit("log_odds", m.logOdds);
    visit("malicious", m.malicious);
    visit("benign", m.benign);
}

template <typename V, MessageOf<StyleReport> M>
void visitFields(V& visit, M& m) {
    visit("folds", m.folds);
    visit("accuracy", m.accuracy);
    visit("auc", m.auc);
    visit("majority", m.majority);
    visit("hard_benign", m.hardBenign);
    visit("features", m.features);
    visit("malicious", m.malicious);
    visit("benign", m.benign);
}

template <typename V, MessageOf<PromptSourceInfo> M>
void visitFields(V& visit, M& m) {
    visit("source", m.source);
    visit("malicious", m.malicious);
    visit("benign", m.benign);
    visit("hard_benign", m.hardBenign);
    visit("mean_words", m.meanWords);
    visit("questions", m.questions);
    visit("words_right", m.wordsRight);
}

template <typename V, MessageOf<PromptReport> M>
void visitFields(V& visit, M& m) {
    visit("files", m.files);
    visit("usable", m.usable);
    visit("errors", m.errors);
    visit("warnings", m.warnings);
    visit("findings", m.findings);
    visit("hash", m.hash);
    visit("classes", m.classes);
    visit("prompts", m.prompts);
    visit("clusters", m.clusters);
    visit("largest_cluster", m.largestCluster);
    visit("duplicates", m.duplicates);
    visit("near_duplicates", m.nearDuplicates);
    visit("overlap_clusters", m.overlapClusters);
    visit("overlap_prompts", m.overlapPrompts);
    visit("lengths", m.lengths);
    visit("context", m.context);
    visit("truncated", m.truncated);
    visit("style", m.style);
    visit("sources", m.sources);
}

template <typename V, MessageOf<PromptPreview::Row> M>
void visitFields(V& visit, M& m) {
    visit("line", m.line);
    visit("begin", m.begin);
    visit("id", m.id);
    visit("label", m.label);
    visit("left_out", m.leftOut);
    visit("cells", m.cells);
    visit("prompt", m.prompt);
}

template <typename V, MessageOf<PromptPreview> M>
void visitFields(V& visit, M& m) {
    visit("file", m.file);
    visit("columns", m.columns);
    visit("rows", m.rows);
    visit("more", m.more);
    visit("problem", m.problem);
}

template <typename V, MessageOf<TokenInfo> M>
void visitFields(V& visit, M& m) {
    visit("id", m.id);
    visit("text", m.text);
    visit("special", m.special);
}

template <typename V, MessageOf<PromptReading> M>
void visitFields(V& visit, M& m) {
    visit("template", m.hasTemplate);
    visit("first", m.first);
    visit("end", m.end);
    visit("tokens", m.tokens);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(PromptFileInfo);
SAFEQUANT_DEFINE_MESSAGE(PromptFinding);
SAFEQUANT_DEFINE_MESSAGE(PromptClassCount);
SAFEQUANT_DEFINE_MESSAGE(LengthSummary);
SAFEQUANT_DEFINE_MESSAGE(PromptClassLength);
SAFEQUANT_DEFINE_MESSAGE(StyleFeature);
SAFEQUANT_DEFINE_MESSAGE(WordWeight);
SAFEQUANT_DEFINE_MESSAGE(StyleReport);
SAFEQUANT_DEFINE_MESSAGE(PromptSourceInfo);
SAFEQUANT_DEFINE_MESSAGE(PromptReport);
SAFEQUANT_DEFINE_MESSAGE(PromptPreview::Row);
SAFEQUANT_DEFINE_MESSAGE(PromptPreview);
SAFEQUANT_DEFINE_MESSAGE(TokenInfo);
SAFEQUANT_DEFINE_MESSAGE(PromptReading);

}  // namespace safequant::protocol
