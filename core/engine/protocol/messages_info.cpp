// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>

#include "core/engine/protocol/fields.h"

namespace safequant::protocol {
namespace {

constexpr std::array kErrorKinds{ErrorKind::BadInput,  ErrorKind::NotFound, ErrorKind::Unsupported,
                                 ErrorKind::Mismatch,  ErrorKind::Io,       ErrorKind::OutOfMemory,
                                 ErrorKind::Cancelled, ErrorKind::Failed};

template <typename V, MessageOf<Interval> M>
void visitFields(V& visit, M& m) {
    visit("low", m.low);
    visit("high", m.high);
}

template <typename V, MessageOf<Rate> M>
void visitFields(V& visit, M& m) {
    visit("count", m.count);
    visit("total", m.total);
    visit("value", m.value);
    visit("wilson", m.wilson);
}

template <typename V, MessageOf<MethodInfo> M>
void visitFields(V& visit, M& m) {
    visit("id", m.id);
    visit("title", m.title);
    visit("describe", m.describe);
    visit("calibrated", m.calibrated);
    visit("realigns", m.realigns);
    visit("quick", m.quick);
    visit("tunes", m.tunes);
}

template <typename V, MessageOf<JudgeChoice> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("describe", m.describe);
}

template <typename V, MessageOf<PatchInfo> M>
void visitFields(V& visit, M& m) {
    visit("id", m.id);
    visit("title", m.title);
    visit("describe", m.describe);
    visit("kind", m.kind);
}

template <typename V, MessageOf<EngineInfo> M>
void visitFields(V& visit, M& m) {
    visit("protocol_version", m.protocolVersion);
    visit("version", m.version);
    visit("pid", m.pid);
    visit("threads", m.threads);
    visit("cpu_features", m.cpuFeatures);
    visit("cpu_name", m.cpuName);
    visit("memory_bytes", m.memoryBytes);
    visit("resident_bytes", m.residentBytes);
    visit("methods", m.methods);
    visit("patches", m.patches);
    visit("judges", m.judges);
    visit("tasks", m.tasks);
}

template <typename V, MessageOf<TokenizerDifference> M>
void visitFields(V& visit, M& m) {
    visit("aspect", m.aspect);
    visit("detail", m.detail);
}

template <typename V, MessageOf<TokenizerCopy> M>
void visitFields(V& visit, M& m) {
    visit("path", m.path);
    visit("differences", m.differences);
}

template <typename V, MessageOf<CheckpointInfo> M>
void visitFields(V& visit, M& m) {
    visit("path", m.path);
    visit("format", m.format);
    visit("name", m.name);
    visit("model_type", m.modelType);
    visit("stored_types", m.storedTypes);
    visit("blocks", m.blocks);
    visit("hidden_size", m.hiddenSize);
    visit("intermediate_size", m.intermediateSize);
    visit("heads", m.heads);
    visit("kv_heads", m.kvHeads);
    visit("vocabulary", m.vocabulary);
    visit("max_positions", m.maxPositions);
    visit("parameters", m.parameters);
    visit("bytes", m.bytes);
    visit("has_chat_template", m.hasChatTemplate);
    visit("attention", m.attention);
    visit("rotary_positions", m.rotaryPositions);
    visit("output", m.output);
    visit("adapters", m.adapters);
    visit("linears", m.linears);
    visit("linear_rows", m.linearRows);
    visit("linear_cols", m.linearCols);
    visit("tokenizer_copies", m.tokenizerCopies);
}

template <typename V, MessageOf<PromptItem> M>
void visitFields(V& visit, M& m) {
    visit("id", m.id);
    visit("text", m.text);
    visit("label", m.label);
    visit("split", m.split);
    visit("category", m.category);
    visit("source", m.source);
    visit("cluster", m.cluster);
}

template <typename V, MessageOf<PromptSetInfo> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("hash", m.hash);
    visit("prompts", m.prompts);
    visit("notices", m.notices);
    visit("clusters", m.clusters);
}

template <typename V, MessageOf<CalibrationPreview> M>
void visitFields(V& visit, M& m) {
    visit("malicious", m.malicious);
    visit("benign", m.benign);
    visit("hard_benign", m.hardBenign);
    visit("ids", m.ids);
}

template <typename V, MessageOf<LinearInfo> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("block", m.block);
    visit("requested", m.requested);
    visit("actual", m.actual);
    visit("reason", m.reason);
    visit("requested_bits", m.requestedBits);
    visit("actual_bits", m.actualBits);
    visit("actual_group", m.actualGroup);
    visit("bits_per_weight", m.bitsPerWeight);
    visit("relative_error", m.relativeError);
    visit("output_error", m.outputError);
}

template <typename V, MessageOf<RunEstimate> M>
void visitFields(V& visit, M& m) {
    visit("seconds", m.seconds);
    visit("seconds_low", m.secondsLow);
    visit("seconds_high", m.secondsHigh);
    visit("peak_memory_bytes", m.peakMemoryBytes);
    visit("available_memory_bytes", m.availableMemoryBytes);
    visit("disk_bytes", m.diskBytes);
    visit("available_disk_bytes", m.availableDiskBytes);
    visit("export_bytes", m.exportBytes);
    visit("basis", m.basis);
    visit("warnings", m.warnings);
}

template <typename V, MessageOf<RunPlan> M>
void visitFields(V& visit, M& m) {
    visit("linears", m.linears);
    visit("estimate", m.estimate);
}

template <typename V, MessageOf<RunRef> M>
void visitFields(V& visit, M& m) {
    visit("folder", m.folder);
}

template <typename V, MessageOf<RunSummary> M>
void visitFields(V& visit, M& m) {
    visit("folder", m.folder);
    visit("name", m.name);
    visit("model", m.model);
    visit("scheme", m.scheme);
    visit("created", m.created);
    visit("status", m.status);
    visit("detail", m.detail);
    visit("resumable", m.resumable);
}

template <typename V, MessageOf<ExportPreflight::Item> M>
void visitFields(V& visit, M& m) {
    visit("level", m.level);
    visit("message", m.message);
}

template <typename V, MessageOf<ExportPreflight> M>
void visitFields(V& visit, M& m) {
    visit("format", m.format);
    visit("bytes", m.bytes);
    visit("available_bytes", m.availableBytes);
    visit("possible", m.possible);
    visit("items", m.items);
}

template <typename V, MessageOf<ExportOutcome> M>
void visitFields(V& visit, M& m) {
    visit("folder", m.folder);
    visit("bytes", m.bytes);
    visit("files", m.files);
    visit("max_reload_error", m.maxReloadError);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(Interval);
SAFEQUANT_DEFINE_MESSAGE(Rate);
SAFEQUANT_DEFINE_MESSAGE(MethodInfo);
SAFEQUANT_DEFINE_MESSAGE(PatchInfo);
SAFEQUANT_DEFINE_MESSAGE(JudgeChoice);
SAFEQUANT_DEFINE_MESSAGE(EngineInfo);
SAFEQUANT_DEFINE_MESSAGE(TokenizerDifference);
SAFEQUANT_DEFINE_MESSAGE(TokenizerCopy);
SAFEQUANT_DEFINE_MESSAGE(CheckpointInfo);
SAFEQUANT_DEFINE_MESSAGE(PromptItem);
SAFEQUANT_DEFINE_MESSAGE(PromptSetInfo);
SAFEQUANT_DEFINE_MESSAGE(CalibrationPreview);
SAFEQUANT_DEFINE_MESSAGE(LinearInfo);
SAFEQUANT_DEFINE_MESSAGE(RunEstimate);
SAFEQUANT_DEFINE_MESSAGE(RunPlan);
SAFEQUANT_DEFINE_MESSAGE(RunRef);
SAFEQUANT_DEFINE_MESSAGE(RunSummary);
SAFEQUANT_DEFINE_MESSAGE(ExportPreflight::Item);
SAFEQUANT_DEFINE_MESSAGE(ExportPreflight);
SAFEQUANT_DEFINE_MESSAGE(ExportOutcome);

nlohmann::json toJson(const Error& error) {
    return {{"kind", std::string(errorKindName(error.kind))}, {"message", error.message}, {"context", error.context}, {"hint", error.hint}};
}

void fromJson(const nlohmann::json& json, Error& error) {
    FieldReader reader(json);
    std::string kind(errorKindName(error.kind));
    reader("kind", kind);
    reader("message", error.message);
    reader("context", error.context);
    reader("hint", error.hint);
    error.kind = ErrorKind::Failed;
    for (const auto known : kErrorKinds)
        if (errorKindName(known) == kind) error.kind = known;
}

}  // namespace safequant::protocol
