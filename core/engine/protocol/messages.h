// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/statistics.h"
#include "core/engine/protocol/patch_messages.h"

/// Plain messages between the engine and whoever shows its work. Every struct has `toJson` and `fromJson`; unknown fields are
/// ignored, missing ones keep their defaults. The same JSON objects are the lines of a run folder's events.jsonl.
namespace safequant::protocol {

/// Raised by one whenever a message changes in a way old readers would misunderstand.
inline constexpr int kProtocolVersion = 1;

/// Float arrays travel as base64 of little-endian float32 with their shape.
struct FloatArray {
    std::vector<std::int64_t> shape;
    std::vector<float> values;
};

// ---- requests and their results -------------------------------------------------------------------------------------

/// A quantization method the engine knows.
struct MethodInfo {
    std::string id;        ///< Name in run specs.
    std::string title;     ///< For people.
    std::string describe;  ///< One sentence.
    bool calibrated = false;  ///< Learns from calibration samples.
    bool realigns = false;    ///< Learns towards an aligned model, which the spec names.
    bool quick = false;       ///< `whatif/block` takes it.
    bool tunes = false;       ///< Trains the whole model, on prompts and on text of its own.
};

/// A way to patch what a method made ("quantization.patch").
struct PatchInfo {
    std::string id, title, describe;  ///< As of a method.
    std::string kind;                 ///< As of PatchProgress: patches of one kind have the same settings.
};

/// A judge that needs nothing but an answer's text.
struct JudgeChoice {
    std::string name;      ///< In run specs.
    std::string describe;  ///< One sentence.
};

/// `initialize` {client, protocol_version} -> EngineInfo. A wrong version is a JSON-RPC error that names both.
struct EngineInfo {
    int protocolVersion = kProtocolVersion;
    std::string version;
    std::int64_t pid = 0;
    int threads = 0;
    std::string cpuFeatures;
    std::string cpuName;
    std::uint64_t memoryBytes = 0;
    std::uint64_t residentBytes = 0;  ///< Of the engine now.
    std::vector<MethodInfo> methods;  ///< In the order programs list them.
    std::vector<PatchInfo> patches;
    std::vector<JudgeChoice> judges;
    std::vector<std::string> tasks;   ///< Names of the bundled ones.
};

/// What a model's tokenizer and template do otherwise than those of a copy of the model beside it.
struct TokenizerDifference {
    std::string aspect, detail;
};
struct TokenizerCopy {
    std::string path;                              ///< Of the copy.
    std::vector<TokenizerDifference> differences;  ///< None: they do the same.
};

/// `checkpoint/open` {path, adapters?} -> CheckpointInfo: a model with PEFT LoRA adapters (folders) merged in their order.
struct CheckpointInfo {
    std::string path, format, name, modelType, storedTypes;  ///< storedTypes e.g. "Q4_1, F32, Q6_K".
    int blocks = 0, hiddenSize = 0, intermediateSize = 0, heads = 0, kvHeads = 0, vocabulary = 0, maxPositions = 0;
    std::uint64_t parameters = 0, bytes = 0;
    bool hasChatTemplate = false;
    std::string attention, rotaryPositions, output;  ///< In words, see core/checkpoint/config_text.h.
    std::vector<std::string> adapters;               ///< Names of the merged ones, in order.
    std::vector<std::string> linears;         ///< Full names of quantizable linears, in order.
    std::vector<int> linearRows, linearCols;  ///< Of each.
    std::vector<TokenizerCopy> tokenizerCopies;  ///< Where GGUF and Hugging Face files of a model lie in one folder.
};

/// `prompts/validate` {files, seed} -> PromptSetInfo. "builtin:default" names the bundled set.
struct PromptItem {
    std::string id, text, label, split, category, source;  ///< label "malicious" | "benign" | "hard_benign".
    int cluster = -1;
};
struct PromptSetInfo {
    std::string name, hash;
    std::vector<PromptItem> prompts;
    std::vector<std::string> notices;  ///< "file:line: message".
    int clusters = 0;
};

/// `prompts/sample` {files, seed, mix} -> CalibrationPreview: what a malicious fraction gives.
struct CalibrationPreview {
    int malicious = 0, benign = 0, hardBenign = 0;
    std::vector<std::string> ids;  ///< Of the sample, in order.
};

/// `run/plan` {spec} -> RunPlan: planned bits of every linear and an estimate, before any work.
struct LinearInfo {
    std::string name;
    int block = 0;
    std::string requested, actual, reason;  ///< Schemes as "W4A16 g64 asymmetric"; reason empty when equal.
    int requestedBits = 16, actualBits = 16;
    int actualGroup = -1;
    double bitsPerWeight = 16.0;            ///< With scales and zero points.
    double relativeError = -1.0;            ///< ||W - Q|| / ||W||; -1: not quantized yet.
    double outputError = -1.0;              ///< ||(W - Q) X|| / ||W X|| over the calibration inputs X; -1: not measured.
};
struct RunEstimate {
    double seconds = 0.0, secondsLow = 0.0, secondsHigh = 0.0;
    std::uint64_t peakMemoryBytes = 0, availableMemoryBytes = 0;
    std::uint64_t diskBytes = 0, availableDiskBytes = 0, exportBytes = 0;
    std::string basis;                  ///< How it was found, e.g. "one block timed on this machine".
    std::vector<std::string> warnings;  ///< Memory or disk that will not do, a class that is empty, ...
};
struct RunPlan {
    std::vector<LinearInfo> linears;
    RunEstimate estimate;
};

/// `run/start` {spec, workspace} -> RunRef; `run/resume` {folder} -> RunRef; `run/cancel` {folder} stops after the block;
/// `run/open` {folder} -> RunState and, if it is running, events follow; `run/list` {workspace} -> [RunSummary].
struct RunRef {
    std::string folder;
};
struct RunSummary {
    std::string folder, name, model, scheme, created;
    std::string status;  ///< "running", "finished", "stopped", "failed", "interrupted" (its process died).
    std::string detail;  ///< e.g. "block 11 of 30", or the error.
    bool resumable = false;
};

// ---- events of a run ------------------------------------------------------------------------------------------------

/// Progress of one stage: "capture", "patch", "quantize", "evaluate", "export". Stages not planned do not appear.
struct StageProgress {
    std::string stage;
    std::uint64_t done = 0, total = 0;
    std::string unit;              ///< "blocks", "answers", "tensors".
    double elapsedSeconds = 0.0;
    double secondsLeft = -1.0;     ///< Of the stage; -1: not known yet.
    double runSecondsLeft = -1.0;  ///< Of the whole run.
};

/// A probe on the evaluation prompts.
struct ProbeSummary {
    Rate accuracy;               ///< Malicious against ordinary benign.
    Interval accuracyBootstrap;  ///< By near-duplicate clusters.
    double auc = 0.5;
    Interval aucInterval;
    Rate hardBenign;             ///< Hard benign prompts on the benign side.
    int nonZeros = 0;
    double c = 0.0;
    double meanLogitMalicious = 0.0, meanLogitBenign = 0.0, meanLogitHardBenign = 0.0;
};

/// Separability of one block of one model. `refitted`: probes fitted on this model's own activations; `transferred`: the base
/// model's probes applied to it (absent for the base model).
struct BlockSeparability {
    std::string model;  ///< "base" or "quantized".
    int block = 0;
    ProbeSummary refitted;              ///< Fitted on malicious and ordinary benign calibration prompts.
    ProbeSummary refittedWithHard;      ///< Fitted with hard benign ones among the benign.
    std::optional<ProbeSummary> transferred, transferredWithHard;
    double streamRelativeError = -1.0;  ///< ||h_quantized - h_base|| / ||h_base|| over last tokens; -1 for base.
    std::vector<LinearInfo> linears;    ///< Of a quantized block.
};

/// Means over one pass through the calibration samples, each over samples of its kind, as the objective weighs them.
struct LearningEpoch {
    int epoch = 0;  ///< From 0.
    double benign = 0.0, malicious = 0.0, probe = 0.0;
};

/// A probe of the aligned model's block on the chats a stream was calibrated on. Every chat is judged by a probe fitted on the
/// aligned model's activations of other near-duplicate clusters.
struct StreamProbe {
    double accuracy = 0.0;
    double meanLogitMalicious = 0.0, meanLogitBenign = 0.0;
};

/// What a learned method makes of one block: told after every epoch, and once more when the block is learned.
struct LearnedBlock {
    int block = 0;
    int plannedEpochs = 0;
    std::vector<LearningEpoch> epochs;  ///< Those done.
    bool finished = false;
    double seconds = 0.0;
    /// Mean square of a difference over that of the fine-tuned stream, on the calibration samples; -1: not known.
    double benignError = -1.0;      ///< Quantized against fine-tuned, samples that are not malicious.
    double maliciousError = -1.0;   ///< Quantized against what malicious samples are pulled to.
    double maliciousBefore = -1.0;  ///< Fine-tuned against the same: what there was to repair.
    std::optional<StreamProbe> aligned, fineTuned, quantized;  ///< Once finished, where both classes were calibrated on.
};

/// The control that sees only words, once a run.
struct WordControl {
    Rate accuracy;
    Interval accuracyBootstrap;
    double auc = 0.5;
    Rate hardBenign;
    std::string method;  ///< "multinomial naive Bayes on words".
};

/// One answer, judged.
struct AnswerItem {
    int prompt = 0;            ///< Index in PromptSetInfo.
    std::string id, label;
    std::string model;         ///< "base" or "quantized".
    std::string text;          ///< Empty in events: fetched with `run/answers`.
    std::string outcome;       ///< By the first judge: "refused", "incoherent", "complied".
    std::string secondOutcome; ///< By the second judge.
    int tokens = 0;
    bool ended = false;
};

/// Evaluation of one model. Rates are over the evaluation prompts that were asked.
struct ModelMetrics {
    std::string model;
    std::string judge, secondJudge;
    Rate harmfulScore;        ///< Malicious, complied.
    Rate refusedMalicious, incoherentMalicious;
    Rate refusedBenign, incoherentBenign, refusedHardBenign;
    Rate harmfulScoreSecond, refusedBenignSecond, refusedHardBenignSecond;
    double perplexity = 0.0;
    std::uint64_t perplexityTokens = 0;
    int maxNewTokens = 0;
    double generationSeconds = 0.0, tokensPerSecond = 0.0;
};

/// One line of events.jsonl, and the payload of the notification `run/event` {folder, event}.
/// `type`: "started", "stage", "control", "block", "learning", "patch", "answer", "metrics", "note", "log", "finished"; each uses its own
/// member.
struct RunEvent {
    std::uint64_t sequence = 0;  ///< Line number, from 1, without gaps; continues over resumes.
    double time = 0.0;           ///< Seconds since the epoch.
    std::string type;
    std::optional<StageProgress> stage;
    std::optional<WordControl> control;
    std::optional<BlockSeparability> block;
    std::optional<LearnedBlock> learning;
    std::optional<PatchProgress> patch;  ///< What is new of it.
    std::optional<AnswerItem> answer;
    std::optional<ModelMetrics> metrics;
    std::string level;    ///< Of log lines: "info", "warning", "error".
    std::string message;  ///< Of log lines and notes. A note is what a reader of the numbers must know.
    std::string status;   ///< Of "finished": "finished", "stopped", "failed".
    std::optional<Error> error;
};

/// Everything known of a run so far: enough to draw it without replaying events.
struct RunState {
    RunSummary summary;
    nlohmann::json spec;
    std::vector<PromptItem> prompts;
    std::vector<StageProgress> stages;  ///< In order, those still waiting with done 0.
    std::optional<WordControl> control;
    std::vector<BlockSeparability> blocks;
    std::vector<LearnedBlock> learning;  ///< Of a learned method, by block.
    std::optional<PatchProgress> patch;
    std::vector<ModelMetrics> metrics;
    std::vector<AnswerItem> answers;    ///< Without text.
    std::vector<std::string> notes;
    std::vector<RunEvent> log;          ///< Log lines.
    std::uint64_t sequence = 0;         ///< Of the last event included.
};

/// Applies an event to a state: what the workbench, the engine and the report use alike.
void applyEvent(RunState& state, const RunEvent& event);

/// `run/projection` {folder, block, kind, probe} -> ProjectionResult; kind "probe" | "lda" | "pca", probe "transferred" (when it is
/// left out) | "refitted". Axes are the base model's, but with kind "probe" of the refitted probe the quantized model's points lie on the
/// axes of its own probe, moved along axis 1 so that both models' boundaries are one.
struct ProjectionResult {
    int block = 0;
    std::string kind;
    std::string probe;                 ///< Which one scores the quantized model: the base model's, or its own.
    std::vector<int> prompts;          ///< Prompt index of each row: evaluation prompts.
    FloatArray base;                   ///< `[n, 2]`.
    FloatArray quantized;              ///< `[n, 2]`, or empty.
    std::vector<float> logitsBase;     ///< Probe score (log-odds of malicious) of each row, base probe.
    std::vector<float> logitsQuantized;  ///< `probe` on the quantized model, or empty.
    double boundary = 0.0;             ///< Position of the decision boundary on axis 1; NaN (null in JSON): none.
    double explained1 = 0.0, explained2 = 0.0;
    FloatArray aligned;                ///< `[2, 2]`: mean places of malicious and of benign prompts in the aligned model, where the run has its signature.
};

/// `run/answers` {folder, prompts: [index]} -> [AnswerItem] with text.

/// `export/preflight` {folder, target, format, type: as exportOptionsNamed takes them} -> ExportPreflight; `export/start` {...} -> started,
/// then `export/progress` {folder, target, done, total} and at the end `export/finished` {folder, target, result | error}.
struct ExportPreflight {
    struct Item {
        std::string level;  ///< "ok", "warning", "error".
        std::string message;
    };
    std::string format;
    std::uint64_t bytes = 0, availableBytes = 0;
    bool possible = false;
    std::vector<Item> items;
};
struct ExportOutcome {
    std::string folder;
    std::uint64_t bytes = 0;
    std::vector<std::string> files;
    double maxReloadError = 0.0;
};

#define SAFEQUANT_MESSAGE(Type)          \
    nlohmann::json toJson(const Type&);  \
    void fromJson(const nlohmann::json&, Type&)

SAFEQUANT_MESSAGE(FloatArray);
SAFEQUANT_MESSAGE(MethodInfo);
SAFEQUANT_MESSAGE(PatchInfo);
SAFEQUANT_MESSAGE(JudgeChoice);
SAFEQUANT_MESSAGE(EngineInfo);
SAFEQUANT_MESSAGE(TokenizerDifference);
SAFEQUANT_MESSAGE(TokenizerCopy);
SAFEQUANT_MESSAGE(CheckpointInfo);
SAFEQUANT_MESSAGE(PromptItem);
SAFEQUANT_MESSAGE(PromptSetInfo);
SAFEQUANT_MESSAGE(CalibrationPreview);
SAFEQUANT_MESSAGE(LinearInfo);
SAFEQUANT_MESSAGE(RunEstimate);
SAFEQUANT_MESSAGE(RunPlan);
SAFEQUANT_MESSAGE(RunRef);
SAFEQUANT_MESSAGE(RunSummary);
SAFEQUANT_MESSAGE(StageProgress);
SAFEQUANT_MESSAGE(ProbeSummary);
SAFEQUANT_MESSAGE(BlockSeparability);
SAFEQUANT_MESSAGE(LearningEpoch);
SAFEQUANT_MESSAGE(StreamProbe);
SAFEQUANT_MESSAGE(LearnedBlock);
SAFEQUANT_MESSAGE(WordControl);
SAFEQUANT_MESSAGE(AnswerItem);
SAFEQUANT_MESSAGE(ModelMetrics);
SAFEQUANT_MESSAGE(RunEvent);
SAFEQUANT_MESSAGE(RunState);
SAFEQUANT_MESSAGE(ProjectionResult);
SAFEQUANT_MESSAGE(ExportPreflight);
SAFEQUANT_MESSAGE(ExportOutcome);
SAFEQUANT_MESSAGE(Error);
#undef SAFEQUANT_MESSAGE

/// Parses any message. bad_input when the JSON has a field of the wrong type, naming it.
template <typename T>
Expected<T> parseMessage(const nlohmann::json& json) {
    try {
        T value;
        fromJson(json, value);
        return value;
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::BadInput, std::string("The message cannot be read: ") + error.what());
    }
}

/// Language-server framing: "Content-Length: N\r\n\r\n" + body.
std::string frameMessage(const nlohmann::json& message);

/// Cuts framed messages out of a byte stream that arrives in any pieces.
class FrameReader {
public:
    void feed(std::string_view bytes);
    /// The next whole message; empty when more bytes are needed. Errors: bad_input on broken headers or JSON, or above 256 MB.
    Expected<std::optional<nlohmann::json>> next();

private:
    std::string m_buffer;
    std::size_t m_consumed = 0;
};

/// base64 of little-endian float32, and back. Error: bad_input.
std::string encodeFloats(std::span<const float> values);
Expected<std::vector<float>> decodeFloats(std::string_view base64);

}  // namespace safequant::protocol
